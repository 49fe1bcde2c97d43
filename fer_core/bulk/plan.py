"""Define the options of a job, and the plan that decides its rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fer_core.bulk import object_store
from fer_core.errors import ImageError
from fer_core.recognition.pool import RecognizerPool
from fer_core.system.paths import typed
from fer_core.video.recognizer import Sampling

Report = Callable[[float, float, str], None]
"""Called with images done, all images and the current file; may raise to stop."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options for reading files.

    Attributes:
        is_crop: Each photo is one face already; see ``PhotoReader``.
        sampling: Which frames of a video are read.
        annotated: Folder for annotated copies of the videos; None for no copies.
        below: See ``inputs.listing``.
        restart: Forget what an earlier call did.
    """

    is_crop: bool = False
    sampling: Sampling = field(default_factory=Sampling)
    annotated: Path | None = None
    below: Path | None = None
    restart: bool = False


def plan(names: Sequence[str], pool: RecognizerPool, options: Options) -> Mapping[str, Any]:
    """Return what decides the rows; parts of another plan do not fit."""
    card = pool.first.classifier.card
    return {
        "paths": [absolute_name(name) for name in names],
        "model": f"{card.name} {card.network_digest()[:16]}",
        "head": pool.first.classifier.head,
        "detector": pool.first.detector_name,
        "below": str(options.below.absolute()) if options.below else "",
        "crop": options.is_crop,
        "sampling": _sampling(options.sampling),
        "annotated": str(options.annotated.absolute()) if options.annotated else "",
    }


def _sampling(sampling: Sampling) -> dict[str, Any]:
    """Return the fields; those that jobs of version 0.1.0 do not name are left out at rest."""
    fields = asdict(sampling)
    if not sampling.every_frame:
        del fields["every_frame"]
    return fields


def absolute_name(name: str) -> str:
    """Return a name that means the same from every folder.

    Raises:
        ImageError: It is no path.
    """
    if object_store.is_address(name):
        return object_store.name_of(name)
    return str(typed(name, ImageError).absolute())
