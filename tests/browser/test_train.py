"""A run in a real browser: start, watch it move, refresh, stop, resume, put it to use."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from fer_core.jobs import Jobs

pytestmark = pytest.mark.browser

TINY = """
version: 1
architecture: fernet
start: scratch
input_size: 32
readings: [fer2013]
epochs: 200
batch_size: 64
learning_rate: 0.002
"""
PATIENT = 600_000  # starting TensorFlow and compiling, on a busy machine


@pytest.fixture(autouse=True)
def no_run_is_left(server_home: Path) -> Iterator[None]:
    """Also where a test fails on the way."""
    yield
    for one in Jobs(server_home / "runs").list():
        Jobs(server_home / "runs").kill(one.name)


def open_train(page, server: str) -> None:
    page.goto(server)
    page.get_by_role("link", name="Train").click()
    page.get_by_text("Teach a network").wait_for()


def points(page) -> int:
    """How many points the loss chart's training line has."""
    chart = page.locator(".js-plotly-plot").first
    return chart.evaluate("node => node.data[0].x.length")


def epochs(page) -> int:
    return int(re.match(r"\d+", page.get_by_test_id("stMetricValue").first.inner_text())[0])


def wait_for_epoch(page, count: int) -> None:
    page.get_by_test_id("stMetricValue").first.get_by_text(
        re.compile(rf"^{count} of 200$")
    ).wait_for(timeout=PATIENT)


def test_start_refresh_stop_resume_promote(page, server: str, tmp_path: Path) -> None:
    page.set_default_timeout(120_000)
    config = tmp_path / "tiny.yaml"
    config.write_text(TINY)
    open_train(page, server)
    page.get_by_role("button", name="Open the demo").click()
    page.get_by_role("radio", name="From a file").click()
    page.locator("input[type=file]").last.set_input_files(str(config))
    number = page.get_by_role("spinbutton", name="Epochs", exact=True)
    expect(number).to_have_value("200", timeout=120_000)  # the page has read the file
    page.get_by_role("textbox", name="Title").fill("Browser run")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("button", name="Stop now").wait_for()

    page.get_by_text(re.compile(r"Epoch 1 of 200")).wait_for(timeout=PATIENT)
    wait_for_epoch(page, 1)
    before = epochs(page)
    wait_for_epoch(page, before + 1)
    assert points(page) >= before + 1

    page.reload()
    page.get_by_role("button", name="Stop now").wait_for()  # found again after a refresh
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").wait_for(timeout=PATIENT)
    paused = epochs(page)
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Stop and keep the best").wait_for()
    wait_for_epoch(page, paused + 1)
    page.get_by_text("taken up again before epoch").wait_for()
    page.get_by_role("button", name="Stop and keep the best").click()
    page.get_by_role("button", name="Put to use").wait_for(timeout=PATIENT)

    page.get_by_role("button", name="Put to use").click()
    page.get_by_text("Browser-run is in use on Photos and Live now").wait_for()
    page.get_by_role("link", name="Photos").click()
    page.get_by_text("was trained on the demo's drawn faces").wait_for()
    page.get_by_role("button", name="Try an example photo").click()
    page.get_by_text("1 photo").wait_for()
    page.get_by_role("link", name="Live").click()
    page.get_by_text("was trained on the demo's drawn faces").wait_for()
    page.get_by_role("link", name="Train").click()
    page.get_by_role("button", name="Go back to the model before").click()
    page.get_by_text("mobilenetv2 is in use again").wait_for()
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("button", name="Discard it for good").click()
    page.get_by_text("There is no run yet").wait_for()


def test_it_fits_a_phone(page, server: str) -> None:
    open_train(page, server)
    page.set_viewport_size({"width": 390, "height": 844})
    for part in ("New run", "Watch", "All runs"):
        page.get_by_role("radio", name=part, exact=True).click()
        page.get_by_role("radio", name=part, checked=True, exact=True).wait_for()
        page.wait_for_timeout(500)
        wide = page.evaluate(
            "document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth"
        )
        assert wide <= 0, part
