// Runs before the page: counts frames drawn, bytes sent and the time of the first result.
window.drawn = 0; window.sentBytes = 0;
window.addEventListener("DOMContentLoaded", () => {
  const look = () => {
    const roots = [...document.querySelectorAll("*")].map((element) => element.shadowRoot);
    const video = roots.map((root) => root?.querySelector("video")).find(Boolean);
    if (!video) return setTimeout(look, 50);
    const step = () => { window.drawn += 1; video.requestVideoFrameCallback(step); };
    video.requestVideoFrameCallback(step);
  };
  look();
});
window.addEventListener("fer-studio-face", ({ detail }) => {
  if (detail.face) window.firstResult ??= performance.now();
});
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  window.sentBytes += data.byteLength ?? data.length;
  return send.call(this, data);
};
