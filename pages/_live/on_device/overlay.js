// Draws boxes, labels and small bars over the video, as `fer_core.recognition.video_drawing` does.

const PANEL = "#1B2422", ROW = 14, NAME = 56, BAR = 48;
const MOST_WITH_BARS = 3;

export const captionOf = (face, emotions) => {
  const label = face.uncertain ? argmax(face.probabilities) : face.label;
  const text = `${emotions[label]} ${Math.round(100 * face.probabilities[label])}%`;
  return face.uncertain ? `${face.reason || "uncertain"} (${text})` : text;
};

const argmax = (values) => values.indexOf(Math.max(...values));

export const colorOf = (face, rules) => (face.uncertain ? rules.uncertain_color : rules.colors[rules.emotions[face.label]]);

// Draws on a canvas as large as the frame; `mirror` turns places, never letters.
export function draw(context, faces, { mirror, bars }, rules) {
  const { width, height } = context.canvas, unit = Math.max(width / 640, 0.5);
  context.clearRect(0, 0, width, height);
  const boxes = faces.map(({ box: [x1, y1, x2, y2] }) => (mirror ? [width - x2, y1, width - x1, y2] : [x1, y1, x2, y2]));
  context.lineWidth = 2 * Math.max(Math.round(1.5 * unit), 1);
  faces.forEach((face, at) => {
    const [x1, y1, x2, y2] = boxes[at];
    context.strokeStyle = colorOf(face, rules);
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  });
  if (bars && faces.length <= MOST_WITH_BARS) faces.forEach((face, at) => drawBars(context, face, boxes[at], boxes, unit, rules));
  faces.forEach((face, at) => {
    const caption = captionOf(face, rules.emotions), text = faces.length > 1 ? `${face.person} ${caption}` : caption;
    chip(context, text, colorOf(face, rules), boxes[at][0], Math.max(boxes[at][1] - 14 * unit, 0), 15 * unit);
  });
}

export function drawNote(context, text, rules) {
  const { width, height } = context.canvas, unit = Math.max(width / 640, 0.5);
  context.clearRect(0, 0, width, height);
  chip(context, text, rules.uncertain_color, null, 8 * unit, 15 * unit);
}

function chip(context, text, color, x, y, size) {
  context.font = `${size}px system-ui, sans-serif`;
  const pad = size / 4, across = context.measureText(text).width + 2 * pad, down = size * 1.15 + 2 * pad;
  const { width } = context.canvas;
  const left = x === null ? (width - across) / 2 : Math.max(Math.min(x, width - across), 0);
  context.fillStyle = color;
  context.fillRect(left, y, across, down);
  context.fillStyle = ink(color);
  context.textBaseline = "middle";
  context.fillText(text, left + pad, y + down / 2);
}

// Black or white, the easier to read (WCAG relative luminance).
export function ink(color) {
  const parts = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] > 0.179 ? "#000000" : "#FFFFFF";
}

function drawBars(context, face, box, boxes, unit, rules) {
  const { width, height } = context.canvas, count = rules.emotions.length;
  const [row, name, bar] = [ROW * unit, NAME * unit, BAR * unit], across = name + bar + 4;
  const top = Math.min(Math.max(box[1], 0), Math.max(height - row * count, 0));
  const left = freeSide(box, boxes, across, width);
  context.fillStyle = PANEL;
  context.fillRect(left, top, across, row * count);
  context.font = `${row * 0.8}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  rules.emotions.forEach((emotion, at) => {
    const y = top + at * row;
    context.fillStyle = "#FFFFFF";
    context.fillText(emotion, left + 4, y + row / 2);
    context.fillStyle = rules.colors[emotion];
    context.fillRect(left + name, y + row * 0.2, Math.max(face.probabilities[at] * bar, 2), row * 0.6);
  });
}

// Right of the face or left of it: where it fits and covers least of other faces.
function freeSide(box, boxes, across, width) {
  const sides = [box[2] + 4, box[0] - across - 4].filter((left) => left >= 0 && left <= width - across);
  const covered = (left) => boxes.reduce((sum, other) =>
    sum + (other === box ? 0 : Math.max(Math.min(left + across, other[2]) - Math.max(left, other[0]), 0)), 0);
  return sides.length ? sides.reduce((a, b) => (covered(b) < covered(a) ? b : a)) : Math.max(box[0] - across - 4, 0);
}
