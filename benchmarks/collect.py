"""Make a dataset of one's own: how fast faces arrive, and how much a small dataset helps.

    python benchmarks/collect.py speed [--photos 500]
    python benchmarks/collect.py adapt --data ../shared/data/fer2013.zip [--a-class 50]
    python benchmarks/collect.py grid [--faces 1000]
    python benchmarks/collect.py webcam --clip ../shared/media/one_face_20s.mp4

``speed`` compares ``dataset make`` with ``classify`` on the same generated photos of 1280 by 720.
``adapt`` changes held-out images of FER-2013 (darker, noisier, framed wider) and trains the shipped
model further on some of them with the preset for own faces; both models are compared on others.
``grid`` labels drawn faces by key and times each from the key to the next face on the screen.
``webcam`` goes from nothing to a model in use in a browser whose camera plays a clip.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from playwright.sync_api import Error, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.fake_camera import chromium_arguments, clip, moving_photo, write_y4m
from benchmarks.live_server import Server, free_port, start_button
from benchmarks.screenshots import fill_collection, make
from fer_core.dataset import image_reading, scan
from fer_core.evaluation.compare import compare
from fer_core.labels import EMOTIONS
from fer_core.models import EmotionClassifier
from fer_core.training.config import TrainConfig
from fer_core.training.presets import OWN_FACES, PRESETS
from fer_core.types import Pixels

WIDTH, HEIGHT = 1280, 720


def photos(folder: Path, count: int) -> None:
    """Write photos with one face each, of different size, place and light."""
    random = np.random.default_rng(0)
    astronaut = skimage.data.astronaut()
    scene = cv2.resize(skimage.data.coffee(), (WIDTH, HEIGHT))
    for number in range(count):
        side = int(random.integers(300, 640))
        face = cv2.resize(astronaut, (side, side)).astype(float) * random.uniform(0.6, 1.1)
        face += random.normal(0, 4, face.shape)
        photo = np.roll(scene, int(random.integers(WIDTH)), axis=1)
        y, x = random.integers(0, [HEIGHT - side, WIDTH - side])
        photo[y : y + side, x : x + side] = face.clip(0, 255)
        cv2.imwrite(str(folder / f"{number:04}.jpg"), photo[..., ::-1])


def run(*arguments: str) -> float:
    """Return the seconds that a command takes."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "fer_core", *arguments], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode > 1:
        raise SystemExit(done.stderr)
    return time.perf_counter() - start


