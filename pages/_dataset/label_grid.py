"""The grid in which faces are labelled by keyboard; nothing of the page reruns for a key."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import streamlit as st

from fer_core.collect import Collection, Selection, labels, order
from fer_core.collect.collection import suggestions
from fer_core.dataset import image_reading
from fer_core.errors import DatasetError, ImageError
from fer_core.labels import COLORS, EMOTIONS

SIDE, ACROSS, PER = 112, 10, 100
"""Side of a face in pixels, faces in a line and in all on one sheet."""

REFRESH_S = 3.0
"""Labels of others appear within this."""

KEPT = "labels_kept"
PROBLEM = "labels_error"
KEY = "label_grid"

_FILES = Path(__file__)
_sheet = st.components.v2.component(
    "face_sheet",
    js="""export default function ({ data }) {
  window.ferSheets = { ...window.ferSheets, [data.collection]: data };
}""",
)
_grid = st.components.v2.component(
    "label_grid",
    html='<div class="grid" role="application" aria-label="Label faces" tabindex="0"></div>',
    css=_FILES.with_name("label_grid.css").read_text("utf-8"),
    js=_FILES.with_name("label_grid.js").read_text("utf-8"),
)


def show(collection: Collection, selection: Selection, labeller: str) -> None:
    """Show the faces that are not set aside, and keep what is labelled.

    Args:
        collection: The faces.
        selection: Those that are used.
        labeller: Name of the person who labels.
    """
    rows = selection.used
    files = tuple(selection.faces["file"].iloc[rows])
    values = suggestions(selection.faces.iloc[rows])
    thumbs = selection.index.thumbs[rows]
    version = str(hash(files))
    _sheet(
        key="face_sheet",
        data={
            "collection": collection.name, "version": version, "files": list(files),
            "emotions": list(EMOTIONS), "colors": list(COLORS.values()),
            "suggested": values.argmax(axis=1).tolist(),
            "confidence": np.round(values.max(axis=1), 3).tolist(),
            "orders": {"useful": order.most_useful(values, thumbs).tolist(),
                       "suggestion": order.by_suggestion(values).tolist()},
            "sheets": sheets(str(collection.folder), files), "side": SIDE, "across": ACROSS,
            "per": PER,
        },
    )  # fmt: skip
    _labels(collection, files, version, labeller)


@st.fragment(run_every=REFRESH_S)
def _labels(collection: Collection, files: Sequence[str], version: str, labeller: str) -> None:
    """Show the grid with the labels of everybody; only this part runs again."""
    held = labels.states(collection)
    numbers = {name: str(number) for number, name in enumerate(EMOTIONS, 1)}
    numbers |= {"": "0", labels.CONFLICT: "8"}
    position = {file: at for at, file in enumerate(files)}
    _grid(
        key=KEY,
        data={
            "collection": collection.name, "version": version,
            "labels": "".join(numbers[held[f].label] if f in held else "0" for f in files),
            "skipped": [position[f] for f, s in held.items() if s.skipped and f in position],
            "conflicts": {str(position[file]): _claims(state)
                          for file, state in labels.conflicts(held).items() if file in position},
            "kept": st.session_state.get(KEPT, []), "error": st.session_state.get(PROBLEM, ""),
        },
        on_log_change=lambda: _keep(collection, frozenset(files), labeller),
    )  # fmt: skip


def _claims(state: labels.State) -> str:
    return ", ".join(f"{entry.by or 'somebody'}: {name}" for name, entry in state.claims.items())


def _keep(collection: Collection, files: frozenset[str], labeller: str) -> None:
    """Write what the browser sent to the log; it sends again what is not confirmed."""
    log: Mapping[str, Any] = st.session_state[KEY].get("log") or {}
    confirmed = set(st.session_state.get(KEPT, ()))
    try:
        entries = labels.parse(log.get("entries", ()), labeller)
        new = [entry for entry in entries if entry.id not in confirmed]
        labels.add(collection, [entry for entry in new if entry.file in files])
    except DatasetError as error:
        st.session_state[PROBLEM] = str(error)
        return
    st.session_state[PROBLEM] = ""
    st.session_state[KEPT] = [entry.id for entry in entries]


@st.cache_data(max_entries=4, show_spinner="Preparing the faces")
def sheets(folder: str, files: tuple[str, ...]) -> list[str]:
    """Return the faces as JPEG sheets in addresses, ``PER`` faces each.

    Args:
        folder: Folder of the collection.
        files: Names of the faces.
    """
    collection = Collection(Path(folder))
    result = []
    for start in range(0, len(files), PER):
        part = files[start : start + PER]
        lines = -(-len(part) // ACROSS)
        sheet = np.full((lines * SIDE, ACROSS * SIDE, 3), 128, np.uint8)
        for at, file in enumerate(part):
            y, x = at // ACROSS * SIDE, at % ACROSS * SIDE
            sheet[y : y + SIDE, x : x + SIDE] = _cell(collection.crop_file(file))
        jpeg = cv2.imencode(".jpg", sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
        result.append(f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}")
    return result


def _cell(file: Path) -> np.ndarray:
    """Return a face as uint8 (SIDE, SIDE, 3); grey where its file has gone."""
    try:
        face = image_reading.read(file)
    except ImageError:
        return np.full((SIDE, SIDE, 3), 128, np.uint8)
    face = cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return face if face.ndim == 3 else np.repeat(face[..., None], 3, axis=2)
