"""axe-core finds nothing serious on any page, in either theme."""

from pathlib import Path

import axe_playwright_python
import pytest

pytestmark = pytest.mark.browser

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
FIND = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
  .filter(found => ["serious", "critical"].includes(found.impact))
  .flatMap(found => found.nodes.map(node => `${found.id}: ${node.html.slice(0, 200)} `
    + `(${node.any[0]?.message ?? found.help})`))"""

# axe leaves letters in SVG out.
FAINT = """() => {
  const light = (color) => color.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0.05);
  const behind = light(getComputedStyle(document.querySelector(".stApp")).backgroundColor);
  return [...document.querySelectorAll(".js-plotly-plot :is(.xtick, .ytick, .legend) text")]
    .map((text) => [text.textContent, light(getComputedStyle(text).fill)])
    .map(([text, ink]) => [text, Math.max(ink, behind) / Math.min(ink, behind)])
    .filter(([, contrast]) => contrast < 4.5).map((found) => `chart: ${found}`);
}"""


def settle(page) -> None:
    """Wait until the server has nothing more to say and nothing fades any more."""
    page.locator("h1").first.wait_for()
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=stStatusWidget], [data-stale=true]')"
    )
    page.evaluate("""() => Promise.all(document.getAnimations()
      .filter(one => one.effect?.getTiming().iterations !== Infinity)
      .map(one => one.finished.catch(() => null)))""")


def serious(page, theme: str) -> list[str]:
    page.emulate_media(color_scheme=theme)
    page.wait_for_function(
        "(dark) => (getComputedStyle(document.querySelector('.stApp')).backgroundColor"
        " === 'rgb(17, 23, 22)') === dark",
        arg=theme == "dark",
    )
    settle(page)
    return [f"{theme}: {found}" for found in page.evaluate(FIND) + page.evaluate(FAINT)]


@pytest.mark.parametrize("name", ["", "upload", "live", "dataset", "train", "evaluate", "models"])
def test_nothing_serious(page, server: str, name: str) -> None:
    page.goto(f"{server}/{name}")
    settle(page)
    if name == "upload":
        page.get_by_role("button", name="Try an example photo").click()
        page.get_by_text("1 photo, 1 face").wait_for()
    page.evaluate(AXE)
    found = serious(page, "light") + serious(page, "dark")
    assert not found, "\n".join(found)


def test_a_photo_can_be_read_with_the_keyboard_alone(page, server: str) -> None:
    page.goto(f"{server}/upload")
    settle(page)
    for _ in range(40):
        page.keyboard.press("Tab")
        tag, text = page.evaluate("(e => [e.tagName, e.innerText])(document.activeElement)")
        if tag == "BUTTON" and "Try an example photo" in text:
            break
    page.keyboard.press("Enter")
    page.get_by_text("1 photo, 1 face").wait_for()
