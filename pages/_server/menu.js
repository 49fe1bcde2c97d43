// On a phone the navigation is a drawer over the page. Streamlit 1.67 closes it after a tap on a link
// when the navigation stands in the sidebar (streamlit/streamlit pull request 4841), but not when its
// position is "top".
export default function () {
  if (document.documentElement.dataset.closesMenu) return;
  document.documentElement.dataset.closesMenu = "yes";
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('[data-testid="stSidebarNavLink"]');
    if (!link || window.innerWidth > 768) return;
    const close = () =>
      document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
    setTimeout(close, 100);
  });
}
