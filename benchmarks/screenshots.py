"""Screenshots for the documents, made from the real app: ``make screenshots``.

    python -m benchmarks.screenshots [NAME ...]

They show the example photo (Eileen Collins, NASA, public domain) and the demo's drawn faces, so
that no image of a dataset gets into the repository.
"""

import re
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks import table
from benchmarks.fake_camera import chromium_arguments, moving_photo, write_y4m
from benchmarks.live_server import Server, free_port, player, start_button
from fer_core.collect import Face, open_or_create
from fer_core.collect.collection import Suggester
from fer_core.dataset import demo
from fer_core.images.boxes import Box
from fer_core.labels import EMOTIONS
from fer_core.models import EmotionClassifier
from fer_core.recognition import Detection

ROOT = Path(__file__).resolve().parent.parent
WHERE = ROOT / "docs" / "images"
WIDTH, HEIGHT = 1180, 820


def photos(page: Page) -> None:
    page.get_by_role("button", name="Try an example photo").click()
    page.get_by_text("1 photo, 1 face").wait_for()
    page.get_by_text("happy", exact=False).first.wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    _scroll(page, "1 photo, 1 face")


def live(page: Page) -> None:
    start_button(page).click()
    page.get_by_text(re.compile(r"\d+ fps")).wait_for()
    player(page)
    page.wait_for_timeout(8_000)  # the last minute needs a few seconds to show anything
    _scroll(page, "Snapshot")


def dataset(page: Page) -> None:
    page.get_by_text("is the smallest class").wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    _scroll(page, "is the smallest class")


def train(page: Page) -> None:
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("button", name="Use this model").wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    _scroll(page, "Best accuracy")


def home(page: Page) -> None:
    page.get_by_text("Before you use it").wait_for()
    page.locator(".js-plotly-plot .bars path").first.wait_for()


def snapshot(page: Page) -> None:
    page.get_by_role("radio", name="Snapshot").click()
    page.get_by_role("button", name="Take photo").click()
    page.get_by_alt_text("The snapshot with its faces").wait_for()
    page.locator("[data-testid=stMain]").evaluate("one => one.scrollTo(0, one.scrollHeight)")


PICTURES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "home": ("", home),
    "photos": ("upload", photos),
    "live": ("live", live),
    "dataset": ("dataset", dataset),
    "train": ("train", train),
}


def make(page: Page) -> None:
    page.get_by_role("button", name="Change").click()
    page.get_by_text("Make one", exact=True).click()
    page.get_by_role("button", name="Start", exact=True).click()


def label(page: Page) -> None:
    make(page)
    page.get_by_text("Label", exact=True).first.click()
    page.locator(".grid .title").filter(has_text="Suggested").wait_for()
    page.get_by_role("button", name="By suggestion").click()
    page.keyboard.press("Enter")
    page.keyboard.press("4")
    page.get_by_text("All labels are saved.").wait_for()
    _scroll(page, "Labelled by")


def webcam(page: Page) -> None:
    make(page)
    page.get_by_text("Webcam", exact=True).click()
    person = page.get_by_role("textbox", name="Who is in front of the camera?")
    person.fill("Eileen")
    person.press("Enter")
    start_button(page).click()
    expect(page.get_by_role("button", name="4 happy")).to_be_enabled(timeout=120_000)
    page.locator("h1").first.click()
    page.keyboard.down("4")
    page.wait_for_timeout(5_000)
    _scroll(page, "Who is in front")


def fill_collection(home: Path, count: int = 140) -> None:
    """Put drawn faces with the model's suggestions into the collection ``mine``."""
    random = np.random.default_rng(3)
    crops = [
        cv2.cvtColor(demo.draw_face(EMOTIONS[number % 7], random), cv2.COLOR_GRAY2RGB)
        for number in range(count)
    ]
    predicted = EmotionClassifier.load().predict(crops)
    box = Detection(Box(0, 0, 96, 96), 0.9)
    faces = [
        Face(crop, "photo", f"{number}.png", f"{number}.png#1", box, probabilities)
        for number, (crop, probabilities) in enumerate(zip(crops, predicted, strict=True))
    ]
    collection = open_or_create("mine", home / "collections")
    collection.add(faces, Suggester("mobilenetv2", "fer2013", "yunet"))


MAKE: dict[str, tuple[str, Callable[[Page], None]]] = {
    "make-label": ("dataset", label),
    "make-webcam": ("dataset", webcam),
}

PUBLIC: dict[str, tuple[str, Callable[[Page], None]]] = {
    "public-home": ("", home),
    "public-snapshot": ("live", snapshot),
}


def _scroll(page: Page, text: str) -> None:
    """Put the first element with ``text`` near the top of the screenshot."""
    page.get_by_text(text, exact=False).first.evaluate(
        "one => { one.scrollIntoView({block: 'start'});"
        " document.querySelector('[data-testid=stMain]').scrollBy(0, -90); }"
    )


def take(browser: Browser, shots: dict[str, tuple[str, Callable[[Page], None]]],
         **environment: str) -> None:  # fmt: skip
    """Pictures of an app of its own."""
    server = Server("streamlit_app.py", free_port(), **environment)
    try:
        for name, (path, act) in shots.items():
            context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
            context.set_default_timeout(300_000)
            page = context.new_page()
            page.goto(f"{server.address}/{path}")
            act(page)
            page.mouse.move(WIDTH - 5, HEIGHT - 5)
            page.wait_for_timeout(1_500)
            page.screenshot(path=WHERE / f"{name}.png")
            print(WHERE / f"{name}.png")
            context.close()
    finally:
        server.stop()


def main() -> None:
    table.use_yunet(ROOT.parent / "shared")
    names = sys.argv[1:] or [*PICTURES, *MAKE, *PUBLIC]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        camera = Path(folder) / "camera.y4m"
        write_y4m(camera, moving_photo(skimage.data.astronaut(), sway=10))
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[*chromium_arguments(camera), "--use-fake-ui-for-media-stream"],
        )
        with closing(browser):
            take(browser, {name: PICTURES[name] for name in PICTURES if name in names})
            fill_collection(Path(folder))
            take(browser, {n: MAKE[n] for n in MAKE if n in names}, FER_HOME=folder)
            take(browser, {n: PUBLIC[n] for n in PUBLIC if n in names}, FER_PUBLIC="1")


if __name__ == "__main__":
    main()
