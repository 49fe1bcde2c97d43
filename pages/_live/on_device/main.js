// The component of the live page: camera, recognizer's thread, overlay; see docs/on-device.md.

import { DeviceLive } from "./device_live.js";

const views = new WeakMap();

export default function (component) {
  const root = component.parentElement;
  if (!views.has(root)) views.set(root, new DeviceLive(root));
  views.get(root).update(component);
  return () => {
    views.get(root)?.close(); // the page was left
    views.delete(root);
  };
}
