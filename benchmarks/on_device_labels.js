// Recognizes frames with the modules of the live page; see on_device_labels.py.
async ({ files, rules, count, fps, width, height, options }) => {
  const base = new URL("/_stcore/bidi-components/", location.href), live = new URL("fer-studio.live/", base);
  const load = (name) => import(new URL(name, live).href);
  const [{ Assets }, { openRuntime, Network }, { TrackingRecognizer }, { unpackWeights }] =
    await Promise.all(["assets.js", "runtime.js", "recognizer.js", "weights.js"].map(load));
  const assets = new Assets(new URL("fer-studio.files/", base).href, files);
  const core = await openRuntime((role) => assets.url(role), (role) => assets.bytes(role));
  const open = async (role) => Network.open(core, unpackWeights(await assets.bytes(role)));
  const detectors = new Map();
  const detector = async (size) => {
    const role = `detector_${size.width}x${size.height}`;
    if (!detectors.has(role)) detectors.set(role, await open(role));
    return detectors.get(role);
  };
  const recognizer = new TrackingRecognizer(detector, await open("network"), rules);
  const results = [];
  for (let number = 0; number < count; number++) {
    const data = new Uint8ClampedArray(await (await fetch(`/frames/${number}`)).arrayBuffer());
    const faces = await recognizer.recognize({ data, width, height, channels: 4 }, number / fps, options);
    results.push(faces.map(({ box, label, uncertain, probabilities }) =>
      ({ box, label, uncertain, probabilities: [...probabilities] })));
  }
  return results;
}
