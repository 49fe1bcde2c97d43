// Scaling, cropping and grey, equal to OpenCV pixel by pixel: a canvas scales otherwise than the
// images that the network was trained on. Images are {data, width, height, channels}, 0..255.

const roundEven = (value) => {
  const down = Math.floor(value), rest = value - down;
  return rest > 0.5 || (rest === 0.5 && down % 2) ? down + 1 : down;
};

export const makeImage = (width, height, channels, data) => ({
  width, height, channels, data: data ?? new Uint8ClampedArray(width * height * channels),
});

// The size of `fer_core.images.crop.shrink`: the longer side has at most `edge` pixels.
export function shrunkSize(width, height, edge) {
  const factor = edge / Math.max(width, height);
  if (factor >= 1) return [width, height];
  return [Math.max(roundEven(width * factor), 1), Math.max(roundEven(height * factor), 1)];
}

// cv2.resize(..., INTER_AREA) to a smaller size, the first three channels.
export function shrink(image, width, height) {
  const across = image.width / width, down = image.height / height;
  if (across === 1 && down === 1) return firstThree(image);
  const whole = Number.isInteger(across) && Number.isInteger(down);
  return whole ? shrinkByWholes(image, width, height, across, down) : shrinkByShares(image, width, height);
}

function firstThree({ data, width, height, channels }) {
  const out = makeImage(width, height, 3);
  for (let from = 0, to = 0; to < out.data.length; from += channels, to += 3) {
    out.data[to] = data[from];
    out.data[to + 1] = data[from + 1];
    out.data[to + 2] = data[from + 2];
  }
  return out;
}

function shrinkByWholes(image, width, height, across, down) {
  const { data, channels } = image, out = makeImage(width, height, 3);
  const stride = image.width * channels, share = Math.fround(1 / (across * down));
  const halves = across === 2 && down === 2;
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let red = 0, green = 0, blue = 0;
      for (let row = 0; row < down; row++) {
        let from = (y * down + row) * stride + x * across * channels;
        for (let column = 0; column < across; column++, from += channels) {
          red += data[from];
          green += data[from + 1];
          blue += data[from + 2];
        }
      }
      out.data[to++] = halves ? (red + 2) >> 2 : roundEven(Math.fround(red * share));
      out.data[to++] = halves ? (green + 2) >> 2 : roundEven(Math.fround(green * share));
      out.data[to++] = halves ? (blue + 2) >> 2 : roundEven(Math.fround(blue * share));
    }
  }
  return out;
}

// Which source pixels share in each pixel of the result, and by how much.
function shares(from, to) {
  const scale = from / to, table = [];
  for (let at = 0; at < to; at++) {
    const start = at * scale, end = start + scale, cell = Math.min(scale, from - start);
    const first = Math.ceil(start), last = Math.min(Math.floor(end), from - 1), left = Math.min(first, last);
    const parts = [];
    if (left - start > 1e-3) parts.push([left - 1, Math.fround((left - start) / cell)]);
    for (let index = left; index < last; index++) parts.push([index, Math.fround(1 / cell)]);
    if (end - last > 1e-3) parts.push([last, Math.fround(Math.min(Math.min(end - last, 1), cell) / cell)]);
    table.push(parts);
  }
  return table;
}

function shrinkByShares(image, width, height) {
  const { data, channels } = image, out = makeImage(width, height, 3);
  const columns = shares(image.width, width), rows = shares(image.height, height);
  const line = new Float32Array(width * 3), sum = new Float32Array(width * 3);
  for (let y = 0; y < height; y++) {
    sum.fill(0);
    for (const [row, weight] of rows[y]) {
      line.fill(0);
      for (let x = 0; x < width; x++)
        for (const [column, share] of columns[x]) {
          const from = (row * image.width + column) * channels;
          for (let c = 0; c < 3; c++) line[3 * x + c] += data[from + c] * share;
        }
      for (let at = 0; at < line.length; at++) sum[at] += weight * line[at];
    }
    for (let at = 0; at < sum.length; at++) out.data[y * width * 3 + at] = roundEven(sum[at]);
  }
  return out;
}

