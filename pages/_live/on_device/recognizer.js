// Frames in, tracked faces out: `fer_core.recognition.tracking_recognizer` in the browser.

import { faceCrop, fillInput } from "./pixels.js";
import { argmax, Tracker } from "./tracking.js";
import { fillTiles, turnUpright } from "./upright.js";
import { area, decode, detectorSize, fillDetectorInput, finish, merge } from "./yunet.js";

export class TrackingRecognizer {
  // openDetector(size) resolves to a network; classifier is one; rules come from Python.
  constructor(openDetector, classifier, rules) {
    this.rules = rules;
    this.classifier = classifier;
    this.openDetector = openDetector;
    this.tracker = new Tracker(rules.tracking);
    this.faces = [];
    this.sinceDetection = 0;
    this.detectedAt = -Infinity;
    this.shape = [0, 0];
    this.times = { detect: 0, classify: 0 };
    this.crops = new Map();
  }

  // Returns the faces of a frame {data, width, height, channels}; time is in seconds.
  async recognize(frame, time, options) {
    this.tracker.halfLife = options.half_life_s;
    if (this.#isDetectionDue(frame, time, options)) await this.#detect(frame, time);
    this.sinceDetection += 1;
    const start = performance.now(), faces = [];
    this.crops.clear();
    for (const face of this.faces) {
      const crop = this.crop(frame, face);
      this.crops.set(face.person, crop);
      const { probabilities, reason } = await this.judge(crop, face.box);
      faces.push(this.tracker.smooth(face, probabilities, time, this.rules.abstain_below, reason));
    }
    if (faces.length) this.times.classify = performance.now() - start;
    return faces;
  }

  #isDetectionDue({ width, height }, time, options) {
    return this.sinceDetection >= options.detect_every || time - this.detectedAt > this.rules.max_box_age_s
      || width !== this.shape[0] || height !== this.shape[1];
  }

  async #detect(frame, time) {
    const start = performance.now();
    const detections = await this.detect(frame);
    this.times.detect = performance.now() - start;
    const shape = [frame.width, frame.height];
    if (this.shape[0] && (this.shape[0] !== shape[0] || this.shape[1] !== shape[1])) this.tracker.resize(this.shape, shape);
    this.faces = this.tracker.associate(detections, time);
    Object.assign(this, { sinceDetection: 0, detectedAt: time, shape });
  }

  async detect(frame) {
    const { detect_edge: edge, detector_sizes: sizes, detection_score: least } = this.rules;
    const size = detectorSize(sizes, frame.width, frame.height, edge);
    if (!size) throw new Error(`no detector fits frames of ${frame.width} by ${frame.height} pixels`);
    const detector = await this.openDetector(size);
    const small = fillDetectorInput(detector.input, size, frame, edge);
    const faces = merge(decode(await detector.run(), size, least));
    const upright = await turnUpright(small, faces, this.rules.upright, (tiles) => this.#searchTiles(tiles));
    return finish(upright, frame.width / small.width, frame.width, frame.height);
  }

  // Every detection in a row of tiles, those of low score too.
  async #searchTiles(tiles) {
    const { tile, least } = this.rules.upright, size = { width: tile * tiles.length, height: tile };
    const detector = await this.openDetector(size);
    fillTiles(detector.input, tiles, tile);
    return decode(await detector.run(), size, least);
  }

  crop(frame, { box, roll }) {
    return faceCrop(frame, box, this.rules.input_size, roll, this.rules.crop_margin);
  }

  // The largest face, cut for a dataset as `fer_core.recognition.crop_dataset.cut_face` does.
  cut(frame, { box, roll }, { margin, sides: [least, most] }) {
    const side = Math.max(box[2] - box[0], box[3] - box[1]) * (1 + 2 * margin);
    return faceCrop(frame, box, Math.min(Math.max(Math.round(side), least), most), roll, margin);
  }

  // Calibrated probabilities of a crop, float32 (7), and why it cannot be judged, or "".
  async judge(crop, box) {
    const { channels, head, temperature, quality, reasons } = this.rules;
    fillInput(this.classifier.input, crop, channels);
    const outputs = await this.classifier.run(), divisor = Math.fround(temperature);
    const probabilities = softmax(Float32Array.from(outputs[head], (value) => value / divisor));
    return { probabilities, reason: quality ? reasonOf(outputs.quality, box, quality, reasons.at(-1)) : "" };
  }
}

// `fer_core.models.quality`: the first reason whose probability is reached; a small box goes before.
export function reasonOf(logits, [x1, y1, x2, y2], quality, tooSmall) {
  if (Math.max(x2 - x1, y2 - y1) < quality.min_side) return tooSmall;
  const at = quality.above.findIndex((above, index) => Math.fround(1 / (1 + Math.exp(-logits[index]))) >= above);
  return at < 0 ? "" : quality.reasons[at];
}

export function softmax(logits) {
  const top = logits[argmax(logits)];
  const powers = logits.map((value) => Math.exp(value - top));
  let sum = 0;
  for (const power of powers) sum = Math.fround(sum + power);
  return powers.map((power) => power / sum);
}

export const largest = (faces) => faces.reduce((best, face) => (!best || area(face.box) > area(best.box) ? face : best), null);
