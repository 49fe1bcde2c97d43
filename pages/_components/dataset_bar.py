"""Open a dataset: demo, upload, folder, or one of those kept."""

from contextlib import suppress
from functools import partial
from pathlib import Path

import streamlit as st

from fer_core.dataset import demo, ferplus, store
from fer_core.dataset.discover import needs_import, unknown_classes
from fer_core.dataset.importers import ImportOptions, archive, import_dataset, with_name
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

MAX_NAMES = 16
UPLOADS = ["zip", "csv", "gz", "tgz", "tar"]
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
    uploads = st.file_uploader(
        "A ZIP of class folders, or Kaggle's fer2013.csv", UPLOADS,
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
    classes: dict[str, str] = {}
    for upload in uploads:
        if upload.name.lower().endswith(".zip"):
            classes |= _ask_classes(upload.name, archive.unknown_classes(upload))
    if st.button("Import", type="primary", disabled=not uploads, icon=":material/upload:"):
        files = {upload.name: upload.getvalue() for upload in uploads}
        home = private_home()
        work = partial(_import, files, home, classes)
        start("Importing", partial(open_made, work, home), show_opened)
        st.rerun()


def _import(
    files: dict[str, bytes], home: Path | None, classes: dict[str, str], progress: Progress
) -> Path:
    votes = files.pop("fer2013new.csv", None)
    if len(files) != 1:
        raise DatasetError(
            "Choose one ZIP or one fer2013.csv, with fer2013new.csv beside it if you have that. "
            f"Received: {', '.join(files) or 'fer2013new.csv alone'}."
        )
    ((name, data),) = files.items()
    options = ImportOptions(None, home, progress, votes, classes or None)
    return import_dataset(with_name(data, name), options)


def _folder() -> None:
    path = st.text_input(
        "Path on the computer that runs this",
        placeholder="/data/fer2013",
        help="A folder with one folder a class (angry, disgust, fear, happy, neutral, sad, "
        "surprise), or with train, validation and test folders that hold these. A ZIP of one or "
        "Kaggle's fer2013.csv will do as well, and so do RAF-DB, AffectNet, FER+, CK+, JAFFE, KDEF "
        "and ExpW as they are published.",
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
    if not path.strip():
        st.button("Open the folder", type="primary", disabled=True)
    elif root.is_file() or needs_import(root):
        _file(root, votes_file)
    elif _open_folder(root, votes_file):
        st.rerun()


def _open_folder(root: Path, votes_file: Path | None) -> bool:
    """Ask for what the folder needs; True once it is being opened."""
    classes = _ask_classes(str(root), unknown_classes(root))
    if not st.button("Open the folder", type="primary"):
        return False
    work = partial(open_folder, root, votes_file=votes_file, classes=classes)
    start(f"Scanning {root.name}", work, show_opened)
    return True


def _file(file: Path, votes: Path | None) -> None:
    """Import a file on the computer that runs this, of any size; it is copied before it opens."""
    st.caption(f"{file.name} is unpacked into {store.default_home()} and opened there.")
    classes = {}
    if file.is_file():
        with suppress(OSError), file.open("rb") as opened:
            if archive.is_archive(opened):
                classes = _ask_classes(str(file), archive.unknown_classes(opened))
    if st.button("Import the file", type="primary", icon=":material/upload:"):

        def make(progress: Progress) -> Path:
            table = None if votes is None else ferplus.read(votes)
            options = ImportOptions(None, None, progress, table, classes or None)
            return import_dataset(file, options)

        start(f"Importing {file.name}", partial(open_made, make, None), show_opened)
        st.rerun()


def _ask_classes(title: str, unknown: dict[str, int]) -> dict[str, str]:
    """Return the emotions of classes with other names, as the user chooses them.

    Args:
        title: The folder or file, for the keys of the fields.
        unknown: Names that are no emotion, with their images.
    """
    if not unknown:
        return {}
    names = sorted(unknown)[:MAX_NAMES]
    more = (
        f" The first {MAX_NAMES} of {len(unknown)} are shown." if len(unknown) > MAX_NAMES else ""
    )
    st.write(
        f"Some folders have names that are none of the seven emotions. What do they show?{more}"
    )
    chosen = {}
    with st.container(horizontal=True):
        for name in names:
            chosen[name] = st.selectbox(
                f"{name} ({unknown[name]:,} images)", ["leave out", *EMOTIONS],
                key=f"stands-{title}-{name}", width=200,
            )  # fmt: skip
    return {name: emotion for name, emotion in chosen.items() if emotion in EMOTIONS}


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