// `fer_core.images.crop.face_crop`: an upright square around the centre of a box [x1, y1, x2, y2].
export function faceCrop(image, box, size, roll, margin) {
  const longer = Math.max(box[2] - box[0], box[3] - box[1], 1);
  const side = longer * (1 + 2 * margin);
  const fine = size * Math.max(1, roundEven(side / size));
  const warped = warp(image, cropMatrix(box, roll, fine, side), fine);
  return shrink(warped, size, size);
}

function cropMatrix(box, roll, fine, side) {
  const x = (box[0] + box[2]) / 2, y = (box[1] + box[3]) / 2, scale = fine / side;
  const angle = (roll * Math.PI) / 180, cos = scale * Math.cos(angle), sin = scale * Math.sin(angle);
  const cx = Math.fround(x), cy = Math.fround(y); // OpenCV's centre is a float32
  const right = (1 - cos) * cx - sin * cy + (fine / 2 - x) + ((cos + sin) / 2 - 0.5);
  const down = sin * cx + (1 - cos) * cy + (fine / 2 - y) + ((-sin + cos) / 2 - 0.5);
  return [cos, sin, right, -sin, cos, down];
}

const WEIGHTS = bilinearWeights();

// OpenCV's four weights, of 2 ** 15 together, for each 32nd of a pixel across and down.
function bilinearWeights() {
  const table = new Int32Array(32 * 32 * 4);
  for (let down = 0; down < 32; down++)
    for (let across = 0; across < 32; across++) {
      const x = across / 32, y = down / 32, at = (down * 32 + across) * 4;
      table[at] = roundEven((1 - y) * (1 - x) * 32768);
      table[at + 1] = roundEven((1 - y) * x * 32768);
      table[at + 2] = roundEven(y * (1 - x) * 32768);
      table[at + 3] = roundEven(y * x * 32768);
    }
  return table;
}

// cv2.warpAffine(..., INTER_LINEAR, BORDER_REPLICATE) to a square, the first three channels.
function warp(image, [a, b, c, d, e, f], size) {
  const { data, width, height, channels } = image, out = makeImage(size, size, 3);
  const inverse = 1 / (a * e - b * d);
  const [ia, ib, id, ie] = [e * inverse, -b * inverse, -d * inverse, a * inverse];
  const ic = -ia * c - ib * f, iF = -id * c - ie * f;
  const acrossX = new Int32Array(size), acrossY = new Int32Array(size);
  for (let x = 0; x < size; x++) {
    acrossX[x] = roundEven(ia * x * 1024);
    acrossY[x] = roundEven(id * x * 1024);
  }
  let to = 0;
  for (let y = 0; y < size; y++) {
    const startX = roundEven((ib * y + ic) * 1024) + 16, startY = roundEven((ie * y + iF) * 1024) + 16;
    for (let x = 0; x < size; x++) {
      const fineX = (startX + acrossX[x]) >> 5, fineY = (startY + acrossY[x]) >> 5;
      const left = fineX >> 5, top = fineY >> 5, at = (((fineY & 31) << 5) + (fineX & 31)) << 2;
      const x1 = clamp(left, width), x2 = clamp(left + 1, width);
      const y1 = clamp(top, height) * width, y2 = clamp(top + 1, height) * width;
      const p = (y1 + x1) * channels, q = (y1 + x2) * channels, r = (y2 + x1) * channels, s = (y2 + x2) * channels;
      for (let channel = 0; channel < 3; channel++)
        out.data[to++] = (data[p + channel] * WEIGHTS[at] + data[q + channel] * WEIGHTS[at + 1] +
          data[r + channel] * WEIGHTS[at + 2] + data[s + channel] * WEIGHTS[at + 3] + 16384) >> 15;
    }
  }
  return out;
}

const clamp = (value, size) => (value < 0 ? 0 : value >= size ? size - 1 : value);

// Fills a network's input, float32, with a crop: grey as cv2.cvtColor makes it, or RGB.
export function fillInput(input, crop, channels) {
  const { data } = crop;
  if (channels === 3) {
    for (let at = 0; at < data.length; at++) input[at] = data[at];
    return;
  }
  for (let from = 0, to = 0; from < data.length; from += 3, to++)
    input[to] = (data[from] * 9798 + data[from + 1] * 19235 + data[from + 2] * 3735 + 16384) >> 15;
}
