// The worker seen from the page. Nothing queues: one frame is in work and the newest one waits.

export class RecognizerThread {
  // on: {progress(bytes), result(message), failure(text), dropped()}.
  constructor({ assets, files, rules }, on) {
    this.on = on;
    this.isBusy = true; // until it is ready
    this.waiting = null;
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.ready = new Promise((resolve, reject) => {
      this.worker.onerror = () =>
        reject(new Error("The recognizer could not be started. Reload the page; if that does not help, choose Over the server above."));
      this.worker.onmessage = ({ data }) => {
        if (data.kind === "progress") on.progress(data.bytes);
        else if (data.kind === "failed" && data.stage === "open") reject(new Error(inWords(data)));
        else if (data.kind === "failed") on.failure(inWords(data));
        else this.#next();
        if (data.kind === "ready") resolve();
        if (data.kind === "result") on.result(data);
      };
    });
    const base = new URL(`../${assets}/`, import.meta.url).href;
    this.worker.postMessage({ kind: "open", base, files, rules });
  }

  // Takes a frame, which is closed here or in the worker; message() is asked when its turn comes.
  offer(frame, message) {
    if (!this.isBusy) return this.#submit(frame, message);
    if (this.waiting) {
      this.waiting.frame.close();
      this.on.dropped();
    }
    this.waiting = { frame, message };
  }

  // Drops the frame that waits: the camera has stopped.
  drop() {
    this.waiting?.frame.close();
    this.waiting = null;
  }

  close() {
    this.drop();
    this.worker.terminate();
  }

  #next() {
    this.isBusy = false;
    const { waiting } = this;
    this.waiting = null;
    if (waiting) this.#submit(waiting.frame, waiting.message);
  }

  #submit(frame, message) {
    this.isBusy = true;
    this.worker.postMessage({ kind: "frame", frame, ...message() }, [frame]);
  }
}

const inWords = ({ message, outOfMemory }) => outOfMemory
  ? "This device has too little memory for the recognizer. Close other tabs, then press Start camera again."
  : `The recognizer failed: ${message}. Press Start camera again, or choose Over the server above.`;
