"""Add photos and videos to a collection; the work runs in a process of its own."""

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import streamlit as st

from fer_core.collect import Clip, Collection
from fer_core.collect.corrected import add_corrections
from fer_core.dataset import corrections
from fer_core.errors import FerError
from fer_core.system import isolated, temp_folders
from fer_core.system.parallel import Progress
from fer_core.system.text import counted, markdown
from pages._components import notify
from pages._components.background import start
from pages._components.model import notice

LIMIT_S = 6 * 3600.0
IMAGES = ["jpg", "jpeg", "png", "webp", "heic", "avif", "tif", "tiff", "bmp", "zip"]
VIDEOS = ["mp4", "m4v", "mov", "webm", "mkv", "avi", "mts", "ts", "mpg", "gif", "ogv"]


def photos(collection: Collection) -> None:
    """Show the choice of photos."""
    notice("The faces are stored in the collection, the photos are not.")
    uploads = st.file_uploader(
        "Photos, or a ZIP of photos", IMAGES, accept_multiple_files=True, key="make_photos"
    )
    path = st.text_input(
        "Or a folder on the machine that runs FER Studio",
        key="make_folder",
        placeholder="/home/me/photos",
    )
    by_folder = st.toggle(
        "Folders name the emotion",
        key="make_folder_labels",
        help="A photo in a folder such as happy gets that label.",
    )
    _offer_corrections(collection)
    ready = bool(uploads or path.strip())
    if st.button(
        "Add the faces",
        type="primary",
        icon=":material/add:",
        disabled=not ready,
        key="make_add_photos",
    ):
        options = {"folder_labels": by_folder}
        _start(collection, {each.name: each for each in uploads}, path.strip(), options, "photos")


def _offer_corrections(collection: Collection) -> None:
    count = sum(corrections.counts().values())
    if count:
        st.button(
            f"Add the {counted(count, 'face')} corrected on the live page",
            key="make_corrections", icon=":material/rate_review:", on_click=_add_corrections,
            args=(collection,),
        )  # fmt: skip


def _add_corrections(collection: Collection) -> None:
    try:
        count = add_corrections(collection, st.session_state.get("labeller", ""))
    except FerError as error:
        notify.error(str(error))
        return
    notify.success(f"{count:,} corrected faces are new here, with their labels.")


def video(collection: Collection) -> None:
    """Show the choice of a video, its part and the pace."""
    notice("The faces are stored in the collection, the video is not.")
    upload = st.file_uploader("A video", VIDEOS, key="make_video")
    path = st.text_input(
        "Or its path on the machine that runs FER Studio",
        key="make_video_path",
        placeholder="/home/me/clip.mp4",
    )
    with st.container(horizontal=True):
        pace = st.number_input(
            "Faces a second of each person", 0.1, 10.0, 2.0, 0.5, key="make_pace", width=240
        )
        first = st.number_input("From second", 0.0, None, 0.0, 1.0, key="make_start_s", width=150)
        last = st.number_input(
            "To second (0: the end)", 0.0, None, 0.0, 1.0, key="make_end_s", width=180
        )
    on_change = st.toggle(
        "One also whenever the predicted emotion changes", value=True, key="make_change"
    )
    if not st.button(
        "Add the faces",
        type="primary",
        icon=":material/add:",
        key="make_add_video",
        disabled=not (upload or path.strip()),
    ):
        return
    try:
        clip = Clip(pace, on_change, first, last or math.inf)
    except FerError as error:
        st.error(markdown(str(error)))
        return
    options = {"clip": [clip.per_second, clip.on_change, clip.start_s, clip.end_s]}
    uploads = {upload.name: upload} if upload else {}
    _start(collection, uploads, path.strip(), options, "thousandths")


def _start(
    collection: Collection,
    uploads: Mapping[str, Any],
    path: str,
    options: dict[str, Any],
    unit: str,
) -> None:
    """Add uploaded files and a path in the background."""
    if path and not Path(path).exists():
        st.error(
            f"There is no file or folder {markdown(path)} on the machine that runs FER Studio."
            " Check the path."
        )
        return
    contents = {PurePath(name).name: upload.getvalue() for name, upload in uploads.items()}
    work = partial(_add, collection, contents, path, options)
    start("Detecting faces", work, notify.success, unit, inline=True)
    st.rerun()


def _add(
    collection: Collection,
    contents: Mapping[str, bytes],
    path: str,
    options: Mapping[str, Any],
    progress: Progress,
) -> str:
    """Return the sentence on what was added; runs in the background."""
    with temp_folders.folder("collect") as name:
        folder = Path(name)
        for file, data in contents.items():
            (folder / file).write_bytes(data)
        requests = [(str(folder), [str(folder)])] if contents else []
        requests += (
            [(path if Path(path).is_dir() else str(Path(path).parent), [path])] if path else []
        )
        sentences = []
        for below, paths in requests:
            arguments = {
                "collection": str(collection.folder),
                "paths": paths,
                "options": {**options, "below": below},
            }
            result = isolated.call(
                "fer_core.collect.photos:add_in_process",
                arguments,
                LIMIT_S,
                error=lambda reason: FerError(f"The faces were not added: {reason}."),
                progress=progress,
            )
            sentences.append(str(result["sentence"]))
    return markdown(" ".join(sentences))
