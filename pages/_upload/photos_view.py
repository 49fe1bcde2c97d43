"""Results of photos: errors, a chart, a table with downloads, and a card for each photo."""

import pandas as pd
import streamlit as st

from fer_core.labels import EMOTIONS
from fer_core.models.quality import EXPLANATIONS
from fer_core.recognition import results
from fer_core.recognition.drawing import caption, label_of
from fer_core.recognition.photos import Photo, zip_images
from fer_core.system.text import counted, markdown
from pages._components.detector import TITLES
from pages._components.emotion_counts import show_emotion_counts
from pages._components.explanation import show_why
from pages._components.model import recognizer
from pages._components.pagination import page_of
from pages._components.probability_bars import show_probability_bars

PHOTOS_A_PAGE = 5
FACES_A_PAGE = 3

FILTERS = ("All", "Uncertain", "No face")


def summary(photos: list[Photo]) -> str:
    """Return the counts of photos, faces and errors in one line."""
    faces = sum(len(photo.faces) for photo in photos)
    without = sum(not photo.faces and not photo.error for photo in photos)
    errors = sum(bool(photo.error) for photo in photos)
    parts = [count(len(photos), "photo"), count(faces, "face")]
    parts += [f"{without} without a face"] * bool(without and faces)
    parts += [f"{errors} could not be read"] * bool(errors)
    return ", ".join(parts)


def count(number: int, word: str) -> str:
    """Return ``no faces``, ``1 face`` or ``2 faces``."""
    return counted(number, word) if number else f"no {word}s"


def show_errors(photos: list[Photo]) -> None:
    """Show every file that could not be read, or only in part, in one box each."""
    errors = [markdown(photo.error) for photo in photos if photo.error]
    notes = [markdown(photo.note) for photo in photos if photo.note]
    if errors:
        st.error("\n".join(f"- {error}" for error in errors) if len(errors) > 1 else errors[0])
    if notes:
        st.warning("\n".join(f"- {note}" for note in notes) if len(notes) > 1 else notes[0])


def show_table(photos: list[Photo]) -> None:
    """Show a row for each face, and the downloads."""
    labels = [label_of(face) for photo in photos for face in photo.faces]
    if len(photos) > 1 and labels:
        st.markdown("**Faces by emotion**")
        show_emotion_counts(labels, key="photos_chart")
    rows = [row for photo in photos for row in _rows(photo)]
    if rows:
        percent = {
            column: st.column_config.ProgressColumn(
                format="%.0f%%", min_value=0, max_value=100, width=width
            )
            for column, width in {"confidence": 100, **dict.fromkeys(EMOTIONS, 86)}.items()
        }
        table = pd.DataFrame(rows).dropna(axis="columns", how="all")
        st.dataframe(table, hide_index=True, column_config=percent, alt="All faces")
    with st.container(horizontal=True):
        full = results.with_label(results.table(row for p in photos for row in p.rows()))
        for label, suffix, mime in (
            ("CSV", ".csv", "text/csv"),
            ("JSON", ".json", "application/json"),
        ):
            st.download_button(
                label, results.encode(full, suffix), f"faces{suffix}", mime,
                on_click="ignore", icon=":material/download:",
            )  # fmt: skip
        st.download_button(
            "Annotated photos", lambda: zip_images(photos), "photos.zip", "application/zip",
            on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        with st.popover("Columns of the files", icon=":material/help:", type="tertiary"):
            st.markdown(results.meanings())


def _rows(photo: Photo) -> list[dict]:
    """Return the rows of the table on the page; files with an error stand in their own box."""
    if not photo.faces:
        return [] if photo.error else [{"photo": photo.name, "face": "–", "emotion": "no face"}]
    return [
        {
            "photo": photo.name,
            "face": str(number),
            "emotion": label_of(face),
            "confidence": 100 * face.confidence,
            **dict(zip(EMOTIONS, (100 * face.probabilities).tolist(), strict=True)),
        }
        for number, face in enumerate(photo.faces, start=1)
    ]


def show_cards(photos: dict[str, Photo], head: str, explained: set[str]) -> None:
    """Show the photos with their faces, a page at a time.

    Args:
        photos: By key.
        head: Head of the model, for explanations.
        explained: Keys of the photos whose results belong to the current options.
    """
    readable = {key: photo for key, photo in photos.items() if not photo.error}
    if len(readable) > 1:
        choice = st.segmented_control(
            "Show", FILTERS, default="All", required=True, key="photo_filter",
            label_visibility="collapsed",
        )  # fmt: skip
        readable = {key: photo for key, photo in readable.items() if _passes(photo, choice)}
        if not readable:
            st.caption(
                "No photo has an uncertain face."
                if choice == "Uncertain"
                else "Every photo has a face."
            )
    keys = list(readable)
    for key in keys[page_of(len(keys), PHOTOS_A_PAGE, "photo_page")]:
        _show_photo(key, readable[key], head, key in explained)


def _passes(photo: Photo, choice: str) -> bool:
    if choice == "Uncertain":
        return any(face.uncertain for face in photo.faces)
    return choice == "All" or not photo.faces


def _show_photo(key: str, photo: Photo, head: str, is_explained: bool) -> None:
    with st.container(border=True):
        is_wide = photo.size[0] >= photo.size[1]
        left, right = st.columns([3, 2] if is_wide else [2, 3], gap="medium")
        left.image(photo.annotated, alt=f"{photo.name}: " + "; ".join(map(caption, photo.faces)))
        faces = count(len(photo.faces), "face") if photo.faces else "No face found"
        facts = (faces, TITLES[photo.detector], f"{photo.seconds * 1000:.0f} ms")
        left.caption(" · ".join((markdown(photo.name), *facts)))
        if not photo.faces:
            right.info(
                "No face found. Faces that are very small, mostly covered or strongly turned may "
                "be missed, and drawings are often not recognized as faces."
            )
            return
        with right:
            page = page_of(len(photo.faces), FACES_A_PAGE, f"faces-{key}")
            for index in range(page.start, page.stop):
                _show_face(f"{key}-{index}", photo, index, head, is_explained)


def _show_face(key: str, photo: Photo, index: int, head: str, is_explained: bool) -> None:
    face = photo.faces[index]
    number = f"{index + 1} · " if len(photo.faces) > 1 else ""
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.image(photo.portraits[index], width=72, alt=f"Face {index + 1}")
        st.markdown(f"**{number}{caption(face)}**")
    if face.uncertain:
        st.caption(EXPLANATIONS.get(face.reason, EXPLANATIONS[""]))
    show_probability_bars(face.probabilities, f"bars-{key}")
    if is_explained and st.toggle(
        "Why?", key=f"why-{key}", help="The parts of the face that raise the probability most."
    ):
        show_why(key, face.crop, recognizer(head, mirror=True).classifier, face.emotion)
