"""Photos and video: see every face with its emotion, take the results along."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fer_core.images.formats import SUFFIXES
from fer_core.images.limits import MAX_PIXELS
from fer_core.models.card import ModelCard
from fer_core.recognition import results
from fer_core.recognition.drawing import caption
from fer_core.recognition.photos import Photo, PhotoReader, zip_images
from fer_core.system.settings import settings
from fer_core.system.text import markdown
from pages._components import notify
from pages._components.explanation import show_why
from pages._components.model import choose_head, model_card, notice, recognizer
from pages._components.pagination import page_of
from pages._components.probability_bars import show_probability_bars
from pages._upload import jobs_view, start_job, visitor_jobs

EXAMPLE = Path(__file__).parent.parent / "docs" / "images" / "astronaut.jpg"
WAYS = ("Photos", "Camera", "Video", "ZIP or folder")
JOBS = ("Video", "ZIP or folder")
STORED = "Only what you start is stored, as said below."
PHOTOS_A_PAGE = 5
FACES_A_PAGE = 12


class How(NamedTuple):
    """What the answer to a picture depends on: change one, and it is read again."""

    model: ModelCard
    head: str
    is_crop: bool


@dataclass(frozen=True)
class Picked:
    """A picture that waits to be read."""

    key: str
    name: str
    open: Callable[[], bytes]


@dataclass(frozen=True)
class Read:
    """A picture that was read, and how."""

    photo: Photo
    how: How


def state() -> dict[str, Read]:
    """The results of this session, by key; they stay until cleared."""
    return st.session_state.setdefault("photos", {})


def clear() -> None:
    state().clear()
    st.session_state["photo_example"] = False
    for field in ("files", "camera"):
        st.session_state.pop(f"{field}-{widget_round()}", None)
    st.session_state["photo_round"] = widget_round() + 1


def widget_round() -> int:
    """Part of the upload widgets' keys: a new round empties them."""
    return st.session_state.setdefault("photo_round", 0)


def try_example() -> None:
    st.session_state["photo_example"] = True


def pick(way: str) -> list[Picked]:
    """The pictures chosen now: files or a snapshot, and the example."""
    shots = (
        pick_files()
        if way == "Photos"
        else [st.camera_input("Snapshot", key=f"camera-{widget_round()}", width=640)]
    )
    picked = [Picked(shot.file_id, shot.name, shot.getvalue) for shot in shots if shot]
    if st.session_state.get("photo_example"):
        picked.append(Picked("example", EXAMPLE.name, EXAMPLE.read_bytes))
    return picked


def pick_files() -> list:
    key = f"files-{widget_round()}"
    stayed = key in st.session_state  # False on coming back from elsewhere, with an empty uploader
    shots = st.file_uploader(
        "Drop, paste or choose photos",
        type=[suffix[1:] for suffix in SUFFIXES],
        accept_multiple_files=True,
        key=key,
        help=f"Up to {MAX_PIXELS // 1_000_000} megapixels each. Of a GIF, the first frame is read. "
        "To paste a picture, move to this field with the Tab key first.",
    )
    now = {shot.file_id for shot in shots}
    if stayed:
        for removed in st.session_state.get("photo_files", set()) - now:
            state().pop(removed, None)
    st.session_state["photo_files"] = now
    return shots


def read(picked: list[Picked], how: How) -> None:
    """Read what has not been read this way yet; each result is kept at once."""
    waiting = [p for p in picked if p.key not in state() or state()[p.key].how != how]
    if not waiting:
        return
    reader = PhotoReader(recognizer(how.head), how.is_crop)
    progress = st.progress(0.0)
    for number, one in enumerate(waiting):
        progress.progress(
            number / len(waiting), f"{number + 1} of {len(waiting)}: {markdown(one.name)}"
        )
        state()[one.key] = Read(reader.read(one.open(), one.name), how)
    progress.empty()


def show_summary(photos: list[Photo]) -> None:
    faces = sum(len(photo.faces) for photo in photos)
    without = sum(not photo.faces and not photo.error for photo in photos)
    failed = sum(bool(photo.error) for photo in photos)
    parts = [count(len(photos), "photo"), count(faces, "face")]
    parts += [f"{without} without a face"] * bool(without and faces)
    parts += [f"{failed} could not be read"] * bool(failed)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.subheader(", ".join(parts), anchor=False, width="content")
        st.button("Clear", on_click=clear, icon=":material/delete:")


def count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"


