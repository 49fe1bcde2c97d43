// Face crops on their way to the server. A crop stays here until the server says that it has it, so
// that none is lost while the server is busy or after the camera has stopped.

const MOST_WAITING = 60;
const MOST_IN_MESSAGE = 10; // the server takes no more of one message
const PAUSE_MS = 300, PATIENCE_MS = 5000;

export class CropQueue {
  // send(message) hands a message to the server, which acknowledges its number.
  constructor(send) {
    this.send = send;
    this.id = `${Date.now()}-${Math.random().toString(36).slice(2, 10)}`;
    this.crops = [];
    this.inFlight = [];
    this.number = 0;
    this.sentAt = -Infinity;
    this.timer = 0;
  }

  get isFull() {
    return this.crops.length + this.inFlight.length >= MOST_WAITING;
  }

  add(crop, now) {
    this.crops.push(crop);
    this.flush(now);
  }

  // The server has all messages of a queue up to a number.
  acknowledge([id, number], now) {
    if (id === this.id && number === this.number && this.inFlight.length) {
      this.inFlight = [];
      this.flush(now);
    }
  }

  // Sends what there is; one message is under way at a time, and sent again without an answer.
  flush(now) {
    clearTimeout(this.timer);
    const isAgain = this.inFlight.length > 0;
    if (!isAgain && !this.crops.length) return;
    const wait = this.sentAt + (isAgain ? PATIENCE_MS : PAUSE_MS) - now;
    if (wait > 0) return void (this.timer = setTimeout(() => this.flush(performance.now()), wait));
    if (!isAgain) {
      this.inFlight = this.crops.splice(0, MOST_IN_MESSAGE);
      this.number += 1;
    }
    this.sentAt = now;
    this.send({ queue: this.id, number: this.number, list: this.inFlight });
    this.timer = setTimeout(() => this.flush(performance.now()), PATIENCE_MS);
  }

  close() {
    clearTimeout(this.timer);
  }
}
