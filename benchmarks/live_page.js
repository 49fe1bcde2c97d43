// Runs in every frame before the page's own code: keeps the camera stream and the connection,
// and reads the counter in the lower edge of both videos.
(() => {
  const BITS = 12, CELL = 16, PLACES = BITS + 2;
  const probe = (window.probe = { pcs: [], sent: new Map(), delays: [], colored: null });

  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...given) { super(...given); probe.pcs.push(this); }
  };

  const media = navigator.mediaDevices;
  if (media) {
    const ask = media.getUserMedia.bind(media);
    media.getUserMedia = async (wanted) => {
      const stream = await ask(wanted);
      const video = document.createElement("video");
      Object.assign(video, { srcObject: stream, muted: true });
      video.play();
      watch(video, false, (number, now) => probe.sent.set(number, now));
      return stream;
    };
  }

  function read(context, mirrored) {
    const width = PLACES * CELL;
    const data = context.getImageData(0, 0, width, CELL).data;
    const at = (place) => data[4 * (8 * width + (mirrored ? PLACES - 1 - place : place) * CELL + 8) + 1];
    if (at(0) > 80 || at(1) < 170) return null;
    let number = 0;
    for (let bit = 0; bit < BITS; bit++) {
      const value = at(bit + 2);
      if (value > 80 && value < 170) return null;
      number |= (value >= 170) << bit;
    }
    return number;
  }

  function watch(video, mirrored, tell) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [PLACES * CELL, CELL];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const step = (now) => {
      const left = mirrored ? video.videoWidth - canvas.width : 0;
      context.drawImage(video, left, video.videoHeight - CELL, canvas.width, CELL, 0, 0, canvas.width, CELL);
      const number = read(context, mirrored);
      if (number !== null) tell(number, performance.now());
      video.requestVideoFrameCallback(step);
    };
    video.requestVideoFrameCallback(step);
  }

  // How long each picture takes from the camera to the screen, in ms.
  probe.follow = (mirrored) => {
    const video = document.querySelector("video");
    watch(video, mirrored, (number, now) => {
      const sent = probe.sent.get(number);
      if (sent !== undefined && now - sent < 2000) probe.delays.push(now - sent);
      probe.sent.delete(number);
    });
  };

  // Time of the first colour in a grey clip: what was drawn on it.
  probe.awaitColor = () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [320, 240];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const look = () => {
      const video = document.querySelector("video");
      if (video?.videoWidth) {
        context.drawImage(video, 0, 0, 320, 240);
        const data = context.getImageData(0, 0, 320, 240).data;
        let count = 0;
        for (let i = 0; i < data.length; i += 4)
          count += Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 70;
        if (count > 20) { probe.colored = performance.timeOrigin + performance.now(); return; }
      }
      setTimeout(look, 15);
    };
    look();
  };

  probe.stats = async () => {
    const found = { fps: 0, decoded: 0, lost: 0, width: 0 };
    for (const pc of probe.pcs)
      if (pc.connectionState === "connected")
        for (const item of (await pc.getStats()).values())
          if (item.type === "inbound-rtp" && item.kind === "video")
            Object.assign(found, { fps: item.framesPerSecond ?? 0, decoded: item.framesDecoded, lost: item.packetsLost, width: item.frameWidth });
    return found;
  };
})();
