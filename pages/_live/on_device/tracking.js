// Tracking, smoothing and stable labels: the same rules as `fer_core.recognition.tracking`, whose
// constants come from Python. Probabilities are float32, in the order of the emotions.

import { iou } from "./yunet.js";

export class Tracker {
  constructor(rules) {
    this.rules = rules; // max_absence_s, max_gap_s, speed, lead, band
    this.halfLife = 0.3;
    this.tracks = new Map();
    this.last = 0;
    this.looked = 0; // time of the last search
  }

  // Assigns detections to persons; returns for each its person and its stabilized box.
  associate(detections, time) {
    const { max_absence_s: absence, max_gap_s: gap, speed } = this.rules;
    for (const [person, track] of this.tracks) {
      const limit = track.seen === this.looked ? Math.max(absence, gap) : absence; // a face nobody missed was not away
      if (time - track.seen > limit) this.tracks.delete(person);
    }
    const candidates = [...this.tracks.values()], radius = Math.min(Math.max(1, speed * (time - this.looked)), speed);
    const pairs = new Map(match(candidates.map((t) => t.box), detections.map((d) => d.box), radius).map(([t, d]) => [d, t]));
    this.looked = time;
    return detections.map((detection, index) => this.#update(candidates[pairs.get(index)], detection, time));
  }

  #update(track, detection, time) {
    if (track === undefined) {
      track = { person: ++this.last, box: detection.box, seen: time, probabilities: null };
      this.tracks.set(track.person, track);
    } else {
      Object.assign(track, { box: stabilizeBox(track.box, detection.box), seen: time });
    }
    return { ...detection, person: track.person, box: track.box };
  }

  // Returns a face with smoothed probabilities and a label that does not flicker.
  smooth(face, probabilities, time, abstainBelow, reason = "") {
    const track = this.tracks.get(face.person);
    if (track.probabilities === null) {
      track.probabilities = Float32Array.from(probabilities);
      track.label = argmax(probabilities);
      track.uncertain = !reason && probabilities[track.label] < abstainBelow;
      Object.assign(track, { reason, reasonWeight: reason ? 1 : 0 });
    } else {
      const exact = emaWeight(time - track.read, this.halfLife), weight = Math.fround(exact);
      track.probabilities = track.probabilities.map((old, at) =>
        Math.fround(old + Math.fround(weight * Math.fround(probabilities[at] - old))));
      track.label = hysteresisLabel(track.label, track.probabilities, this.rules.lead);
      const confidence = track.probabilities[track.label], band = this.rules.band;
      track.uncertain = confidence < abstainBelow + (track.uncertain ? band : -band);
      track.reason = reason || track.reason;
      track.reasonWeight += exact * ((reason ? 1 : 0) - track.reasonWeight);
    }
    track.read = time;
    const hasReason = track.reasonWeight >= 0.5; // most of the last moments
    return {
      ...face, probabilities: track.probabilities, label: track.label,
      uncertain: track.uncertain || hasReason, reason: hasReason ? track.reason : "",
    };
  }

  // Frames have another size from now on; they show the same around their middle.
  resize([oldWidth, oldHeight], [width, height]) {
    const factor = Math.max(width, height) / Math.max(oldWidth, oldHeight);
    const right = (width - oldWidth * factor) / 2, down = (height - oldHeight * factor) / 2;
    for (const track of this.tracks.values())
      track.box = track.box.map((value, at) => value * factor + (at % 2 ? down : right));
  }
}

export function argmax(values) {
  let best = 0;
  for (let at = 1; at < values.length; at++) if (values[at] > values[best]) best = at;
  return best;
}

export const emaWeight = (elapsed, halfLife) => (halfLife <= 0 ? 1 : 1 - 2 ** (-Math.max(elapsed, 0) / halfLife));

export function hysteresisLabel(label, probabilities, lead) {
  const best = argmax(probabilities);
  return Math.fround(probabilities[best] - probabilities[label]) > lead ? best : label;
}

export function stabilizeBox(old, box) {
  const side = Math.max(box[2] - box[0], box[3] - box[1], 1);
  const move = Math.max(...box.map((value, at) => Math.abs(old[at] - value))) / side;
  const weight = Math.min(0.3 + 7 * move, 1);
  return box.map((value, at) => old[at] + weight * (value - old[at]));
}

export function matchScore(a, b, radius = 1) {
  const widths = [a[2] - a[0], b[2] - b[0]], heights = [a[3] - a[1], b[3] - b[1]];
  const side = (Math.max(widths[0], heights[0]) + Math.max(widths[1], heights[1])) / 2;
  if (side <= 0 || Math.max(...widths) > 2.5 * Math.min(...widths)) return 0;
  const away = Math.hypot((a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2);
  return iou(a, b) + Math.max(1 - away / (radius * side), 0);
}

// The pairs [track, detection] with the largest total score, each once.
function match(tracks, detections, radius) {
  if (!tracks.length || !detections.length) return [];
  const scores = tracks.map((a) => detections.map((b) => matchScore(a, b, radius)));
  return assign(scores).filter(([row, column]) => scores[row][column] > 0);
}

// The pairs [row, column] of the largest sum, by shortest augmenting paths (Crouse 2016).
export function assign(scores) {
  if (scores.length > scores[0].length) {
    const turned = scores[0].map((_, column) => scores.map((row) => row[column]));
    return assign(turned).map(([column, row]) => [row, column]);
  }
  const columns = scores[0].length, rowOf = new Array(columns).fill(-1);
  const u = new Array(scores.length).fill(0), v = new Array(columns).fill(0);
  for (let start = 0; start < scores.length; start++) {
    const cost = new Array(columns).fill(Infinity), from = new Array(columns).fill(-1), done = new Array(columns).fill(false);
    let row = start, shortest = 0, sink = -1;
    const visited = [];
    while (sink < 0) {
      visited.push(row);
      let next = -1;
      for (let column = 0; column < columns; column++) {
        if (done[column]) continue;
        const reduced = shortest - scores[row][column] - u[row] - v[column];
        if (reduced < cost[column]) [cost[column], from[column]] = [reduced, row];
        if (next < 0 || cost[column] < cost[next] || (cost[column] === cost[next] && rowOf[column] < 0)) next = column;
      }
      shortest = cost[next];
      done[next] = true;
      if (rowOf[next] < 0) sink = next;
      else row = rowOf[next];
    }
    u[start] += shortest;
    for (const other of visited) {
      const column = rowOf.indexOf(other);
      if (other !== start) u[other] += shortest - cost[column];
    }
    for (let column = 0; column < columns; column++) if (done[column]) v[column] -= shortest - cost[column];
    for (let column = sink; ; ) {
      const owner = from[column], previous = rowOf.indexOf(owner);
      rowOf[column] = owner;
      if (owner === start) break;
      column = previous;
    }
  }
  return rowOf.map((row, column) => [row, column]).filter(([row]) => row >= 0);
}
