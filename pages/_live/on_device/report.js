// What goes to the server: rows of results as numbers, never pixels; see fer_core.live.DeviceView.

const MOST_ROWS = 600, PATIENCE_MS = 5000;
const PAUSE = 4; // times the last answer took: a busy server is asked less often, and no row is lost
const round = (value, digits) => Number(value.toFixed(digits));

export class Report {
  // send(message) hands a message to the server, which acknowledges its number.
  constructor(send) {
    this.send = send;
    this.number = 0;
    this.begin();
  }

  begin() {
    this.view = `${Date.now()}-${Math.random().toString(36).slice(2, 10)}`;
    this.rows = [];
    this.inFlight = [];
    this.sentAt = -Infinity;
    this.answerMs = 0;
    this.acknowledged = this.number;
  }

  add(id, time, width, height, faces, reasons) {
    const rows = faces.map((face) => rowOf(face, reasons));
    this.rows.push([id, round(1000 * time, 1), width, height, rows]);
    if (this.rows.length > MOST_ROWS) this.rows.shift();
  }

  acknowledge(number, now) {
    if (number < this.number || this.acknowledged === number) return;
    this.acknowledged = number;
    this.answerMs = now - this.sentAt;
    this.inFlight = [];
  }

  // Sends what there is, unless the server still works on the message before.
  flush(now, running, stats, isLast = false) {
    const pause = this.acknowledged < this.number ? PATIENCE_MS : Math.min(PAUSE * this.answerMs, PATIENCE_MS);
    if (!isLast && now - this.sentAt < pause) return;
    this.inFlight = [...this.inFlight, ...this.rows].slice(-MOST_ROWS);
    this.rows = [];
    this.number += 1;
    this.sentAt = now;
    this.send({ view: this.view, number: this.number, running, stats, rows: this.inFlight });
  }
}

export function rowOf({ person, label, uncertain, reason, score, roll, box, probabilities }, reasons) {
  const corners = box.map((value) => round(value, 2)), shares = [...probabilities].map((value) => round(value, 5));
  return [person, label, uncertain ? 1 : 0, reasons.indexOf(reason), round(score, 4), round(roll, 2), ...corners, ...shares];
}
