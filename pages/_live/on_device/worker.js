// The recognizer's thread: opens runtime and networks once, then takes one frame after the other.
// In: {kind: "open", base, files, rules}, {kind: "frame", frame, id, time, options, crop}.
// Out: {kind: "progress" | "ready" | "result" | "failed", ...}.

import { Assets } from "./assets.js";
import { FrameReader } from "./frames.js";
import { largest, TrackingRecognizer } from "./recognizer.js";
import { Network, openRuntime } from "./runtime.js";
import { unpackWeights } from "./weights.js";

const reader = new FrameReader();
let recognizer = null;

async function open({ base, files, rules }) {
  const assets = new Assets(base, files, (bytes) => self.postMessage({ kind: "progress", bytes }));
  const url = (role) => assets.url(role), bytes = (role) => assets.bytes(role);
  const size = rules.detector_sizes[0]; // of most cameras
  const data = ["network", `detector_${size.width}x${size.height}`].map(bytes); // beside the runtime
  const core = await openRuntime(url, bytes);
  const detectors = new Map();
  const openDetector = async ({ width, height }, given) => {
    const name = `detector_${width}x${height}`;
    if (!detectors.has(name)) detectors.set(name, await Network.open(core, await (given ?? bytes(name))));
    return detectors.get(name);
  };
  const classifier = await Network.open(core, unpackWeights(await data[0]));
  await openDetector(size, data[1]);
  await classifier.run(); // the first run is slower
  recognizer = new TrackingRecognizer(openDetector, classifier, rules);
  self.postMessage({ kind: "ready" });
}

async function recognize({ frame, id, time, options, crop: wanted }) {
  const pixels = await reader.read(frame);
  const faces = await recognizer.recognize(pixels, time, options);
  const { width, height } = pixels;
  const face = wanted && largest(faces);
  const image = face && (wanted.cut ? recognizer.cut(pixels, face, wanted.cut) : recognizer.crops.get(face.person));
  const crop = image ? { ...wanted, face, size: image.width, data: image.data } : null;
  self.postMessage({ kind: "result", id, time, faces, crop, width, height, times: recognizer.times });
}

const WORK = { open, frame: recognize };

self.onmessage = async ({ data }) => {
  try {
    await WORK[data.kind](data);
  } catch (error) {
    data.frame?.close();
    const outOfMemory = error instanceof RangeError || /memory|allocat/i.test(`${error}`);
    self.postMessage({ kind: "failed", stage: data.kind, id: data.id, message: `${error?.message ?? error}`, outOfMemory });
  }
};
