"""Measure photos: speed and memory, beside the same network in Keras and the ``fer`` package.

    python benchmarks/recognize.py [--shared ../shared] [--json FILE]

The server's part needs Debian's Chromium; the peer's part needs mini-XCEPTION's file. Each part
that cannot run says so.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import psutil
import skimage.data

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import table
from fer_core import EmotionClassifier, Recognizer
from fer_core.images.codec import encode

PORT = 8791

COLD = """
import sys, time
start = time.perf_counter()
from pathlib import Path
from fer_core.recognition.photos import PhotoReader
from fer_core import Recognizer
photo = PhotoReader(Recognizer.load(detector=sys.argv[2])).read(Path(sys.argv[1]).read_bytes(), "a")
assert len(photo.faces) == 1
"""


def p50_ms(call: Callable[[], object], runs: int) -> float:
    for _ in range(5):
        call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def photo_720p() -> np.ndarray:
    """1280x720 with one face."""
    face = cv2.resize(skimage.data.astronaut(), (720, 720), interpolation=cv2.INTER_AREA)
    return cv2.copyMakeBorder(face, 0, 0, 280, 280, cv2.BORDER_REPLICATE)


def cold_start(folder: Path, detector: str) -> float:
    """Seconds of a whole process that classifies one photo; median of 5."""
    file = folder / "photo.jpg"
    file.write_bytes(encode(photo_720p()))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        command = [sys.executable, "-c", COLD, str(file), detector]
        subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def warm(rows: dict[str, float]) -> None:
    """Everything inside one process."""
    classifier = EmotionClassifier.load()
    crop = np.ascontiguousarray(skimage.data.astronaut()[None, 65:195, 160:290])
    rows["one face, batch 1, p50 ms (<= 1.0)"] = p50_ms(lambda: classifier.predict(crop), 300)
    many = np.repeat(crop, 64, axis=0)
    rows["batch of 64, crops/s (>= 1200)"] = 64_000 / p50_ms(lambda: classifier.predict(many), 30)
    photo = photo_720p()
    for detector, limit in (("yunet", 15), ("haar", 35)):
        recognizer = Recognizer.load(detector=detector)
        assert len(recognizer.recognize(photo)) == 1
        rows[f"1280x720 photo, {detector}, p50 ms (<= {limit})"] = p50_ms(
            lambda recognizer=recognizer: recognizer.recognize(photo), 60
        )


def keras_predict(rows: dict[str, float]) -> None:
    """The same network through ``model.predict``, one face."""
    import keras

    card = EmotionClassifier.load().card
    model = keras.saving.load_model(card.folder / "model.keras", compile=False)
    pixels = np.zeros((1, card.input_size, card.input_size, card.channels), np.float32)
    rows["same network, keras model.predict, one face, p50 ms"] = p50_ms(
        lambda: model.predict(pixels, verbose=0), 30
    )


def peer(rows: dict[str, float], file: Path) -> None:
    """mini-XCEPTION as the ``fer`` package runs it: Haar, then one ``predict`` a face."""
    import keras

    model = keras.saving.load_model(file, compile=False)
    folder = Path(cv2.__file__).parent / "data"
    cascade = cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_default.xml"))

    def run(photo: np.ndarray) -> int:
        grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
        faces = cascade.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=5, minSize=(50, 50))
        for x, y, width, height in faces:
            crop = cv2.resize(grey[y : y + height, x : x + width], (64, 64)) / 127.5 - 1
            model.predict(crop[None, :, :, None].astype(np.float32), verbose=0)
        return len(faces)

    photo = photo_720p()
    assert run(photo) >= 1
    rows["mini-XCEPTION as `fer` runs it, 1280x720 photo, p50 ms"] = p50_ms(lambda: run(photo), 20)


@contextmanager
def server(folder: Path) -> Iterator[psutil.Process]:
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    flags = [f"--server.port={PORT}", "--server.headless=true", "--server.address=127.0.0.1"]
    environment = os.environ | {"FER_HOME": str(folder / "home")}
    with (folder / "log").open("w") as log:
        process = psutil.Popen(
            [*command, *flags], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def serve(rows: dict[str, float], folder: Path, chromium: str) -> None:
    """The real server and the real browser: start, then 100 photos of 640x480."""
    from playwright.sync_api import Error, sync_playwright

    image = cv2.resize(photo_720p()[:, 160:1120], (640, 480), interpolation=cv2.INTER_AREA)
    files = [folder / f"photo-{number:03}.jpg" for number in range(100)]
    for number, file in enumerate(files):
        file.write_bytes(encode(np.roll(image, number % 20, axis=1)))
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page()
        start = time.perf_counter()
        with server(folder) as process:
            while True:
                try:
                    page.goto(f"http://127.0.0.1:{PORT}/upload")
                    break
                except Error:
                    time.sleep(0.05)
            page.locator("input[type=file]").wait_for(state="attached")
            rows["server start to a page that can classify, s (<= 4)"] = time.perf_counter() - start
            for last in (20, 40, 60, 80, 100):
                page.set_input_files("input[type=file]", [str(f) for f in files[last - 20 : last]])
                page.get_by_text(f"{last} photos, {last} faces").wait_for(timeout=120_000)
                time.sleep(1)
                rows[f"server memory after {last} photos, MB (<= 400 at 100)"] = (
                    process.memory_info().rss / 1e6
                )
        browser.close()


def main() -> None:
    parser = table.parser(__doc__)
    options = parser.parse_args()
    table.use_yunet(options.shared)
    rows: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows["cold process to first photo, yunet, s (<= 1.5)"] = cold_start(folder, "yunet")
        rows["cold process to first photo, haar, s (<= 1.5)"] = cold_start(folder, "haar")
        warm(rows)
        if chromium := shutil.which("chromium"):
            serve(rows, folder, chromium)
        else:
            print("No Chromium: the server was not measured.")
    keras_predict(rows)
    peer_file = options.shared / "peers" / "fer_mini_xception_102.hdf5"
    if peer_file.is_file():
        peer(rows, peer_file)
    else:
        print(f"No {peer_file}: the peer was not measured.")
    table.show(rows, options.json)


if __name__ == "__main__":
    main()
