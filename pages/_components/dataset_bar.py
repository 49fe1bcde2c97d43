"""Open a dataset: demo, upload, folder, or one of those kept."""

import io
from functools import partial
from pathlib import Path

import streamlit as st

from fer_core.dataset import demo, store
from fer_core.dataset.discover import other_names
from fer_core.dataset.importers import import_dataset
from fer_core.dataset.importers.fer2013_csv import import_csv
from fer_core.dataset.importers.zip_archive import import_zip
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS
from fer_core.system.parallel import Progress
from fer_core.system.paths import typed
from fer_core.system.settings import settings
from pages._components.background import start
from pages._components.open_dataset import (
    OpenDataset,
    current_dataset,
    delete_closed,
    open_folder,
    open_made,
    private_home,
    show_opened,
)

MOST_NAMES = 16
WAYS = ("Demo", "Upload", "Folder", "Kept here")


def show() -> OpenDataset | None:
    """Show the choice of a dataset, folded away once one is open; return the open dataset."""
    delete_closed()
    dataset = current_dataset()
    title = "Open a dataset" if dataset is None else f"Open: {dataset.name}"
    with st.expander(title, expanded=dataset is None, icon=":material/folder_open:"):
        ways = WAYS if settings().policy.shows_server else WAYS[:2]
        way = st.segmented_control(
            "Where from", ways, default="Demo", required=True, key="dataset_way",
            label_visibility="collapsed",
        )  # fmt: skip
        {"Demo": _demo, "Upload": _upload, "Folder": _folder, "Kept here": _kept}[way]()
    return dataset


def _demo() -> None:
    st.write(
        "About 1,200 faces drawn by code, with too few of one class, some wrong labels, copies "
        "across splits and blank pictures: all that this page can find and repair."
    )
    if st.button("Open the demo", type="primary", icon=":material/play_arrow:"):
        open_demo()
        st.rerun()


def open_demo() -> None:
    """Start drawing and opening the demo in the background."""
    home = private_home()

    def make(_: Progress) -> Path:
        return demo.make(home)

    start("Drawing the demo", partial(open_made, make, home), show_opened)


def _upload() -> None:
    most = st.get_option("server.maxUploadSize")
    chosen = st.file_uploader(
        "A ZIP of class folders, or Kaggle's fer2013.csv", ["zip", "csv"],
        accept_multiple_files=True, key="dataset_files",
    )  # fmt: skip
    larger = (
        " Larger ones: by their path under Folder, or with `fer-studio dataset import FILE`."
        if settings().policy.shows_server
        else ""
    )
    stays = "" if settings().policy.may_store else " It is deleted when you leave."
    st.caption(
        f"Up to {most} MB.{stays}{larger} FER+ votes: choose fer2013new.csv together with it, or "
        "pack it into the ZIP."
    )
    if st.button("Import", type="primary", disabled=not chosen, icon=":material/upload:"):
        files = {file.name: file.getvalue() for file in chosen}
        home = private_home()
        start("Importing", partial(open_made, partial(_import, files, home), home), show_opened)
        st.rerun()


def _import(files: dict[str, bytes], home: Path | None, progress: Progress) -> Path:
    votes = files.pop("fer2013new.csv", None)
    if len(files) != 1:
        raise DatasetError(
            "Choose one ZIP or one fer2013.csv, with fer2013new.csv beside it if you have that. "
            f"Received: {', '.join(files) or 'fer2013new.csv alone'}."
        )
    ((name, data),) = files.items()
    stem = Path(name).stem
    if name.lower().endswith(".zip"):
        return import_zip(io.BytesIO(data), stem, home, progress, votes)
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
    return import_csv(text, stem, home, progress, votes)


def _folder() -> None:
    path = st.text_input(
        "Path on the computer that runs this",
        placeholder="/data/fer2013",
        help="A folder with one folder a class (angry, disgust, fear, happy, neutral, sad, "
        "surprise), or with train, validation and test folders that hold these. A ZIP of one or "
        "Kaggle's fer2013.csv will do as well.",
        key="dataset_path",
    )
    votes = st.text_input(
        "FER+ votes, if they lie elsewhere",
        placeholder="/data/fer2013new.csv",
        help="A fer2013new.csv or labels.csv inside the folder is found without this.",
        key="dataset_votes",
    ).strip()
    try:
        root = typed(path.strip(), DatasetError)
        votes_file = typed(votes, DatasetError) if votes else None
    except DatasetError as error:
        st.error(str(error))
        return
    if path.strip() and root.is_file():
        _file(root, votes_file)
        return
    classes = _mapping(root) if path.strip() else {}
    if st.button("Open the folder", type="primary", disabled=not path.strip()):
        work = partial(open_folder, root, votes_file=votes_file, classes=classes)
        start(f"Scanning {root.name}", work, show_opened)
        st.rerun()


def _file(file: Path, votes: Path | None) -> None:
    """A ZIP or CSV on the computer that runs this: of any size, and copied before it is opened."""
    st.caption(f"{file.name} is unpacked into {store.default_home()} and opened there.")
    if st.button("Import the file", type="primary", icon=":material/upload:"):

        def make(progress: Progress) -> Path:
            return import_dataset(file, progress=progress, votes=votes)

        start(f"Importing {file.name}", partial(open_made, make, None), show_opened)
        st.rerun()


def _mapping(root: Path) -> dict[str, str]:
    """What class folders with other names stand for, as the user says."""
    others = other_names(root)[:MOST_NAMES]
    if not others:
        return {}
    st.write("Some folders have names that are none of the seven. What do they show?")
    chosen = {}
    with st.container(horizontal=True):
        for other in others:
            chosen[other] = st.selectbox(
                other, ["leave out", *EMOTIONS], key=f"stands-{root}-{other}", width=160
            )
    return {other: emotion for other, emotion in chosen.items() if emotion in EMOTIONS}


def _kept() -> None:
    kept = store.stored()
    if not kept:
        st.info(
            f"Nothing is kept in {store.default_home()} yet. Imports and balanced versions go "
            "there."
        )
        return
    chosen = st.selectbox(
        "Dataset",
        kept,
        format_func=lambda one: f"{one.name} (balanced version)" if one.is_version else one.name,
        key="dataset_kept",
    )
    if st.button("Open it", type="primary"):
        start(f"Scanning {chosen.name}", partial(open_folder, chosen.folder), show_opened)
        st.rerun()
