// One live view: from Start to Stop, and what the page wants of it meanwhile.

import { everyFrame, missingFeature, openCamera } from "./camera.js";
import { ClipRecorder } from "./clip.js";
import { CropQueue } from "./crop_queue.js";
import { draw, drawNote } from "./overlay.js";
import { Pace } from "./pace.js";
import { RecognizerThread } from "./recognizer_thread.js";
import { largest } from "./recognizer.js";
import { Report, rowOf } from "./report.js";
import { Stats } from "./stats.js";

const STALE_MS = 1000; // a result older than this is not drawn: its face has moved on
const SILENT_MS = 2000;
const BARS_MS = 100;
const TIMINGS_MS = 60_000;

export class DeviceLive {
  constructor(root) {
    this.view = root.querySelector(".view");
    const find = (name) => root.querySelector(`[data-part=${name}]`);
    this.parts = Object.fromEntries(
      ["stage", "video", "overlay", "start", "stop", "correct", "note", "hint", "fps", "clip"].map((name) => [name, find(name)]),
    );
    this.context = this.parts.overlay.getContext("2d");
    this.pace = new Pace();
    this.report = new Report((message) => this.component.setStateValue("report", message));
    this.crops = new CropQueue((message) => this.component.setTriggerValue("crops", message));
    this.held = ""; // the emotion whose button is held on a page that collects faces
    this.capturedAt = -Infinity;
    this.onHold = ({ detail }) => (this.held = detail.emotion);
    window.addEventListener("fer-studio-hold", this.onHold);
    this.parts.start.onclick = () => this.start();
    this.parts.stop.onclick = () => this.stop();
    this.parts.correct.onclick = () => (this.wantsCorrection = true);
    this.onVisibility = () => this.#showState();
    document.addEventListener("visibilitychange", this.onVisibility);
    this.state = "off";
  }

  // Takes the newest wishes of the page.
  update(component) {
    this.component = component;
    const before = this.data, data = (this.data = component.data);
    this.report.acknowledge(data.acknowledged, performance.now());
    this.crops.acknowledge(data.crops_acknowledged, performance.now());
    this.parts.start.disabled = false; // before the modules are loaded a click would be lost
    this.parts.video.classList.toggle("mirrored", data.options.mirror);
    if (before && identity(before) !== identity(data)) this.#restartRecognizer();
    if (before && before.options.facing !== data.options.facing && this.stream) this.stop().then(() => this.start());
    if (data.recording !== Boolean(this.clip)) this.#toggleClip();
    else if (!data.recorded) this.#offerClip(null);
    if (!this.timer && this.state === "running") this.#schedule();
    if (!before && data.running) this.report.flush(performance.now(), false, null, true); // of a page that was left
    if (data.start && !this.wasAsked && (this.wasAsked = true)) this.start(); // from another page, once
    this.#showState();
  }

