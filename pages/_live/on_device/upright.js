// Which way up a face is: `fer_core.recognition.close_look.turn_upright`. YuNet detects many faces
// that lie on their side, with eyes as if they were upright. Images are as in pixels.js, three channels.

import { faceCrop } from "./pixels.js";

const MARGIN = 0.5;

// Returns the same faces, in pixels of `image`, with box and roll corrected. Those of a lower score
// than `rules.score` are searched in four orientations, side by side; `search(tiles)` resolves to the
// detections in that row of tiles, and the best score counts if it leads by `rules.lead`.
export async function turnUpright(image, faces, rules, search) {
  const turned = [];
  for (const face of faces) turned.push(face.score < rules.score ? await closeLook(image, face, rules, search) : face);
  return turned;
}

async function closeLook(image, face, { tile, lead }, search) {
  const upright = faceCrop(image, face.box, tile, 0, MARGIN).data;
  const looks = [null, null, null, null];
  for (const look of await search([0, 1, 2, 3].map((turns) => rot90(upright, tile, turns)))) {
    const turns = Math.floor((look.box[0] + look.box[2]) / 2 / tile);
    const own = { ...look, box: look.box.map((value, at) => (at % 2 ? value : value - turns * tile)) };
    if (looks[turns] !== undefined && isCentral(own.box, tile) && own.score > (looks[turns]?.score ?? 0)) looks[turns] = own;
  }
  const scores = looks.map((look) => look?.score ?? 0), turns = scores.indexOf(Math.max(...scores));
  if (!looks[turns] || !turns || scores[turns] <= scores[0] + lead) return face;
  return inImage(turnBack(looks[turns], turns, tile), face.box, tile);
}

// numpy.rot90 of a square image: counter-clockwise quarter turns.
export function rot90(data, side, turns) {
  let from = data;
  for (let turn = 0; turn < turns; turn++) {
    const to = new Uint8ClampedArray(from.length);
    for (let y = 0, at = 0; y < side; y++)
      for (let x = 0; x < side; x++, at += 3) {
        const source = (x * side + side - 1 - y) * 3;
        to[at] = from[source];
        to[at + 1] = from[source + 1];
        to[at + 2] = from[source + 2];
      }
    from = to;
  }
  return from;
}

// Fills the detector's input, float32 (tile, 4 * tile, 3) BGR, with tiles side by side.
export function fillTiles(input, tiles, tile) {
  tiles.forEach((data, column) => {
    for (let y = 0, from = 0; y < tile; y++) {
      let to = (y * tiles.length + column) * tile * 3;
      for (let x = 0; x < tile; x++, from += 3, to += 3) {
        input[to] = data[from + 2];
        input[to + 1] = data[from + 1];
        input[to + 2] = data[from];
      }
    }
  });
}

function isCentral([x1, y1, x2, y2], tile) {
  const away = Math.max(Math.abs((x1 + x2) / 2 - tile / 2), Math.abs((y1 + y2) / 2 - tile / 2));
  const side = Math.max(x2 - x1, y2 - y1);
  return away < 0.2 * tile && side > 0.2 * tile && side < 0.95 * tile;
}

// The detection as it is before the tile was turned by `turns` quarters.
function turnBack(look, turns, side) {
  const quarters = 4 - turns;
  let { box } = look;
  for (let quarter = 0; quarter < quarters; quarter++) box = [box[1], side - box[2], box[3], side - box[0]];
  const roll = look.roll - 90 * quarters;
  return { ...look, box, roll: roll <= -180 ? roll + 360 : roll };
}

// Moves a detection from the tile around a box to the image.
function inImage(look, [x1, y1, x2, y2], tile) {
  const side = Math.max(x2 - x1, y2 - y1, 1) * (1 + 2 * MARGIN), factor = side / tile;
  const left = (x1 + x2) / 2 - side / 2, top = (y1 + y2) / 2 - side / 2;
  return { ...look, box: look.box.map((value, at) => value * factor + (at % 2 ? top : left)) };
}
