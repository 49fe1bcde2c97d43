// Rates and delays of the last two seconds, with the names of fer_core.live.LiveStats.

const WINDOW_MS = 2000;

export class Stats {
  constructor() {
    Object.assign(this, { frames: 0, dropped: 0, shown: [], results: [], ages: [], detect: 0, classify: 0 });
  }

  frame(now) {
    this.frames += 1;
    this.shown.push(now);
    trim(this.shown, now);
  }

  result(now, age, { detect, classify }) {
    this.results.push(now);
    trim(this.results, now);
    this.ages.push(age);
    if (this.ages.length > 60) this.ages.shift();
    Object.assign(this, { detect, classify });
  }

  values() {
    const ages = [...this.ages].sort((a, b) => a - b), share = (part) => ages[Math.floor(part * (ages.length - 1))] ?? 0;
    const fields = {
      fps: rate(this.shown), results_per_s: rate(this.results), age_ms: share(0.5), age_p95_ms: share(0.95),
      detect_ms: this.detect, classify_ms: this.classify, frames: this.frames, dropped: this.dropped,
    };
    return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, Number(value.toFixed(2))]));
  }
}

const trim = (times, now) => {
  while (times.length && times[0] < now - WINDOW_MS) times.shift();
};

const rate = (times) => {
  const span = (times.at(-1) - times[0]) / 1000;
  return span > 0 ? (times.length - 1) / span : 0;
};
