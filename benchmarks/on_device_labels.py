"""Recognize the same frames in a browser and here, and compare."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, Route

from fer_core import Recognizer
from fer_core.live.browser_files import prepare, rules
from fer_core.models.card import LITERT_FILE, ModelCard
from fer_core.models.classifier import EmotionClassifier
from fer_core.models.litert import LiteRTNetwork
from fer_core.models.litert_file import with_batch_of_one
from fer_core.models.registry import load_card
from fer_core.models.weight_packing import pack_weights, unpack_weights
from fer_core.recognition.detection import choose_detector
from fer_core.recognition.tracking import TrackedFace
from fer_core.recognition.tracking_recognizer import RecognitionOptions, TrackingRecognizer
from fer_core.types import Pixels

FPS = 10
RUN = Path(__file__).with_suffix(".js").read_text("utf-8")


def compare_labels(page: Page, frames: Sequence[Pixels]) -> dict[str, Any]:
    """Return shares of equal labels; frames are uint8 (H, W, 3) RGB of one size."""
    card = load_card()
    head = card.default_head
    height, width = frames[0].shape[:2]

    def give(route: Route) -> None:
        rgb = frames[int(route.request.url.rsplit("/", 1)[-1])]
        alpha = np.full((height, width, 1), 255, np.uint8)
        route.fulfill(body=np.concatenate([rgb, alpha], axis=2).tobytes())

    page.route("**/frames/*", give)
    options = RecognitionOptions()
    vectors = {
        "files": prepare(card, head).files,
        "rules": rules(card, head, "fp32"),
        "count": len(frames),
        "fps": FPS,
        "width": width,
        "height": height,
        "options": {"half_life_s": options.half_life_s, "detect_every": options.detect_every},
    }
    browser = page.evaluate(RUN, vectors)
    detector = choose_detector("yunet").detector
    figures: dict[str, Any] = {"frames": len(frames)}
    for title, classifier in (("same_file", _rounded(card, head)), ("whole_path", None)):
        recognizer = Recognizer(classifier or EmotionClassifier(card, head), detector)
        tracking = TrackingRecognizer()
        here = [
            tracking.recognize(rgb, number / FPS, recognizer, options)
            for number, rgb in enumerate(frames)
        ]
        figures |= {f"{title}_{name}": value for name, value in _agreement(browser, here).items()}
    return figures


def _rounded(card: ModelCard, head: str) -> EmotionClassifier:
    """Return the classifier with the weights that the browser restores."""
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        data = with_batch_of_one((card.folder / LITERT_FILE).read_bytes())
        file.write(unpack_weights(pack_weights(data)))
        file.flush()
        return EmotionClassifier(card, head, network=LiteRTNetwork(Path(file.name)))


def _agreement(
    browser: Sequence[Sequence[dict[str, Any]]], here: Sequence[Sequence[TrackedFace]]
) -> dict[str, Any]:
    """Compare the first face of each frame: label, verdict, box and probabilities."""
    pairs = [(a[0], b[0]) for a, b in zip(browser, here, strict=True) if a and b]
    counts = sum(len(a) == len(b) for a, b in zip(browser, here, strict=True))
    labels = [load_card().labels[a["label"]] == b.label for a, b in pairs]
    verdicts = [a["uncertain"] == b.uncertain for a, b in pairs]
    boxes = [np.abs(np.array(a["box"]) - b.box.xyxy).max() for a, b in pairs]
    shares = [np.abs(np.array(a["probabilities"]) - b.probabilities).max() for a, b in pairs]
    return {
        "equal_counts": f"{counts} of {len(here)}",
        "equal_labels": f"{sum(labels)} of {len(pairs)}",
        "equal_uncertain": f"{sum(verdicts)} of {len(pairs)}",
        "box_px_max": round(float(max(boxes, default=0)), 3),
        "probability_max": round(float(max(shares, default=0)), 4),
    }
