"""Evaluate the demo, click a cell of the matrix, see its images: in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def evaluated(profile, server: str) -> Iterator:
    """A tab with the demo open and evaluated, for one test after the other."""
    page = profile.new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{server}/evaluate")
    page.get_by_role("button", name="Open the demo").click()
    page.get_by_role("button", name=re.compile(r"Evaluate \(")).click()
    page.get_by_text("Click a cell to see its images").wait_for()
    yield page
    page.close()


def test_a_click_on_a_cell_shows_its_images(evaluated) -> None:
    page = evaluated
    matrix = page.locator(".st-key-confusion .js-plotly-plot")
    matrix.locator(".heatmaplayer").wait_for()
    counts = matrix.evaluate("node => Array.from(node.data[1].customdata, pair => pair[0])")
    places = matrix.evaluate("node => node.data[1].x.map((x, i) => [node.data[1].y[i], x])")
    most = max(range(49), key=lambda k: (counts[k], -k))
    (true, said), count = places[most], counts[most]
    matrix.evaluate("node => node.scrollIntoView({block: 'center'})")
    page.wait_for_timeout(1000)
    spot = matrix.evaluate(
        """(node, at) => {
            const {xaxis, yaxis} = node._fullLayout, box = node.getBoundingClientRect();
            return [box.left + xaxis._offset + xaxis.d2p(at[1]),
                    box.top + yaxis._offset + yaxis.d2p(at[0])];
        }""",
        [true, said],
    )
    page.mouse.move(*spot)
    page.wait_for_timeout(300)
    page.mouse.click(*spot)
    page.get_by_text(
        re.compile(rf"1 to \d+ of {count} {true} faces predicted as {said}")
    ).wait_for()
    page.wait_for_timeout(500)
    shown = page.locator('[data-testid="stImage"] img').count()
    assert shown >= min(count, 24)


def test_the_report_needs_no_other_file(evaluated, tmp_path: Path) -> None:
    page = evaluated
    page.get_by_role("radio", name="Report", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Report as HTML").click()
    report = tmp_path / "report.html"
    waiting.value.save_as(report)
    asked: list[str] = []
    alone = page.context.browser.new_context(offline=True).new_page()
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(report.as_uri())
    alone.locator("figure .heatmaplayer").first.wait_for()
    assert alone.locator("figure .main-svg").count() >= 6
    assert asked == [report.as_uri()]
    alone.context.close()


PARTS = {
    "Errors": "errors, most confident first", "Compare": "Compare with", "Robustness": "predictions; about",
    "Report": "Report as HTML", "Metrics": "Confidence threshold",
}  # fmt: skip
"""Parts of the page, and what stands in each."""


def test_it_fits_a_phone(evaluated) -> None:
    evaluated.set_viewport_size({"width": 390, "height": 844})
    for part, holds in PARTS.items():
        evaluated.get_by_role("radio", name=part, exact=True).click()
        evaluated.get_by_text(holds).first.wait_for()
        evaluated.wait_for_timeout(300)  # charts follow the width
        wide = evaluated.evaluate(
            "document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth"
        )
        assert wide <= 0, part


def test_a_chart_is_saved_as_svg(page, server: str, tmp_path: Path) -> None:
    page.set_default_timeout(120_000)
    page.goto(f"{server}/evaluate")
    chart = page.locator(".st-key-stored_confusion .js-plotly-plot")
    chart.locator(".heatmaplayer").wait_for()
    assert chart.locator(".modebar-btn").count() == 1
    page.get_by_role("button", name="Table and image").first.click()
    page.get_by_role("radio", name="SVG").first.click()
    page.wait_for_timeout(1500)
    page.keyboard.press("Escape")
    with page.expect_download() as waiting:
        chart.locator(".modebar-btn").click()
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    assert file.name == "confusion-matrix.svg"
    assert "surprise" in file.read_text("utf-8")


def test_the_menu_of_a_phone_closes_after_a_tap(page, server: str) -> None:
    page.set_default_timeout(60_000)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(server)
    page.get_by_role("heading", name="FER Studio").wait_for()
    page.get_by_text("faces it never saw").wait_for()
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Evaluate").click()
    page.get_by_role("heading", name="Evaluate", exact=True).wait_for()
    page.get_by_test_id("stExpandSidebarButton").wait_for()
    page.wait_for_timeout(1000)  # it slides out of the window
    box = page.get_by_test_id("stSidebarNavLink").first.bounding_box()
    assert box["x"] + box["width"] <= 0


def test_home_shows_a_face_read_above_the_fold(page, server: str) -> None:
    """A phone shows the photo with the field; see ``test_touch``."""
    width, height = 1360, 900
    page.set_default_timeout(60_000)
    page.set_viewport_size({"width": width, "height": height})
    page.goto(server)
    image = page.locator('[data-testid="stImage"] img').first
    image.wait_for()
    page.locator(".st-key-home_bars .js-plotly-plot").wait_for()
    page.wait_for_timeout(1000)
    box = page.locator(".st-key-home_bars").bounding_box()
    assert box["y"] + box["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth") <= width
