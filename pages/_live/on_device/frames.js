// The pixels of a camera's frame as {data, width, height, channels: 4}, in one buffer for all frames.

export class FrameReader {
  constructor() {
    this.buffer = new Uint8ClampedArray(0);
    this.canvas = null;
  }

  // Takes a VideoFrame or an ImageBitmap, and closes it.
  async read(frame) {
    try {
      if (typeof VideoFrame !== "undefined" && frame instanceof VideoFrame && !frame.rotation) return await this.#copy(frame);
      return this.#draw(frame);
    } finally {
      frame.close();
    }
  }

  async #copy(frame) {
    const { width, height } = frame.visibleRect;
    if (width !== frame.displayWidth || height !== frame.displayHeight) return this.#draw(frame);
    const bytes = width * height * 4;
    if (this.buffer.length !== bytes) this.buffer = new Uint8ClampedArray(bytes);
    try {
      const layout = await frame.copyTo(this.buffer, { format: "RGBA" });
      if (layout.length === 1 && layout[0].stride === width * 4) return { data: this.buffer, width, height, channels: 4 };
    } catch {
      // this browser copies frames without converting them
    }
    return this.#draw(frame);
  }

  #draw(frame) {
    const width = frame.displayWidth ?? frame.width, height = frame.displayHeight ?? frame.height;
    if (!this.canvas || this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas = new OffscreenCanvas(width, height);
      this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    }
    this.context.drawImage(frame, 0, 0, width, height);
    return { data: this.context.getImageData(0, 0, width, height).data, width, height, channels: 4 };
  }
}