def speed(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "photos"
        folder.mkdir()
        photos(folder, options.photos)
        for turn in range(options.turns):
            classify = run("classify", str(folder), "--out", f"{name}/{turn}.csv")
            make = run(
                "dataset", "make", str(folder), "--into", f"speed-{time.time_ns()}", "--plan-only"
            )
            print(
                f"{options.photos} photos: classify {classify:.1f} s, dataset make {make:.1f} s, "
                f"{make / classify:.2f} times"
            )


def changed(image: Pixels, random: np.random.Generator) -> Pixels:
    """Return a face of the other domain, uint8 (48, 48): darker, noisier, framed wider."""
    framed = np.pad(image, int(random.integers(6, 11)), mode="edge")
    shift = random.integers(-3, 4, 2)
    framed = cv2.resize(np.roll(framed, shift, (0, 1)), (48, 48), interpolation=cv2.INTER_AREA)
    dark = 255 * (framed / 255.0) ** 1.5 * random.uniform(0.35, 0.6)
    return (dark + random.normal(0, 9, dark.shape)).clip(0, 255).astype(np.uint8)


def domain(data: Path, a_class: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield split, emotion and PNG: FER-2013's validation split to train, its test to test."""
    random = np.random.default_rng(1)
    parts = (
        ("validation", "train", a_class), ("validation", "validation", 20), ("test", "test", 200)
    )  # fmt: skip
    with zipfile.ZipFile(data) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        for emotion in EMOTIONS:
            for source, split, count in parts:
                part = [name for name in names if f"/{source}/{emotion}/" in name]
                order = np.random.default_rng(2).permutation(len(part))
                start = a_class if split == "validation" else 0
                for at in order[start : start + count]:
                    image = image_reading.from_bytes(archive.read(part[at]), part[at])
                    yield split, emotion, image_reading.png(changed(image, random))


def adapt(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "domain"
        for number, (split, emotion, data) in enumerate(domain(options.data, options.a_class)):
            (folder / split / emotion).mkdir(parents=True, exist_ok=True)
            (folder / split / emotion / f"{number:05}.png").write_bytes(data)
        config, runs = Path(name) / "config.yaml", Path(name) / "run"
        chosen = TrainConfig.load(options.config) if options.config else PRESETS[OWN_FACES].config
        chosen.save(config)
        seconds = run("train", "--data", str(folder), "--config", str(config), "--run", str(runs))
        index = scan(folder).split(options.split)
        crops = image_reading.crops(index, range(len(index)), 96)
        y_true = index.label_codes()
        shipped, own = (
            EmotionClassifier.load(model, "fer2013").predict(crops).argmax(axis=1)
            for model in ("mobilenetv2", runs / "model")
        )
        result = compare(y_true, shipped, own)
        change, interval = result.accuracy
        print(json.dumps({
            "a_class": options.a_class, "images": result.n, "training_s": round(seconds),
            "shipped": round(float((shipped == y_true).mean()), 4),
            "own": round(float((own == y_true).mean()), 4), "points": round(100 * change, 1),
            "interval": [round(100 * interval.low, 1), round(100 * interval.high, 1)],
            "macro_f1_points": round(100 * result.macro_f1[0], 1), "mcnemar_p": result.p_value,
        }))  # fmt: skip


KEYS_JS = """async (count) => {
  const hosts = [...document.querySelectorAll("*")].filter((node) => node.shadowRoot);
  const root = hosts.map((node) => node.shadowRoot.querySelector(".grid")).find(Boolean);
  const times = [];
  for (let key = 0; key < count; key++) {
    const [face, start] = [root.dataset.face, performance.now()];
    const options = { key: String(1 + (key % 7)), bubbles: true, composed: true };
    document.body.dispatchEvent(new KeyboardEvent("keydown", options));
    if (root.dataset.face === face) throw new Error("the face stays");
    await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
    times.push(performance.now() - start);
    await new Promise((next) => setTimeout(next, 60));
  }
  return times;
}"""


def grid(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        fill_collection(Path(name), options.faces)
        server = Server("streamlit_app.py", free_port(), FER_HOME=name)
        try:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
            page = browser.new_page(viewport={"width": 1360, "height": 900})
            page.set_default_timeout(120_000)
            page.goto(f"{server.address}/dataset")
            make(page)
            page.get_by_text("Label", exact=True).first.click()
            page.locator(".grid .title").filter(has_text="Suggested").wait_for()
            times = page.evaluate(KEYS_JS, options.keys)
            p50, p95 = np.quantile(times, [0.5, 0.95])
            print(f"{options.faces} faces, {options.keys} keys: p50 {p50:.0f} ms, p95 {p95:.0f} ms")
            browser.close()
        finally:
            server.stop()


NAMES = ("Ann", "Ben", "Cleo")
PART_S = 20
"""Seconds that the camera shows each person."""

HELD = "467"
"""Keys that each person holds, for four seconds each: happy, sad, surprise."""


def persons(file: Path, photo: Path, fps: int = 10) -> Iterator[Pixels]:
    """Yield uint8 (480, 640, 3) frames: a clip, then two photos that sway, ``PART_S`` each."""
    yield from clip(file, PART_S, fps)
    for face in (skimage.data.astronaut(), cv2.imread(str(photo))[..., ::-1]):
        yield from moving_photo(face, PART_S, fps)


def webcam(options: argparse.Namespace) -> None:
    """Time the way from nothing to a model in use, all in the browser."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        camera = Path(name) / "camera.y4m"
        write_y4m(camera, persons(options.clip, options.photo), 10)
        server = Server("streamlit_app.py", free_port(), FER_HOME=name)
        try:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium",
                args=[*chromium_arguments(camera), "--use-fake-ui-for-media-stream"],
            )
            page = browser.new_page(viewport={"width": 1360, "height": 900})
            page.set_default_timeout(120_000)
            try:
                _from_nothing(page, server.address, options)
            except Error as error:  # the page says more than Playwright
                raise SystemExit(f"{error}\n{page.locator('body').inner_text()}") from error
            browser.close()
        finally:
            server.stop()


def _from_nothing(page: Page, address: str, options: argparse.Namespace) -> None:
    start = time.perf_counter()

    def done(step: str) -> None:
        print(f"{step} after {time.perf_counter() - start:.0f} s", flush=True)

    page.goto(f"{address}/dataset")
    make(page)
    _collect(page, options.on_device, alone=options.alone)
    done("collected")
    page.get_by_text("Finish", exact=True).first.click()
    if options.alone:
        page.get_by_role("combobox", name="Keep together").click()
        page.get_by_role("option", name="a sequence").click()
        page.get_by_text("show the same persons").first.wait_for()
    page.get_by_role("button", name="Write the dataset").click()
    page.get_by_role("button", name="Train on it").click()
    page.get_by_role("button", name="Start training").click()
    done("written, training begun")
    page.get_by_role("button", name="Use this model").click(timeout=600_000)
    done("trained")
    page.get_by_text("is in use on every page").wait_for()
    done("in use")


def _collect(page: Page, on_device: bool, alone: bool) -> None:
    """Three persons hold three keys for four seconds each, or one does so three times."""
    page.get_by_text("Webcam", exact=True).click()
    if on_device:
        page.get_by_role("radio", name="On this device").click()
    person = page.get_by_role("textbox", name="Who is in front of the camera?")
    person.fill(NAMES[0])
    person.press("Enter")
    button = page.get_by_role("button", name="Start camera") if on_device else start_button(page)
    button.click()
    happy = page.get_by_role("button", name="4 happy")
    expect(happy).to_be_enabled(timeout=300_000)
    begin = time.monotonic()
    for number, name in enumerate(NAMES):
        page.wait_for_timeout(1000 * max(begin + PART_S * number - time.monotonic(), 0))
        if not alone:
            person.fill(name)
            person.press("Enter")
        page.wait_for_timeout(700)
        page.locator("h1").first.click()
        for key in HELD:
            page.keyboard.down(key)
            page.wait_for_timeout(4_000)
            page.keyboard.up(key)
            page.wait_for_timeout(300)
    page.wait_for_timeout(1_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(required=True)
    fast = actions.add_parser("speed")
    fast.add_argument("--photos", type=int, default=500)
    fast.add_argument("--turns", type=int, default=2)
    fast.set_defaults(run=speed)
    adapting = actions.add_parser("adapt")
    adapting.add_argument("--data", type=Path, required=True)
    adapting.add_argument("--a-class", type=int, default=50)
    adapting.add_argument("--config", type=Path, help="another config than the preset's")
    adapting.add_argument("--split", default="test", help="validation to choose by, test to report")
    adapting.set_defaults(run=adapt)
    keys = actions.add_parser("grid")
    keys.add_argument("--faces", type=int, default=1000)
    keys.add_argument("--keys", type=int, default=100)
    keys.set_defaults(run=grid)
    whole = actions.add_parser("webcam")
    whole.add_argument("--clip", type=Path, required=True, help="video that the fake camera plays")
    whole.add_argument("--photo", type=Path, default=ROOT.parent / "shared/media/single_face.jpg")
    whole.add_argument("--on-device", action="store_true", help="frames stay in the browser")
    whole.add_argument("--alone", action="store_true", help="one person, split by sequence")
    whole.set_defaults(run=webcam)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
