"""Photos of one visit: uploads, their results, and the options that the results depend on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import streamlit as st

from fer_core.models.card import ModelCard
from fer_core.recognition.photos import Photo, PhotoReader
from fer_core.system.memory import release_free
from fer_core.system.text import markdown
from pages._components.model import recognizer

MAX_KEPT_BYTES = 64_000_000
"""Files of one visit that are kept in memory, so that other options can be tried later."""


class Options(NamedTuple):
    """Options that results depend on: where one changes, photos are analysed again."""

    model: ModelCard
    head: str
    is_crop: bool


@dataclass(frozen=True)
class Upload:
    """A photo to be analysed."""

    key: str
    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Analysis:
    """The results of a photo, the options they depend on, and the file where it is kept."""

    photo: Photo
    options: Options
    data: bytes | None


def analyses() -> dict[str, Analysis]:
    """Return the results of this visit by key; they stay until cleared or the page is reloaded."""
    return st.session_state.setdefault("photos", {})


def analyse(uploads: list[Upload], options: Options) -> None:
    """Analyse photos that have no results with these options; each result is stored at once."""
    stored = analyses()
    waiting = [u for u in uploads if u.key not in stored or stored[u.key].options != options]
    if not waiting:
        return
    reader = PhotoReader(recognizer(options.head, mirror=True), options.is_crop)
    progress = st.progress(0.0)
    for number, upload in enumerate(waiting):
        text = f"{number + 1} of {len(waiting)}: {markdown(upload.name)}"
        progress.progress(number / len(waiting), text)
        data = upload.read()
        kept_bytes = sum(len(a.data or b"") for key, a in stored.items() if key != upload.key)
        kept_data = data if kept_bytes + len(data) <= MAX_KEPT_BYTES else None
        stored[upload.key] = Analysis(reader.read(data, upload.name), options, kept_data)
    progress.empty()
    release_free()


def outdated(options: Options) -> list[Upload]:
    """Return photos with results of other options whose files are kept."""
    return [
        Upload(key, analysis.photo.name, lambda data=analysis.data: data)
        for key, analysis in analyses().items()
        if analysis.options != options and analysis.data is not None
    ]


def remove(keys: set[str]) -> None:
    """Forget the results of these photos."""
    for key in keys:
        analyses().pop(key, None)
