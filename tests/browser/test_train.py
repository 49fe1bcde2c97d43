"""A run in a real browser: start, watch it move, refresh, stop, resume, put it to use."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from fer_core.system.jobs import Jobs
from tests.browser.live_driver import GUARDED, button
from tests.browser.test_accessibility import settle

pytestmark = pytest.mark.browser

EPOCHS = 1000  # more than can be trained while the test looks
TINY = f"""
version: 1
architecture: fernet
start: scratch
input_size: 32
heads: [fer2013]
epochs: {EPOCHS}
batch_size: 64
learning_rate: 0.002
"""
PATIENT = 600_000  # starting TensorFlow and compiling, on a busy machine
RELAXED = 500  # ms between two looks; otherwise the browser draws a frame for each, beside training


@pytest.fixture(autouse=True)
def no_run_is_left(server_home: Path) -> Iterator[None]:
    """Also where a test fails on the way; nor is its model in use."""
    yield
    for one in Jobs(server_home / "runs").list():
        Jobs(server_home / "runs").kill(one.name)
    shutil.rmtree(server_home / "runs", ignore_errors=True)
    (server_home / "default.json").unlink(missing_ok=True)


def open_train(page, server: str) -> None:
    page.goto(f"{server}/train?data=demo")
    page.get_by_text("Train a network on your own images").wait_for()


GROWN = """count => {
    const lines = document.querySelector(".js-plotly-plot")?.data;
    return lines?.length >= 2 && lines[0].x.length >= count && lines[1].x.length >= count;
}"""
"""Whether training's and validation's line of the loss chart have so many points."""


def epochs(page) -> int:
    """How many epochs the page says are done."""
    return int(re.match(r"\d+", metric(page).inner_text())[0])


def metric(page):
    return page.get_by_test_id("stMetricValue").first


def wait_for_epoch(page, count: int) -> None:
    """Until as many are done, or more: a quick machine trains several between two looks."""
    expect(metric(page)).to_have_text(at_least(count), timeout=PATIENT)


def at_least(count: int) -> re.Pattern:
    return re.compile(rf"^({'|'.join(map(str, range(count, EPOCHS + 1)))}) of {EPOCHS}$")


def test_start_refresh_stop_resume_promote(page, server: str, tmp_path: Path) -> None:
    page.set_default_timeout(120_000)
    config = tmp_path / "tiny.yaml"
    config.write_text(TINY)
    open_train(page, server)
    card = page.locator(".st-key-card-file")
    card.get_by_role("button", name="Select").click(timeout=PATIENT)  # the demo is drawn first
    page.locator("input[type=file]").last.set_input_files(str(config))
    number = page.get_by_role("spinbutton", name="Epochs", exact=True)
    expect(number).to_have_value(str(EPOCHS), timeout=120_000)  # the page has read the file
    page.get_by_role("textbox", name="Title").fill("Browser run")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("button", name="Stop now").wait_for()

    page.get_by_text(re.compile(rf"Epoch \d+ of {EPOCHS}: step \d")).wait_for(timeout=PATIENT)
    wait_for_epoch(page, 1)
    page.wait_for_function(GROWN, arg=1, timeout=PATIENT, polling=RELAXED)
    page.evaluate("document.querySelector('.js-plotly-plot').dataset.mark = 'the same'")
    page.wait_for_function(GROWN, arg=epochs(page) + 2, timeout=PATIENT, polling=RELAXED)
    assert page.locator(".js-plotly-plot").first.get_attribute("data-mark"), "it was drawn anew"

    page.reload()
    page.get_by_role("button", name="Stop now").wait_for()  # found again after a refresh
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").wait_for(timeout=PATIENT)
    paused = epochs(page)
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Stop and keep the best").wait_for()
    wait_for_epoch(page, paused + 1)
    page.get_by_text("resumed before epoch").wait_for()
    page.get_by_role("button", name="Stop and keep the best").click()
    page.get_by_role("button", name="Use this model").wait_for(timeout=PATIENT)

    page.get_by_role("button", name="Use this model").click()
    page.get_by_text("Browser-run is in use on every page").wait_for()
    page.get_by_role("link", name="Photos").click()
    page.get_by_text("was trained on the demo's drawn faces").wait_for()
    page.get_by_role("button", name="Try an example photo").click()
    page.get_by_text("1 photo").wait_for()
    page.get_by_role("link", name="Live").first.click()
    page.get_by_role("heading", name="Live").wait_for()  # the warning was on the last page too
    page.get_by_text("was trained on the demo's drawn faces").wait_for()
    page.get_by_text("The camera is off").wait_for()
    button(page, "Start camera").wait_for()
    page.wait_for_function(GUARDED)
    settle(page)  # a click on a page that was still being drawn was lost at times
    page.get_by_role("link", name="Train").click()
    page.get_by_role("button", name="Restore mobilenetv2").click()
    page.get_by_text("mobilenetv2 is in use again").wait_for()
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("button", name="Discard for good").click()
    page.get_by_text("There is no run yet").wait_for()


def test_it_fits_a_phone(page, server: str) -> None:
    open_train(page, server)
    page.set_viewport_size({"width": 390, "height": 844})
    for part, holds in (
        ("Current run", "There is no run yet"),
        ("Runs", "or import one"),
        ("New run", "Dataset demo"),
    ):
        page.get_by_role("radio", name=part, exact=True).click()
        page.get_by_text(holds).first.wait_for()
        wide = page.evaluate(
            "document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth"
        )
        assert wide <= 0, part
