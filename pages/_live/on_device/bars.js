// The emotion and the seven probabilities of the face that device_live.js reports.

export default function ({ parentElement }) {
  const root = parentElement.querySelector("[data-part=bars]");
  if (root.listening) return root.stop;
  root.listening = true;
  const heading = root.querySelector("[data-part=caption]");
  const rows = [...root.querySelectorAll("[data-emotion]")];
  const show = ({ detail: { face, title, rules } }) => {
    root.classList.toggle("empty", !face);
    heading.textContent = face ? caption(face, rules.emotions) : title || "The camera is off";
    rows.forEach((row, at) => {
      const share = face ? face.probabilities[at] : 0;
      row.querySelector("[data-part=fill]").style.width = `${100 * share}%`;
      row.querySelector("[data-part=share]").textContent = face ? `${Math.round(100 * share)}%` : "";
    });
  };
  window.addEventListener("fer-studio-face", show);
  root.stop = () => window.removeEventListener("fer-studio-face", show);
  return root.stop;
}

function caption({ label, uncertain, reason, probabilities }, emotions) {
  const at = uncertain ? probabilities.indexOf(Math.max(...probabilities)) : label;
  const text = `${emotions[at]} ${Math.round(100 * probabilities[at])}%`;
  return uncertain ? `${reason || "uncertain"} (${text})` : text;
}
