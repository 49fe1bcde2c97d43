// YuNet's input and its decoded output, as OpenCV's FaceDetectorYN and
// `fer_core.recognition.detection` make them. Boxes are [x1, y1, x2, y2] in pixels.

import { shrink, shrunkSize } from "./pixels.js";

const STRIDES = [8, 16, 32];
const OVERLAP = 0.3;

// Fills the network's input, float32 (height, width, 3) BGR, with a frame scaled to `edge`;
// returns the scaled frame. Below and to the right the input stays black.
export function fillDetectorInput(input, size, frame, edge) {
  const small = shrink(frame, ...shrunkSize(frame.width, frame.height, edge));
  const { data, width, height } = small;
  for (let y = 0; y < height; y++) {
    let from = y * width * 3, to = y * size.width * 3;
    for (let x = 0; x < width; x++, from += 3, to += 3) {
      input[to] = data[from + 2];
      input[to + 1] = data[from + 1];
      input[to + 2] = data[from];
    }
  }
  return small;
}

// The smallest of the sizes into which a frame scaled to `edge` fits; undefined for none.
export function detectorSize(sizes, width, height, edge) {
  const [across, down] = shrunkSize(width, height, edge);
  const fitting = sizes.filter((size) => size.width >= across && size.height >= down);
  return fitting.sort((a, b) => a.width * a.height - b.width * b.height)[0];
}

// Returns the faces of one search in pixels of its input, best first.
export function decode(outputs, size, least) {
  const faces = [];
  for (const stride of STRIDES) {
    const [cls, obj, bbox, kps] = ["cls", "obj", "bbox", "kps"].map((name) => outputs[`${name}_${stride}`]);
    const columns = size.width / stride;
    for (let at = 0; at < cls.length; at++) {
      const score = Math.fround(Math.sqrt(Math.fround(unit(cls[at]) * unit(obj[at]))));
      if (score < least) continue;
      faces.push(face(bbox, kps, at, at % columns, Math.floor(at / columns), stride, score));
    }
  }
  return suppress(faces.sort((a, b) => b.score - a.score));
}

const unit = (value) => Math.min(Math.max(value, 0), 1);

function face(bbox, kps, at, column, row, stride, score) {
  const x = (column + bbox[4 * at]) * stride, y = (row + bbox[4 * at + 1]) * stride;
  const width = Math.exp(bbox[4 * at + 2]) * stride, height = Math.exp(bbox[4 * at + 3]) * stride;
  const point = (n) => [(kps[10 * at + 2 * n] + column) * stride, (kps[10 * at + 2 * n + 1] + row) * stride];
  const [right, left] = [point(0), point(1)];
  const roll = (Math.atan2(left[1] - right[1], left[0] - right[0]) * 180) / Math.PI;
  return { box: [x - width / 2, y - height / 2, x + width / 2, y + height / 2], score, roll };
}

// OpenCV suppresses by boxes of whole pixels.
function suppress(faces) {
  const kept = [];
  for (const candidate of faces) {
    const [x1, y1, x2, y2] = candidate.box;
    const [x, y] = [Math.trunc(x1), Math.trunc(y1)];
    const whole = [x, y, x + Math.trunc(x2 - x1), y + Math.trunc(y2 - y1)];
    if (kept.every((other) => iou(whole, other.whole) <= OVERLAP)) kept.push({ ...candidate, whole });
  }
  return kept.map(({ box, score, roll }) => ({ box, score, roll }));
}

// Returns each face once; the faces come best first.
export function merge(faces) {
  const best = [];
  for (const face of faces)
    if (area(face.box) > 0 && !best.some((other) => sameFace(face.box, other.box))) best.push(face);
  return best;
}

// Returns faces in pixels of the frame, left to right.
export function finish(faces, factor, width, height) {
  const clipped = faces.map((face) => ({ ...face, box: clip(face.box.map((value) => value * factor), width, height) }));
  return clipped.filter(({ box }) => area(box) > 0).sort((a, b) => byCorners(a.box, b.box));
}

const byCorners = (a, b) => a.map((value, at) => value - b[at]).find((difference) => difference) ?? 0;

export const clip = ([x1, y1, x2, y2], width, height) =>
  [x1, y1, x2, y2].map((value, at) => Math.min(Math.max(value, 0), at % 2 ? height : width));

export const area = ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);

export function intersection(a, b) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  return Math.max(width, 0) * Math.max(height, 0);
}

export function iou(a, b) {
  const shared = intersection(a, b), union = area(a) + area(b) - shared;
  return union > 0 ? shared / union : 0;
}

const sameFace = (a, b) => iou(a, b) > 0.4 || intersection(a, b) > 0.8 * Math.min(area(a), area(b));
