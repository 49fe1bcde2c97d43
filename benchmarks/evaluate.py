"""Measure the evaluation, each figure in a process of its own.

    python benchmarks/evaluate.py --data FER2013 [--votes labels.csv] [--part NAME ...]

Parts: evaluate (all images of a split through the LiteRT model, and all metrics), filter (the
metrics anew), map (one activation map), occlusion, robustness, page (all of it after a filter).
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np

from benchmarks import table
from fer_core import EmotionClassifier
from fer_core.dataset import DatasetIndex, ferplus, image_reading, scan
from fer_core.evaluation import LabelledCrops, evaluate, measure_robustness
from fer_core.evaluation.compare import compare
from fer_core.evaluation.predictions import open_form, predict_dataset
from fer_core.evaluation.robustness import ALL_SEVERITIES
from fer_core.explain import Explainer, occlusion_map, overlay
from fer_core.labels import EMOTIONS
from fer_core.models import registry


def seconds(call: Callable[[], object], runs: int = 1) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def evaluating(index: DatasetIndex) -> dict[str, float]:
    card = registry.load_card()

    def everything() -> None:
        predictions = predict_dataset(card, index)
        for head in card.heads:
            source = head if head in ferplus.SOURCES and index.votes is not None else "fer2013"
            evaluate(predictions.probabilities(card, head), ferplus.true_labels(index, source))

    return {f"{len(index):,} images, both heads, all metrics, s (<= 4)": seconds(everything)}


def filtering(index: DatasetIndex) -> dict[str, float]:
    card = registry.load_card()
    predictions = predict_dataset(card, index)
    probabilities, y_true = predictions.probabilities(card, card.default_head), index.label_codes()
    y_pred = probabilities.argmax(axis=1)
    other = np.roll(y_pred, 1)
    return {
        "all figures anew, s (<= 0.3 with the page around)": seconds(
            lambda: evaluate(probabilities, y_true), 9
        ),
        "comparison anew, s": seconds(lambda: compare(y_true, y_pred, other), 9),
    }


def mapping(index: DatasetIndex) -> dict[str, float]:
    classifier = EmotionClassifier.load()
    explainer = Explainer(classifier)
    crop = image_reading.read(index.path(0))
    return {
        "activation map of one face, with its overlay, ms (<= 20)": 1000
        * seconds(lambda: overlay(crop, explainer.maps([crop])[0, 3]), 100),
    }


def occlusion(index: DatasetIndex) -> dict[str, float]:
    classifier = EmotionClassifier.load()
    crop = image_reading.read(index.path(0))
    return {"occlusion map of one face, ms": 1000 * seconds(
        lambda: occlusion_map(classifier, crop, 3), 30)}  # fmt: skip


def robustness(index: DatasetIndex) -> dict[str, float]:
    classifier = open_form(registry.load_card(), in_bulk=True)
    crops = [image_reading.read(index.path(row)) for row in range(len(index))]
    labelled = LabelledCrops(crops, index.label_codes())
    return {
        f"robustness, {len(ALL_SEVERITIES)} levels of {len(index):,} images, s (<= 180)": seconds(
            lambda: measure_robustness(classifier, labelled, ALL_SEVERITIES)
        )
    }


def paging(index: DatasetIndex) -> dict[str, float]:
    """The whole page anew after a filter has changed, without the browser."""
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=300).run()
    app.switch_page("pages/evaluate.py").run()
    app.button_group(key="dataset_way").set_value("Folder")
    app.run()
    app.text_input(key="dataset_path").set_value(str(index.root))
    app.run()
    for label in ("Open the folder", "Evaluate"):
        next(button for button in app.button if button.label == label).click()
        app.run()
        while "dataset_running" in app.session_state:
            time.sleep(0.2)
            app.run()
    times = []
    for emotion in EMOTIONS:
        app.selectbox(key="cell_said").set_value(emotion)
        times.append(seconds(app.run))
    assert not app.exception
    return {"page after a filter, s (<= 0.3)": statistics.median(times)}


PARTS = {"evaluate": evaluating, "filter": filtering, "map": mapping, "occlusion": occlusion,
         "robustness": robustness, "page": paging}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="FER-2013 as folders")
    parser.add_argument("--votes", type=Path)
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--inside", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        index = scan(options.data)
        index = ferplus.attach(index, options.votes) if options.votes else index
        rows = PARTS[options.inside](index.readable().split("test"))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(json.dumps(rows | {f"memory of {options.inside}, GB (<= 1.2)": peak}))
        return
    scan(options.data)  # so that no part pays for it
    rows = {}
    with tempfile.TemporaryDirectory() as cache:
        for part in options.part or PARTS:
            command = [sys.executable, __file__, "--data", str(options.data), "--inside", part]
            command += ["--votes", str(options.votes)] if options.votes else []
            environment = os.environ | {"FER_CACHE": cache}
            ended = subprocess.run(
                command, env=environment, check=True, stdout=subprocess.PIPE, text=True
            )
            rows |= json.loads(ended.stdout.splitlines()[-1])
    table.show(rows, options.json)


if __name__ == "__main__":
    main()
