// Says in words why the browser gives no camera, and nothing while all is well. Keeps the
// player from taking up a start that was stopped.
const STYLE = `
  body { font-family: system-ui, sans-serif }
  button { font-family: inherit !important; text-transform: none !important; border-radius: 8px !important }
  #root > div { position: relative }
  .MuiPaper-root { aspect-ratio: 4 / 3; border-radius: 8px !important; box-sizing: border-box }
  .MuiPaper-root svg { visibility: hidden }
  .MuiPaper-root::after {
    content: "Your browser will ask for permission to use the camera."; position: absolute;
    inset: calc(50% + 1rem) 1rem auto; text-align: center; font-size: .95rem; opacity: .75;
  }
  #root > div:has(svg[data-testid=VideoLabelIcon]) > div + div > div:first-child {
    position: absolute; left: 50%; top: calc(50% - 2.5rem); transform: translate(-50%, -50%);
  }
  #root > div:has(svg[data-testid=VideoLabelIcon]) > div + div > div:first-child button {
    font-size: 1.15rem; font-weight: 600; padding: .7rem 1.6rem; white-space: nowrap;
  }
`;

const PLAYER = 'iframe[title*="streamlit_webrtc"]';

function alertInPlayer() {
  const player = document.querySelector(PLAYER);
  const alert = player?.contentDocument?.querySelector('[role="alert"]');
  return alert?.textContent ?? "";
}

async function problem() {
  if (!window.isSecureContext || !navigator.mediaDevices) {
    return "Browsers give the camera only to pages on HTTPS or on localhost. Open this page with https://.";
  }
  const alert = alertInPlayer();
  if (/NotReadable|TrackStart|Could not start/i.test(alert)) {
    return "The camera is in use by another program or tab. Close it there, then press Start camera again.";
  }
  const permission = await navigator.permissions?.query({ name: "camera" }).catch(() => null);
  if (permission?.state === "denied" || /NotAllowed|denied/i.test(alert)) {
    return "The browser does not allow this page to use the camera. Allow it with the camera sign in the address bar, then press Start camera again.";
  }
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => null);
  if ((devices && !devices.some((d) => d.kind === "videoinput")) || /NotFound/i.test(alert)) {
    return "No camera was found. Connect one, then press Start camera again.";
  }
  if (/longer than expected|ICE|connection/i.test(alert)) {
    return "The network between this browser and the server blocks video. A TURN server helps (docs/live.md of FER Studio).";
  }
  return "";
}

// The player does not know that a start was given up. Of a stopped start nothing may reach it any
// more: neither its camera, which is switched off again when it comes late, nor news of its
// connection, for which the player would play, or stop the start that was pressed since.
function guard() {
  const page = document.querySelector(PLAYER)?.contentDocument;
  const view = page?.defaultView;
  // A page that has just begun to load has no head yet.
  if (!view?.navigator.mediaDevices || page.URL === "about:blank" || !page.head || page.guarded) return;
  page.head.appendChild(page.createElement("style")).textContent = STYLE;
  let stops = 0;
  const isStop = (event) => event.target.closest("button")?.textContent.trim() === "Stop";
  page.addEventListener("click", (event) => (stops += isStop(event)), true);
  guardCamera(view.navigator.mediaDevices, () => stops);
  guardConnections(view, () => stops);
  page.guarded = true;
}

function guardCamera(media, stops) {
  const ask = media.getUserMedia.bind(media);
  media.getUserMedia = async (wanted) => {
    const before = stops();
    const asked = ask(wanted);
    await asked.catch(() => {});
    if (stops() === before) return asked;
    asked.then((stream) => stream.getTracks().forEach((track) => track.stop()), () => {});
    return new Promise(() => {});
  };
}

function guardConnections(view, stops) {
  view.RTCPeerConnection = class extends view.RTCPeerConnection {
    constructor(...given) {
      super(...given);
      const before = stops();
      let ended = false;
      this.addEventListener("connectionstatechange", (event) => {
        if (ended || stops() !== before) event.stopImmediatePropagation();
        ended ||= ["disconnected", "failed", "closed"].includes(this.connectionState);
      });
    }
  };
}

export default function ({ parentElement, data }) {
  const line = parentElement.querySelector("[role=status]");
  const show = async () => {
    const text = await problem();
    const all = text && `${text} ${data?.otherwise ?? ""}`.trim();
    if (line.textContent !== all) line.textContent = all;
  };
  const timers = [setInterval(guard, 50), setInterval(show, 1000)];
  guard();
  show();
  return () => timers.forEach(clearInterval);
}
