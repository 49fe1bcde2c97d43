"""When a face is not judged, and averaging with the mirror image."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_core import EmotionClassifier
from fer_core.errors import ModelError
from fer_core.images.boxes import Box
from fer_core.models import export, registry
from fer_core.models.card import Calibration, ModelCard
from fer_core.models.quality import EXPLANATIONS, QUALITY, TOO_SMALL, Quality
from fer_core.recognition import Recognizer
from fer_core.recognition.drawing import caption
from fer_core.recognition.face import Detection
from fer_core.recognition.tracking import Tracker
from fer_core.types import Floats, Pixels

RULE = Quality(("covered", "too dark"), (0.5, 0.9), min_side=20)


class Planted:
    """A network whose logits are the pixels' means on the left and on the right."""

    def run(self, pixels: Floats) -> dict[str, Floats]:
        left, right = pixels[:, :, :24].mean(axis=(1, 2, 3)), pixels[:, :, 24:].mean(axis=(1, 2, 3))
        logits = np.zeros((len(pixels), 7), np.float32)
        logits[:, 3], logits[:, 5] = left / 16, right / 32
        quality = np.stack([(128 - left) / 8, (30 - left) / 4], axis=1).astype(np.float32)
        return {"fer2013": logits, QUALITY: quality}


def planted(*, mirror: bool = False, **changes: object) -> EmotionClassifier:
    card = registry.load_card("fernet")
    heads = {
        "fer2013": replace(card.heads["fer2013"], temperature=1.0, abstain_below=0.4, **changes)
    }
    card = replace(card, heads=heads, quality=RULE)
    return EmotionClassifier(card, "fer2013", network=Planted(), mirror=mirror)


def grey(value: int, right: int | None = None) -> Pixels:
    face = np.full((48, 48), value, np.uint8)
    face[:, 24:] = value if right is None else right
    return face


@pytest.mark.parametrize(
    ("logits", "reason"),
    [((-3, -3), ""), ((0, 0), "covered"), ((-3, 3), "too dark"), ((3, 9), "covered"),
     ((-1e4, 1e4), "too dark")],
)  # fmt: skip
def test_the_first_reason_above_its_threshold_is_given(logits: tuple, reason: str) -> None:
    assert RULE.reasons_of(np.array([logits], np.float32)) == (reason,)
    assert RULE.reasons_of(np.empty((0, 2), np.float32)) == ()


def test_every_shipped_reason_has_an_explanation() -> None:
    for folder in registry.model_folders():
        quality = registry.load_card(folder).quality
        assert set(quality.reasons if quality else ()) <= set(EXPLANATIONS)


