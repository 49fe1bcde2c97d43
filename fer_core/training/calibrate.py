"""Write a model folder of a network: exports, reasons, temperatures and thresholds, metrics.

Only the validation split decides; the test split is measured.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np

from fer_core import evaluation
from fer_core.dataset import DatasetIndex, ferplus, image_reading
from fer_core.evaluation.predictions import Predictions, open_form, predict_dataset
from fer_core.evaluation.robustness import STANDARD, to_dicts
from fer_core.images.crop import network_input
from fer_core.models import export, keras_model
from fer_core.models.card import FORMAT, FORMS, KERAS_FILE, ModelCard, calibration_key
from fer_core.models.classifier import EmotionClassifier
from fer_core.models.registry import load_card
from fer_core.models.softmax import softmax
from fer_core.system.files import write_json
from fer_core.training import quality_head
from fer_core.types import Labels, Logits, Mask, Pixels, Probabilities

CALIBRATED: Final = ("fp32", "int8")
"""Files that are calibrated; see ``card.SAME_WEIGHTS`` for the others."""

SPLITS: Final = ("validation", "test")
BRIEF: Final = ("n", "accuracy", "macro_f1", "calibration_error", "coverage", "selective_accuracy")
"""Metrics of a calibration; the 32-bit file in a single pass has all, in the head's ``figures``."""

NO_INT8: Final = "The 8-bit file crashed on the machine that made it, and was left out."

BySplit = Mapping[str, tuple[Predictions, DatasetIndex]]


def write_model(
    folder: Path, network: keras.Model, values: Mapping[str, Any], dataset: DatasetIndex
) -> ModelCard:
    """Write ``model.keras``, its exports and ``card.json``; return the card.

    Args:
        folder: Exists.
        network: With an output for each head, and the layer ``pooled``.
        values: The card's content; what is measured here need not be right, but has to be there.
        dataset: With the splits ``train`` and ``validation``, and ``test`` where there is one.
    """
    index = dataset.readable()
    size, channels = values["input_size"], values["channels"]
    network = quality_head.attach(network, index.split("train"), size, channels)
    network.save(folder / KERAS_FILE)
    none = np.zeros((1, len(quality_head.UNFIT)), np.float32)
    content = {"format": FORMAT, **values, "quality": quality_head.rule(none).to_dict()}
    write_json(folder / "card.json", content)
    card = load_card(folder)
    validation = index.split("validation")
    crops = image_reading.crops(validation, range(len(validation)), size)
    export.export_all(card, network_input(crops, size, channels).astype(np.uint8))
    return calibrate(card, dataset)


def rewrite(card: ModelCard, dataset: DatasetIndex) -> ModelCard:
    """Write a model's folder anew from its ``model.keras``; see ``write_model``."""
    network = keras_model.load(card, with_features=False)
    return write_model(card.folder, network, _content(card), dataset)


def calibrate(card: ModelCard, dataset: DatasetIndex) -> ModelCard:
    """Fit temperature, threshold and reasons of every file, measure, and write the card anew."""
    index = dataset.readable()
    content = _content(card)
    if not export.int8_runs(card):
        (card.folder / FORMS["int8"]).unlink(missing_ok=True)
        content["limits"] = [*content.get("limits", ()), NO_INT8]
    splits = {name: part for name in SPLITS if len(part := index.split(name))}
    predictions: dict[str, BySplit] = {
        calibration_key(form, mirror): {
            name: (predict_dataset(card, part, form, mirror=mirror), part)
            for name, part in splits.items()
        }
        for form in CALIBRATED
        if (card.folder / FORMS[form]).is_file()
        for mirror in (False, True)
    }
    for name in card.heads:
        content["heads"][name] |= _calibrated(name, predictions)
    quality = predictions["fp32"]["validation"][0].quality
    if quality is not None:
        content["quality"] = quality_head.rule(quality).to_dict()
    write_json(card.folder / "card.json", content)
    content["robustness"] = _robustness(load_card(card.folder), index)
    write_json(card.folder / "card.json", content)
    return load_card(card.folder)


def _calibrated(head: str, predictions: Mapping[str, BySplit]) -> dict[str, Any]:
    """Return temperature, threshold and metrics of the 32-bit file, and of every other way."""
    single, *alternatives = (
        (key, *_fitted(head, by_split)) for key, by_split in predictions.items()
    )
    calibrations = {
        key: values | {"figures": {s: {n: f[n] for n in BRIEF} for s, f in figures.items()}}
        for key, values, figures in alternatives
    }
    return single[1] | {"figures": single[2], "calibrations": calibrations}


def _fitted(head: str, by_split: BySplit) -> tuple[dict[str, float], dict[str, Any]]:
    logits, y_true = _labelled(head, *by_split["validation"])
    temperature = round(evaluation.fit_temperature(logits, y_true), 3)
    probabilities = softmax(np.asarray(logits / temperature, np.float32))
    threshold = round(evaluation.abstain_threshold(probabilities, y_true), 2)
    figures = {}
    for split, (predictions, index) in by_split.items():
        logits, y_true = _labelled(head, predictions, index)
        if len(y_true):  # ferplus is not measured without votes
            measured = evaluation.evaluate_logits(logits, y_true, temperature, threshold)
            figures[split] = measured.rounded()
    return {"temperature": temperature, "abstain_below": threshold}, figures


def _labelled(head: str, predictions: Predictions, index: DatasetIndex) -> tuple[Logits, Labels]:
    """Return the logits and labels of the images that have one."""
    y_true = _labels(head, index)
    return predictions.logits[head][y_true >= 0], y_true[y_true >= 0]


def _labels(head: str, index: DatasetIndex) -> Labels:
    """Return the true labels of a head, -1 for none: int64 (N,)."""
    if head == "ferplus" and index.votes is None:
        return np.full(len(index), -1, np.int64)
    return ferplus.true_labels(index, head)


def _robustness(card: ModelCard, index: DatasetIndex) -> dict[str, Any]:
    """Measure every head under corruptions as ``evaluate`` does: on the images as the files are.

    On the test split where it has labels of the head, else on the validation split.
    """
    robustness: dict[str, Any] = {}
    for split in SPLITS[::-1]:
        part = index.split(split)
        y_true = {name: _labels(name, part) for name in card.heads if name not in robustness}
        y_true = {name: labels for name, labels in y_true.items() if (labels >= 0).any()}
        if not y_true:
            continue
        crops = image_reading.crops(part, range(len(part)), card.input_size)
        measured = evaluation.measure_heads(_all_heads(card), crops, y_true, STANDARD)
        robustness |= {name: to_dicts(rows) for name, rows in measured.items()}
    return {name: robustness[name] for name in card.heads if name in robustness}


def _all_heads(card: ModelCard) -> evaluation.PredictAll:
    """Return a function from crops to the predictions of every head, in one pass."""
    first = open_form(card, "fp32", in_bulk=True)
    heads = {name: EmotionClassifier(card, name, network=first.network) for name in card.heads}

    def predict(faces: list[Pixels]) -> dict[str, tuple[Probabilities, Mask]]:
        """Return float32 (N, 7) and bool (N,) by head."""
        outputs = first.outputs(faces)
        return {name: head.certainty(outputs) for name, head in heads.items()}

    return predict


def _content(card: ModelCard) -> dict[str, Any]:
    return dict(json.loads((card.folder / "card.json").read_text("utf-8")))
