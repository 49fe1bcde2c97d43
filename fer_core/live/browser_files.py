"""The files with which a browser recognizes faces by itself: runtime, detector, network, rules."""

import gzip
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from fer_core.errors import DownloadError, ModelError
from fer_core.labels import COLORS, EMOTIONS, UNCERTAIN_COLOR
from fer_core.live.browser_runtime import RUNTIME, as_module, bring_runtime
from fer_core.models.card import FORMS, ModelCard
from fer_core.models.litert_file import convert_onnx, with_batch_of_one
from fer_core.models.quality import TOO_SMALL
from fer_core.models.weight_packing import pack_weights
from fer_core.recognition import close_look, detection, tracking, tracking_recognizer, yunet
from fer_core.system.files import os_errors, write_bytes
from fer_core.system.settings import settings

DETECTOR_SIZES: Final = ((320, 256), (320, 192), (256, 320), (192, 320), (320, 320))
"""Width and height of the detector's inputs: 4:3, 16:9, both upright, and square."""

TILES_SIZE: Final = (4 * close_look.TILE, close_look.TILE)
"""Width and height of the detector's input for a face in four orientations, side by side."""

DETECTION_SCORE: Final = yunet.YuNet.score
UNUSED_S: Final = 30 * 24 * 3600
"""A served network that nobody opened for so long is removed."""


@dataclass(frozen=True, slots=True)
class BrowserFiles:
    """Files and rules for a browser.

    Attributes:
        files: Role to the name of a file in ``folder()``.
        rules: JSON values: how frames become results; the same as on the server.
        network: The model folder's file that runs, with weights rounded to 8 bits or not.
    """

    files: dict[str, str]
    rules: dict[str, Any]
    network: str


def folder() -> Path:
    """Return the folder of the files that are served; it is made by ``prepare``."""
    return settings().cache / "on_device_1"


def prepare(card: ModelCard, head: str, full_precision: bool = False) -> BrowserFiles:
    """Make the files for a model's head; those that are there already stay.

    Args:
        card: The model.
        head: Name of the head.
        full_precision: Send the weights in 16 or 32 bits; else in 8, see ``pack_weights``.

    Raises:
        DownloadError: The runtime or the detector's file is not on this machine and cannot be
            fetched.
        ModelError: The model has no LiteRT file, or it cannot be read.
    """
    forms = ("fp16", "fp32") if full_precision else ("fp32",)
    form = next((form for form in forms if (card.folder / FORMS[form]).is_file()), "fp32")
    with os_errors(f"{folder()} cannot be written", DownloadError, "Free some space."):
        files = (
            _runtime()
            | _detectors()
            | {"network": _network(card.folder / FORMS[form], packed=not full_precision)}
        )
        _remove_unused()
    return BrowserFiles(files, rules(card, head, form), FORMS[form])


def rules(card: ModelCard, head: str, form: str) -> dict[str, Any]:
    """Return the rules that make results of frames: constants of the server's own modules."""
    calibration, quality = card.head(head).calibration(form), card.quality
    return {
        "emotions": EMOTIONS, "colors": COLORS, "uncertain_color": UNCERTAIN_COLOR,
        "input_size": card.input_size, "channels": card.channels,
        "crop_margin": detection.MARGINS["yunet"] + card.crop_margin,
        "head": head, "temperature": calibration.temperature,
        "abstain_below": calibration.abstain_below,
        "quality": quality.to_dict() if quality else None,
        "reasons": [*(quality.reasons if quality else ()), TOO_SMALL],
        "detection_score": DETECTION_SCORE,
        "detector_sizes": [{"width": w, "height": h} for w, h in DETECTOR_SIZES],
        "detect_edge": tracking_recognizer.LIVE_EDGE,
        "upright": {
            "score": close_look.UPRIGHT_SCORE, "lead": close_look.TURN_LEAD,
            "tile": close_look.TILE, "least": yunet.WEAK_SCORE,
        },
        "max_box_age_s": tracking_recognizer.MAX_BOX_AGE_S,
        "tracking": {
            "max_absence_s": tracking.MAX_ABSENCE_S, "max_gap_s": tracking.MAX_GAP_S,
            "speed": tracking.SPEED, "lead": tracking.LEAD, "band": tracking.BAND,
        },
    }  # fmt: skip


def _runtime() -> dict[str, str]:
    return {
        role: _served(role, path.suffix, RUNTIME[role].sha256, partial(as_module, path))
        for role, path in bring_runtime().items()
    }


def _detectors() -> dict[str, str]:
    onnx = detection.yunet_file(settings()).read_bytes()
    digest = hashlib.sha256(onnx).hexdigest()
    return {
        f"detector_{w}x{h}": _served(
            f"yunet-{w}x{h}", ".tflite", digest, partial(convert_onnx, onnx, w, h)
        )
        for w, h in (*DETECTOR_SIZES, TILES_SIZE)
    }


def _network(file: Path, packed: bool) -> str:
    with os_errors(f"{file}: cannot be read", ModelError, "Install the model again."):
        data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()

    def make() -> bytes:
        fixed = with_batch_of_one(data)
        return pack_weights(fixed) if packed else fixed

    suffix = ".packed" if packed else ".tflite"
    name = _served("network", suffix, digest, make)
    (folder() / name).touch()
    return name


def _served(role: str, suffix: str, digest: str, content: Callable[[], bytes]) -> str:
    """Return the name of a served file, written if it is missing; all but scripts are packed."""
    packed = "" if suffix == ".js" else ".gz"
    name = f"{role}-{digest[:16]}{suffix}{packed}"
    if not (folder() / name).is_file():
        data = content()
        write_bytes(folder() / name, gzip.compress(data, 6, mtime=0) if packed else data)
    return name


def _remove_unused() -> None:
    for file in folder().glob("network-*"):
        if file.stat().st_mtime < time.time() - UNUSED_S:
            file.unlink(missing_ok=True)
