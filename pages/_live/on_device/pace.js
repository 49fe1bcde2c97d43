// How often frames are recognized: every one, 15 a second on battery, 8 when it is nearly empty.

const ON_BATTERY = 15, NEARLY_EMPTY = 8, LOW = 0.2;

export class Pace {
  constructor() {
    this.perSecond = Infinity;
    this.last = -Infinity;
    navigator.getBattery?.().then((battery) => {
      const look = () => (this.perSecond = battery.charging ? Infinity : battery.level <= LOW ? NEARLY_EMPTY : ON_BATTERY);
      battery.addEventListener("chargingchange", look);
      battery.addEventListener("levelchange", look);
      look();
    }).catch(() => {});
  }

  // Whether the frame of this time, in ms, is to be recognized.
  isDue(now) {
    if (now - this.last < 1000 / this.perSecond - 8) return false;
    this.last = now;
    return true;
  }
}
