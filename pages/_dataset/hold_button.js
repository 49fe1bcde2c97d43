// A button for each emotion: while it, or its key, is held faces are taken. Where the server takes
// them, it is told so again and again, so that a page that is gone lets go by itself. Where the
// browser does, an event tells the view on this device.
const KEYS = "1234567";
const BEAT_MS = 700;
const NAME_MS = 500; // until the server knows a name that was typed just before the press

function build(root, data) {
  root.replaceChildren(
    ...data.emotions.map((emotion, at) => {
      const button = document.createElement("button");
      button.innerHTML = `${data.prompts[at]}<span class="text"><b>${KEYS[at]} ${emotion}</b><small>${data.hints[at]}</small></span>
        <span class="count"></span><i style="background:${data.colors[at]}"></i>`;
      button.dataset.emotion = emotion;
      button.addEventListener("pointerdown", (event) => {
        button.setPointerCapture?.(event.pointerId);
        const isTyping = document.activeElement?.matches("input, textarea");
        root.soon = setTimeout(() => root.hold(emotion), isTyping ? NAME_MS : 0);
      });
      for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
        button.addEventListener(name, () => root.hold(""));
      button.addEventListener("contextmenu", (event) => event.preventDefault());
      return button;
    }),
  );
}

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".hold");
  if (!root.children.length) build(root, data);
  root.save = (value) => setStateValue("held", value);
  root.isOn = data.enabled;
  root.isLocal = data.local;
  root.hold ??= (emotion) => {
    clearTimeout(root.soon);
    if ((root.held ?? "") === emotion || (emotion && !root.isOn)) return;
    root.held = emotion;
    clearInterval(root.beat);
    let beat = 0;
    const say = () => root.save({ emotion, beat: beat++, time: Date.now() });
    window.dispatchEvent(new CustomEvent("fer-studio-hold", { detail: { emotion } }));
    if (!root.isLocal) say();
    if (emotion && !root.isLocal) root.beat = setInterval(() => (root.isOn ? say() : root.hold("")), BEAT_MS);
    for (const button of root.children) button.classList.toggle("held", button.dataset.emotion === emotion);
  };
  if (!data.enabled || (data.error && data.error !== root.error)) root.hold("");
  root.error = data.error;
  const most = Math.max(...data.counts, 1);
  [...root.children].forEach((button, at) => {
    button.disabled = !data.enabled;
    button.querySelector(".count").textContent = data.counts[at];
    button.querySelector("i").style.width = `${(100 * data.counts[at]) / most}%`;
  });
  root.key ??= (event) => {
    const at = KEYS.indexOf(event.key);
    const isTyping = event.composedPath()[0].closest?.("input, textarea, [contenteditable=true]");
    if (at < 0 || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (!event.repeat) root.hold(event.type === "keydown" ? root.children[at].dataset.emotion : "");
  };
  root.away ??= () => root.hold("");
  for (const action of ["removeEventListener", "addEventListener"]) {
    document[action]("keydown", root.key, true);
    document[action]("keyup", root.key, true);
    window[action]("blur", root.away);
  }
  return () => {
    root.hold("");
    clearInterval(root.beat);
    document.removeEventListener("keydown", root.key, true);
    document.removeEventListener("keyup", root.key, true);
    window.removeEventListener("blur", root.away);
  };
}
