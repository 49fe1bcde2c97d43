// On a phone the navigation is a drawer over the page. Streamlit 1.67 closes it after a tap on a link
// when the navigation stands in the sidebar (streamlit/streamlit pull request 4841), but not when its
// position is "top".
function closeMenu(event) {
  const link = event.target.closest?.('[data-testid="stSidebarNavLink"]');
  if (!link || window.innerWidth > 768) return;
  const close = () =>
    document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
  setTimeout(close, 100);
}

// The help icon of a toggle or checkbox stands in its label, and Streamlit 1.67 takes a press anywhere
// in the label as one of the switch. The icon itself learns of a tap before it is stopped.
function spareSwitch(event) {
  const icon = event.target.closest?.('[data-testid="stCheckbox"] [data-testid="stTooltipIcon"]');
  icon?.addEventListener("pointerdown", (press) => press.stopPropagation(), { once: true });
}

// A video that plays from a chosen moment on is seen, also where it stands above a phone's screen.
function showVideo(event) {
  if (!event.target.closest?.('[class*="st-key-moment-"], [class*="st-key-timeline-"]')) return;
  document.querySelector('[data-testid="stVideo"]')?.scrollIntoView({ block: "nearest" });
}

export default function () {
  if (document.documentElement.dataset.taps) return;
  document.documentElement.dataset.taps = "corrected";
  document.addEventListener("click", closeMenu);
  document.addEventListener("click", showVideo);
  document.addEventListener("pointerdown", spareSwitch, { capture: true });
}
