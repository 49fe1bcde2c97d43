// Draws a Plotly figure once and changes it from then on: its nodes stay, so nothing flickers.
let loading;

function plotly(address) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(address, document.baseURI);
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error(`${script.src} cannot be loaded`));
    document.head.append(script);
  });
  return loading;
}

// The figure in the page's colours and letters.
function themed({ data, layout }, element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(name).trim();
  const font = { family: read("--st-font"), color: read("--st-text-color"), size: 12 };
  const axis = { automargin: true, gridcolor: read("--st-border-color-light"), zeroline: false };
  const page = {
    autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font,
    xaxis: { ...axis, showgrid: false, ...layout.xaxis },
    yaxis: { ...axis, ...layout.yaxis },
  };
  return [data.map((line) => ({ textfont: font, ...line })), { ...layout, ...page }];
}

export default async function ({ parentElement, data }) {
  const node = parentElement.querySelector("[role=figure]");
  const looks = data.figure + getComputedStyle(parentElement).getPropertyValue("--st-text-color");
  if (node.looks === looks) return; // nothing new to draw
  node.looks = looks;
  const figure = JSON.parse(data.figure);
  node.setAttribute("aria-label", data.alt);
  node.style.minHeight = `${figure.layout.height}px`;
  try {
    const library = await plotly(data.library);
    if (!node.isConnected) return;
    await library.react(node, ...themed(figure, parentElement), { displayModeBar: false });
    node.fits ??= new ResizeObserver(() => node.isConnected && library.Plots.resize(node));
    node.fits.observe(node);
  } catch (error) {
    loading = node.looks = undefined;
    node.textContent = `The chart cannot be drawn (${error.message}). Reload the page.`;
  }
}