@pytest.mark.parametrize(
    "values",
    [{"reasons": ["x"], "above": []}, {"reasons": ["x"], "above": [0]}, {"reasons": ["x"]}],
)
def test_a_card_with_half_a_rule_is_refused(model_copy: Path, values: dict) -> None:
    card = json.loads((model_copy / "card.json").read_text()) | {"quality": values}
    (model_copy / "card.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="damaged"):
        registry.load_card(model_copy)


class Everywhere:
    """Detects the faces that it is given."""

    name = "yunet"

    def __init__(self, *boxes: Box) -> None:
        self.boxes = boxes

    def detect(self, rgb: Pixels) -> tuple[Detection, ...]:
        return tuple(Detection(box, 0.9) for box in self.boxes)


def test_faces_get_their_reason() -> None:
    scene = np.full((100, 200, 3), 200, np.uint8)
    scene[:, 100:] = 60
    boxes = Box(10, 10, 80, 80), Box(110, 10, 190, 90), Box(20, 20, 38, 38)
    faces = Recognizer(planted(), Everywhere(*boxes)).recognize(scene)
    assert [(face.reason, face.uncertain) for face in faces] == [
        ("", False), (TOO_SMALL, True), ("covered", True),
    ] or [(face.reason, face.uncertain) for face in faces] == [
        ("", False), ("covered", True), (TOO_SMALL, True),
    ]  # fmt: skip
    assert caption(faces[0]).startswith("happy")
    covered = next(face for face in faces if face.reason == "covered")
    assert caption(covered) == f"covered (happy {covered.confidence:.0%})"


def test_a_reason_of_one_frame_does_not_flicker() -> None:
    scene, dark = np.full((100, 100, 3), 200, np.uint8), np.full((100, 100, 3), 60, np.uint8)
    recognizer = Recognizer(planted(), Everywhere(Box(10, 10, 80, 80)))
    tracker, reasons = Tracker(half_life_s=0.3), []
    for number in range(24):
        faces = recognizer.recognize(dark if number in {4, *range(12, 24)} else scene)
        persons, _ = tracker.associate([face.detection for face in faces], number / 10)
        (face,) = tracker.smooth(persons, faces, number / 10, 0.4)
        assert face.uncertain == bool(face.reason)
        reasons.append(face.reason)
    assert set(reasons[:12]) == {""}
    assert set(reasons[-6:]) == {"covered"}
    restored = type(face).from_dict(json.loads(json.dumps(face.to_dict())))
    assert restored.reason == "covered"


def test_mirror_averaging_is_the_mean_of_both_and_needs_one_call() -> None:
    faces = [grey(160, 200), grey(220, 150)] * 9
    single, averaged = planted().outputs(faces), planted(mirror=True).outputs(faces)
    turned = planted().outputs([face[:, ::-1] for face in faces])
    for name, values in averaged.items():
        np.testing.assert_allclose(values, (single[name] + turned[name]) / 2, atol=1e-5)
    again = planted(mirror=True).outputs([face[:, ::-1] for face in faces])
    np.testing.assert_allclose(again["fer2013"], averaged["fer2013"], atol=1e-5)
    assert planted(mirror=True).outputs([])["fer2013"].shape == (0, 7)


def test_the_shipped_file_averages_in_one_call(picture: Callable[[int], Pixels]) -> None:
    faces = [picture(number) for number in range(5)]
    card = registry.load_card("fernet")
    single, averaged = EmotionClassifier(card), EmotionClassifier(card, mirror=True)
    both = [single.outputs(f)["fer2013"] for f in (faces, [face[:, ::-1] for face in faces])]
    np.testing.assert_allclose(averaged.outputs(faces)["fer2013"], sum(both) / 2, atol=1e-4)


def test_each_file_has_its_own_temperature() -> None:
    calibrations = {"fp32_mirror": Calibration(2.0, 0.3), "int8": Calibration(3.0, 0.2)}
    head = replace(registry.load_card("fernet").heads["fer2013"], calibrations=calibrations)
    first = Calibration(head.temperature, head.abstain_below)
    assert head.calibration() == head.calibration("keras") == head.calibration("fp16") == first
    assert head.calibration("fp32", mirror=True) == head.calibration("keras", mirror=True)
    assert head.calibration("keras", mirror=True).temperature == 2
    assert head.calibration("int8", mirror=True).temperature == 3, "of the same file"
    soft, sharp = (
        planted(mirror=True, calibrations=calibrations),
        planted(calibrations=calibrations),
    )
    assert (soft.abstain_below, sharp.abstain_below) == (0.3, 0.4)
    assert soft.predict([grey(200)]).max() < sharp.predict([grey(200)]).max()


def test_a_card_of_version_01_still_works(model_copy: Path) -> None:
    card = json.loads((model_copy / "card.json").read_text())
    card.pop("quality", None)
    for head in card["heads"].values():
        head.pop("calibrations", None)
    (model_copy / "card.json").write_text(json.dumps(card))
    old: ModelCard = registry.load_card(model_copy)
    assert old.quality is None
    classifier = EmotionClassifier(old, mirror=True)
    assert classifier.abstain_below == old.heads[old.default_head].abstain_below
    outputs = classifier.outputs([grey(100)])
    assert classifier.reasons(outputs) == ("",)


def test_an_8_bit_file_that_does_not_run_is_noticed(model_copy: Path) -> None:
    card = registry.load_card(model_copy)
    assert export.int8_runs(card)
    (model_copy / "model_int8.tflite").write_bytes(b"damaged")
    assert not export.int8_runs(card)