  async start() {
    if (this.state !== "off") return;
    this.state = "opening";
    const attempt = (this.attempt = {});
    this.#say(missingFeature());
    if (this.parts.note.textContent) return void (this.state = "off");
    this.#showState();
    const camera = openCamera(this.data.options.facing);
    try {
      const [stream] = await Promise.all([camera, this.#openRecognizer()]);
      if (attempt === this.attempt) await this.#play(stream);
    } catch (error) {
      if (attempt === this.attempt) await this.stop(error.message);
    }
    // A camera that comes after Stop, or although the recognizer failed, is switched off.
    if (attempt !== this.attempt) camera.then((stream) => stream.getTracks().forEach((track) => track.stop()), () => {});
  }

  async stop(reason = "") {
    const wasRunning = this.state === "running";
    this.attempt = null;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stopFrames?.();
    this.thread?.drop();
    clearInterval(this.timer);
    clearInterval(this.watch);
    Object.assign(this, { stream: null, timer: null, state: "off" });
    this.parts.video.srcObject = null;
    this.context.clearRect(0, 0, this.parts.overlay.width, this.parts.overlay.height);
    this.#showBars(null, "");
    this.#say(reason);
    this.#showState();
    if (wasRunning) this.report.flush(performance.now(), false, this.stats.values(), true);
  }

  close() {
    document.removeEventListener("visibilitychange", this.onVisibility);
    window.removeEventListener("fer-studio-hold", this.onHold);
    this.crops.close();
    this.state = "closed"; // nothing is sent to a page that was left
    this.stop();
    this.thread?.close();
  }

  async #play(stream) {
    const { video } = this.parts, [track] = stream.getVideoTracks();
    this.stream = stream;
    track.onended = () => this.stop("The camera is gone: unplugged, or taken by another program. Press Start camera again.");
    video.srcObject = stream;
    await video.play();
    Object.assign(this, { stats: new Stats(), startedAt: performance.now(), id: 0, faces: [], resultAt: 0, shownAt: performance.now() });
    Object.assign(this, { state: "running", sent: new Map() });
    this.report.begin();
    this.report.flush(performance.now(), true, this.stats.values());
    this.stopFrames = everyFrame(video, (now) => this.#onFrame(now));
    this.watch = setInterval(() => this.#watch(), 500);
    this.#schedule();
    this.#showState();
  }

  #schedule() {
    clearInterval(this.timer);
    this.timer = null;
    if (!this.data.report && !this.data.recording) return;
    this.timer = setInterval(() => {
      if (this.#reports) this.report.flush(performance.now(), true, this.stats.values());
      else this.#schedule();
    }, 1000 * this.data.report_every_s);
  }

  get #reports() {
    return this.data.report || this.data.recording;
  }

  #onFrame(now) {
    if (document.hidden) return;
    this.stats.frame(now);
    this.shownAt = performance.now();
    const { video, overlay } = this.parts;
    if (overlay.width !== video.videoWidth || overlay.height !== video.videoHeight) {
      [overlay.width, overlay.height] = [video.videoWidth, video.videoHeight];
    }
    this.clip?.add(video, overlay, this.data.options.mirror);
    if (this.resultAt && now - this.resultAt > STALE_MS) this.context.clearRect(0, 0, overlay.width, overlay.height);
    if (this.pace.isDue(now)) this.#take(video, now);
  }

  async #take(video, now) {
    const { held } = this; // when the frame was taken, not when its turn comes
    const frame = typeof VideoFrame === "undefined" ? await createImageBitmap(video) : new VideoFrame(video);
    if (this.state === "running") this.thread.offer(frame, () => this.#describe(now, held));
    else frame.close();
  }

  // What the worker is told of a frame when its turn comes.
  #describe(now, held) {
    this.id += 1;
    this.sent.set(this.id, now);
    return { id: this.id, time: (now - this.startedAt) / 1000, options: this.data.options, crop: this.#wantedCrop(now, held) };
  }

  // The crop that the visitor asked for, by a button that is pressed or held; mostly null.
  #wantedCrop(now, held) {
    const { capture } = this.data;
    if (this.wantsCorrection) return { purpose: "correction", cut: null };
    if (!capture || !held || this.crops.isFull || now - this.capturedAt < capture.every_ms - 8) return null;
    this.capturedAt = now;
    return { purpose: "capture", cut: capture.cut, emotion: held, tag: capture.tag };
  }

  #onResult(message) {
    if (message.crop && this.state !== "closed") this.#sendCrop(message); // also after Stop
    if (this.state !== "running") return;
    const captured = this.sent.get(message.id), now = performance.now();
    this.sent.delete(message.id);
    Object.assign(this, { faces: message.faces, resultAt: now });
    if (message.faces.length) draw(this.context, this.#scaled(message), this.data.options, this.data.rules);
    else drawNote(this.context, "no face", this.data.rules);
    this.stats.result(now, now - captured, message.times);
    if (this.#reports) this.report.add(message.id, message.time, message.width, message.height, message.faces, this.data.rules.reasons);
    this.#showBars(largest(message.faces), "No face", now);
    this.parts.correct.hidden = !this.data.may_correct || !message.faces.length;
  }

  // Faces in pixels of the overlay: the camera may have changed its size meanwhile.
  #scaled({ faces, width, height }) {
    const { overlay } = this.parts;
    if (overlay.width === width && overlay.height === height) return faces;
    const across = overlay.width / width, down = overlay.height / height;
    return faces.map((face) => ({ ...face, box: face.box.map((value, at) => value * (at % 2 ? down : across)) }));
  }