def show_downloads(photos: list[Photo]) -> None:
    table = results.table(row for photo in photos for row in photo.rows())
    with st.expander("All faces as a table"):
        st.dataframe(table, hide_index=True, alt="All results")
    with st.container(horizontal=True):
        for label, suffix, mime in (
            ("CSV", ".csv", "text/csv"),
            ("JSON", ".json", "application/json"),
        ):
            st.download_button(
                label, results.encode(table, suffix), f"faces{suffix}", mime,
                on_click="ignore", icon=":material/download:",
            )  # fmt: skip
        st.download_button(
            "Annotated pictures", lambda: zip_images(photos), "pictures.zip", "application/zip",
            on_click="ignore", icon=":material/download:",
        )  # fmt: skip


def show_photo(key: str, photo: Photo, explained: bool) -> None:
    if photo.error:
        st.error(markdown(photo.error))
        return
    with st.container(border=True):
        left, right = st.columns([3, 2], gap="medium")
        found = count(len(photo.faces), "face") if photo.faces else "No face found"
        how = {"yunet": "YuNet", "haar": "Haar cascade", "none": "read as a face crop"}[
            photo.detector
        ]
        left.image(photo.annotated, alt=f"{photo.name}: " + "; ".join(map(caption, photo.faces)))
        left.caption(f"{markdown(photo.name)} · {found} · {how} · {photo.seconds * 1000:.0f} ms")
        if not photo.faces:
            right.info(
                "No face found. Faces should be upright, at least about 20 pixels wide, and not "
                "mostly covered."
            )
        elif len(photo.faces) <= 2:
            show_faces(key, photo, explained, right)
        else:
            show_faces(key, photo, explained, st.container())


def show_faces(key: str, photo: Photo, explained: bool, place: DeltaGenerator) -> None:
    with place:
        page = page_of(len(photo.faces), FACES_A_PAGE, f"faces-{key}")
        with st.grid(min_column_width=280, gap="medium"):
            for index in range(page.start, page.stop):
                with st.container():
                    show_face(f"{key}-{index}", photo, index, explained)


def show_face(key: str, photo: Photo, index: int, explained: bool) -> None:
    face = photo.faces[index]
    number = f"{index + 1} · " if len(photo.faces) > 1 else ""
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.image(photo.portraits[index], width=72, alt=f"Face {index + 1}")
        st.markdown(f"**{number}{caption(face)}**")
    if face.uncertain:
        st.caption("No emotion stands out enough to name one.")
    show_probability_bars(face.probabilities, f"bars-{key}")
    if explained and st.toggle(
        "Why?", key=f"why-{key}", help="Where in the face the network saw it"
    ):
        classifier = recognizer(head).classifier
        show_why(key, photo.faces[index].crop, classifier, face.emotion)


def choose_way() -> str:
    return st.segmented_control(
        "What", WAYS, default="Photos", required=True, key="way", label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip


def work_in_background(way: str, head: str, is_crop: bool) -> None:
    """Start a video or many files, and the list of those that were."""
    notify.show()
    jobs_view.show_list()
    if way == "Video":
        start_job.video(head)
    else:
        start_job.files(head, is_crop)


card = model_card()
st.title("Photos and video", anchor=False)
visitor_jobs.tidy()
job = visitor_jobs.opened()
if job:
    notice(f"Kept for {settings().job_hours} hours, or until you delete it.")
    jobs_view.show_job(job)
    st.stop()
way = choose_way()
notice(*([STORED] if way in JOBS else []))
options = st.container(horizontal=True, vertical_alignment="bottom")
with options:
    head = choose_head(card)
    is_crop = way != "Video" and st.toggle(
        "The picture is already a face crop",
        key="is_crop",
        help="For pictures that show one tightly cut face and nothing else, such as FER-2013's "
        "48×48 pixels. No face is searched for then.",
    )
if way in JOBS:
    work_in_background(way, head, is_crop)
    st.stop()
picked, now = pick(way), How(card, head, is_crop)
read(picked, now)
if not state():
    st.info("Add a photo to see its faces. No picture at hand?")
    st.button("Try an example photo", on_click=try_example, icon=":material/image:")
    st.stop()
everything = list(state().items())
photos = [done.photo for _, done in everything]
show_summary(photos)
if any(done.how != now for _, done in everything):
    st.caption(
        ":material/info: Some were read with another model or setting than is chosen now. Add them "
        "again to have them read anew."
    )
show_downloads(photos)
for key, done in everything[page_of(len(everything), PHOTOS_A_PAGE, "photo_page")]:
    show_photo(key, done.photo, explained=done.how == now)
