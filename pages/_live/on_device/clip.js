// Records the video with its boxes in the browser; the clip is downloaded there and sent nowhere.

const TYPES = ["video/mp4;codecs=avc1", "video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];

export class ClipRecorder {
  constructor(width, height) {
    this.canvas = Object.assign(document.createElement("canvas"), { width, height });
    this.context = this.canvas.getContext("2d");
    this.parts = [];
    const type = TYPES.find((one) => MediaRecorder.isTypeSupported(one));
    this.recorder = new MediaRecorder(this.canvas.captureStream(30), type ? { mimeType: type } : {});
    this.recorder.ondataavailable = ({ data }) => this.parts.push(data);
    this.recorder.start(1000);
  }

  static isSupported() {
    return typeof MediaRecorder !== "undefined" && "captureStream" in HTMLCanvasElement.prototype;
  }

  // Adds what is on the screen: the video, mirrored or not, and the overlay.
  add(video, overlay, mirror) {
    const { context, canvas: { width, height } } = this;
    context.save();
    if (mirror) context.setTransform(-1, 0, 0, 1, width, 0);
    context.drawImage(video, 0, 0, width, height);
    context.restore();
    context.drawImage(overlay, 0, 0, width, height);
  }

  // Resolves to {url, name}.
  stop() {
    return new Promise((resolve) => {
      this.recorder.onstop = () => {
        const type = this.recorder.mimeType, name = type.includes("mp4") ? "live.mp4" : "live.webm";
        resolve({ url: URL.createObjectURL(new Blob(this.parts, { type })), name });
      };
      if (this.recorder.state === "inactive") this.recorder.onstop();
      else this.recorder.stop();
    });
  }
}
