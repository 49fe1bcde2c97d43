"""From a ZIP to a balanced version in a real browser."""

import shutil
from pathlib import Path

import pytest

from fer_core.dataset import scan
from tests.browser.test_accessibility import settle

pytestmark = pytest.mark.browser


@pytest.fixture
def archive(tree: Path, tmp_path: Path) -> Path:
    for label in ("angry", "fear", "neutral", "surprise"):
        shutil.copytree(tree / "train" / "sad", tree / "train" / label)
    return Path(shutil.make_archive(str(tmp_path / "faces"), "zip", tree))


def open_dataset(page, server: str) -> None:
    page.goto(f"{server}/dataset?data=demo")
    page.get_by_text("is the smallest class: 19 of 932").wait_for()


def test_zip_to_balanced_version(page, server: str, archive: Path, server_home: Path) -> None:
    open_dataset(page, server)
    page.get_by_role("button", name="Change").click()
    page.get_by_role("radio", name="Upload").click()
    page.set_input_files("input[type=file]", str(archive))
    page.get_by_role("button", name="Import").click()
    page.get_by_text("is the smallest class: 3 of 38 training images").wait_for()
    page.locator(".js-plotly-plot .bars .point").first.wait_for()
    page.get_by_role("radio", name="Upsample").click()
    page.get_by_text("each disgust image is used 3.3 times").wait_for()
    chart = page.locator(".js-plotly-plot").first
    chart.get_by_text("after", exact=True).first.wait_for()
    bars = chart.evaluate("node => node.data.map(trace => [trace.name, Array.from(trace.y)])")
    assert bars == [["now", [5, 3, 5, 10, 5, 5, 5]], ["after", [10] * 7]]
    page.get_by_role("radio", name="Custom").click()
    page.get_by_role("spinbutton", name="disgust").fill("12")
    page.keyboard.press("Enter")
    page.get_by_text("each disgust image is used 4.0 times").wait_for()
    page.get_by_role("radio", name="Largest").click()
    page.get_by_text("each disgust image is used 3.3 times").wait_for()
    page.get_by_role("button", name="Create", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("faces-balanced is created and open").wait_for()
    counts = scan(server_home / "datasets" / "faces-balanced").counts()
    assert counts["train"].tolist() == [10] * 7
    dialog.get_by_role("button", name="Look at it").click()
    page.get_by_text("The training split is balanced: 10 to 10 a class").wait_for()
    page.reload()
    page.get_by_text("Dataset faces-balanced · 72 images · balanced from faces").wait_for()
    page.get_by_role("button", name="Change").click()
    page.get_by_role("button", name="faces", exact=True).click()
    page.get_by_text("Dataset faces · 40 images").wait_for()
    page.get_by_role("link", name="2 Train").click()
    page.get_by_role("button", name="Use the balanced version (faces-balanced)").click()
    page.get_by_text("Dataset faces-balanced").wait_for()
    page.get_by_text("This dataset is imbalanced").wait_for(state="detached")


def test_a_click_on_a_bar_shows_its_class(page, server: str) -> None:
    open_dataset(page, server)
    page.get_by_text("1 to 60 of 165").wait_for()
    page.wait_for_load_state("networkidle")  # images that come move the chart
    settle(page)
    bar = page.locator(".js-plotly-plot .barlayer .trace").first.locator(".point").nth(3)
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    spot = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*spot)  # Plotly takes a click as one on the bar that it has said to be hovered
    page.locator(".js-plotly-plot .hoverlayer .hovertext").first.wait_for()
    page.mouse.click(*spot)
    page.get_by_text("1 to 60 of 285").wait_for()


def test_it_fits_a_phone(page, server: str) -> None:
    open_dataset(page, server)
    page.set_viewport_size({"width": 390, "height": 844})
    for part in ("Upsample", "Audit", "Report", "Balance"):
        page.get_by_role("radio", name=part, exact=True).click()
        page.get_by_role("radio", name=part, checked=True, exact=True).wait_for()
        page.wait_for_timeout(500)
        wide = page.evaluate(
            "document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth"
        )
        assert wide <= 0, part
