// Brings the files that the server offers, unpacks them and keeps them in the browser's cache.
// Their names hold a digest of their content, so that a file of one name never changes.

const CACHE = "fer-studio-on-device";
const MOST_FILES = 12;

export class Assets {
  // base: address of the folder; files: role to file name; progress(bytes) is told what came.
  constructor(base, files, progress = () => {}) {
    Object.assign(this, { base, files, progress });
  }

  url(role) {
    return new URL(this.files[role], this.base).href;
  }

  async bytes(role) {
    const packed = await this.#packed(this.url(role));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(unpacked).arrayBuffer());
  }

  async #packed(url) {
    const cache = await self.caches?.open(CACHE).catch(() => null);
    const kept = await cache?.match(url);
    if (kept) return kept.arrayBuffer();
    const response = await fetch(url, { credentials: "same-origin" });
    const type = response.headers.get("content-type") ?? "";
    if (!response.ok || type.startsWith("text/html")) throw new Error(`${url} cannot be fetched (${response.status})`);
    const data = await this.#read(response);
    await cache?.put(url, new Response(data)).then(() => this.#limit(cache)).catch(() => {}); // full: fetched again next time
    return data;
  }

  async #read(response) {
    const parts = [], reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      parts.push(part.value);
      this.progress(part.value.length);
    }
    return new Blob(parts).arrayBuffer();
  }

  async #limit(cache) {
    const keys = await cache.keys(); // the oldest first
    for (const key of keys.slice(0, Math.max(keys.length - MOST_FILES, 0))) await cache.delete(key);
  }
}
