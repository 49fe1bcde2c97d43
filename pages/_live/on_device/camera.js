// The camera, and in words why there is none.

const CONSTRAINTS = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };

export async function openCamera(facing) {
  if (!window.isSecureContext || !navigator.mediaDevices) {
    throw new Error("Browsers give the camera only to pages on HTTPS or on localhost. Open this page with https://.");
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { ...CONSTRAINTS, facingMode: facing }, audio: false });
  } catch (error) {
    throw new Error(inWords(error));
  }
}

function inWords({ name, message }) {
  if (name === "NotAllowedError" || name === "SecurityError")
    return "The browser does not allow this page to use the camera. Allow it with the camera sign in the address bar, then press Start camera again.";
  if (name === "NotFoundError" || name === "OverconstrainedError")
    return "No camera was found. Connect one, then press Start camera again.";
  if (name === "NotReadableError" || name === "AbortError")
    return "The camera is in use by another program or tab. Close it there, then press Start camera again.";
  return `The camera cannot be used (${message || name}).`;
}

// What this browser lacks to recognize faces by itself, in words; empty for nothing.
export function missingFeature() {
  if (typeof WebAssembly === "undefined" || !WebAssembly.validate(SIMD))
    return "This browser has no WebAssembly with SIMD. Update it, or choose another mode above.";
  if (typeof DecompressionStream === "undefined" || typeof OffscreenCanvas === "undefined")
    return "This browser is too old to recognize faces by itself. Update it, or choose another mode above.";
  return "";
}

// A module with one SIMD instruction.
const SIMD = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]);

// Calls `show(now)` for every frame of a video that is drawn, until the returned function is called.
export function everyFrame(video, show) {
  let stopped = false, handle = 0;
  const hasCallback = "requestVideoFrameCallback" in video;
  const ask = () => (handle = hasCallback ? video.requestVideoFrameCallback(step) : requestAnimationFrame(step));
  const step = (now) => {
    if (stopped) return;
    ask();
    show(now);
  };
  ask();
  return () => {
    stopped = true;
    if (hasCallback) video.cancelVideoFrameCallback(handle);
    else cancelAnimationFrame(handle);
  };
}