  // The one thing with pixels: a crop that the visitor asked to keep.
  #sendCrop({ crop: { purpose, emotion, tag, face, size, data }, id, time, width, height }) {
    if (purpose === "correction") this.wantsCorrection = false;
    const row = rowOf(face, this.data.rules.reasons), rgb = base64(data);
    this.crops.add({ purpose, emotion, tag, face: row, size, width, height, frame: id, time_s: time, rgb }, performance.now());
  }

  // The 7 probabilities stand in another element of the page; see bars.js.
  #showBars(face, title, now = Infinity) {
    if (now - (this.barsAt ?? -Infinity) < BARS_MS) return;
    this.barsAt = now === Infinity ? -Infinity : now;
    const { rules } = this.data ?? {};
    window.dispatchEvent(new CustomEvent("fer-studio-face", { detail: { face, title, rules } }));
  }

  async #openRecognizer() {
    let loaded = 0;
    const on = {
      progress: (bytes) => this.#hint(`Loading the recognizer: ${((loaded += bytes) / 1e6).toFixed(1)} MB`),
      result: (message) => this.#onResult(message),
      dropped: () => (this.stats.dropped += 1),
      failure: (text) => this.#fail(text),
    };
    this.thread ??= new RecognizerThread(this.data, on);
    const { thread } = this;
    try {
      await thread.ready;
    } catch (error) {
      if (thread === this.thread) this.#dropRecognizer();
      throw error;
    }
  }

  #dropRecognizer() {
    this.thread?.close();
    this.thread = null;
  }

  #restartRecognizer() {
    this.#dropRecognizer();
    this.sent?.clear();
    if (this.state === "running") this.#openRecognizer().catch((error) => this.stop(error.message));
  }

  #fail(text) {
    this.#dropRecognizer(); // the next start opens another
    this.stop(text);
  }

  async #toggleClip() {
    if (!this.clip && this.data.recording && this.stream && ClipRecorder.isSupported()) {
      const { videoWidth, videoHeight } = this.parts.video;
      this.clip = new ClipRecorder(videoWidth, videoHeight);
      this.#offerClip(null);
    } else if (this.clip && !this.data.recording) {
      const { clip } = this;
      this.clip = null;
      this.#offerClip(await clip.stop());
    }
  }

  #offerClip(file) {
    const { clip } = this.parts;
    if (clip.href) URL.revokeObjectURL(clip.href);
    clip.removeAttribute("href");
    clip.hidden = !file;
    if (file) Object.assign(clip, { href: file.url, download: file.name });
  }

  // Streamlit notes three timings for every run of the page and never forgets them.
  #forgetTimings(now) {
    if (now - (this.forgotAt ?? -Infinity) < TIMINGS_MS) return;
    this.forgotAt = now;
    performance.clearMarks();
    performance.clearMeasures();
  }

  #watch() {
    this.#forgetTimings(performance.now());
    const stats = this.stats.values(), { fps } = this.parts;
    fps.textContent = `${Math.round(stats.fps)} fps`;
    fps.title = `${Math.round(stats.results_per_s)} results a second, ${Math.round(stats.age_ms)} ms old, 95% below ${Math.round(stats.age_p95_ms)} ms; `
      + `detection ${Math.round(stats.detect_ms)} ms, emotions ${Math.round(stats.classify_ms)} ms; ${stats.dropped} of ${stats.frames} frames skipped`;
    const silent = performance.now() - this.shownAt;
    if (document.hidden) this.#say("Paused while this tab is hidden.");
    else if (this.crops.isFull) this.#say("The server is busy: no face is taken until it has those before.");
    else if (silent > SILENT_MS) this.#say(`No video for ${Math.round(silent / 1000)} seconds. Is the camera unplugged or in use elsewhere?`);
    else this.#say("");
  }

  #hint(text) {
    this.parts.hint.textContent = text;
  }

  #say(text) {
    if (this.parts.note.textContent !== text) this.parts.note.textContent = text;
  }

  #showState() {
    const isOn = this.state === "running" || this.state === "opening", { parts } = this;
    this.view.dataset.state = this.state;
    parts.start.hidden = isOn;
    parts.stop.hidden = !isOn;
    parts.fps.hidden = this.state !== "running";
    if (this.state !== "running") parts.correct.hidden = true;
    if (!isOn) this.#hint(`Your browser will ask for permission to use the camera. Frames stay on this device${this.data?.capture ? "; faces are sent while a button is held" : ""}.`);
    else if (this.state === "opening") this.#hint("Starting …");
    parts.hint.hidden = this.state === "running";
    if (document.hidden && this.state === "running") this.#say("Paused while this tab is hidden.");
    if (!document.hidden) this.shownAt = performance.now();
  }
}

// With another network or other rules the recognizer starts anew.
const identity = ({ files, rules }) => JSON.stringify([files.network, rules]);

function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
