"""The ways to open a dataset: demo, upload, folder on the server, saved, or one made here."""

from contextlib import suppress
from functools import partial
from pathlib import Path

import streamlit as st

from fer_core.dataset import ferplus, numberings, recent, store
from fer_core.dataset.discover import needs_import, unknown_classes
from fer_core.dataset.importers import ImportOptions, archive, import_dataset, with_name
from fer_core.dataset.numberings import NOT_ONE_OF_SEVEN
from fer_core.dataset.source import DatasetSource
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS
from fer_core.system.parallel import Progress
from fer_core.system.paths import typed
from fer_core.system.settings import settings
from fer_core.system.text import markdown
from pages._components import make_one
from pages._components.background import start
from pages._components.open_dataset import (
    CHANGE,
    OpenDataset,
    open_demo,
    open_made,
    private_home,
    show_opened,
    start_opening,
)

MAX_NAMES = 16
LEAVE_OUT = {NOT_ONE_OF_SEVEN: "leave out"}
BY_NAMES = "recognized by names"
UPLOADS = ["zip", "csv", "gz", "tgz", "tar"]
SAVED = "Saved datasets"
MAKE = "Make one"


def choose(dataset: OpenDataset | None, hint: str) -> None:
    """Show the ways to open a dataset."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**Open a dataset.** {'' if dataset else hint}", width="stretch")
        if dataset:
            st.button("Cancel", on_click=st.session_state.pop, args=(CHANGE, None),
                      key="change_cancel")  # fmt: skip
    shows_server = settings().policy.shows_server
    if shows_server:
        _recent(dataset)
    openers = {"Demo": _demo, "Upload": _upload}
    openers |= {"Folder": _folder, SAVED: _saved} if shows_server else {}
    openers |= {MAKE: make_one.choose} if settings().policy.may_store else {}
    source = st.segmented_control(
        "Source", list(openers), default="Demo", required=True, key="dataset_way",
        persist_state="session", label_visibility="collapsed",
    )  # fmt: skip
    openers[source]()


def _recent(dataset: OpenDataset | None) -> None:
    sources = [
        source for source in recent.recent()
        if dataset is None or source.data != str(dataset.index.root)
    ]  # fmt: skip
    if not sources:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Recently opened", width="content")
        for number, source in enumerate(sources):
            st.button(
                markdown(Path(source.data).name), key=f"recent-{number}",
                help=markdown(source.data),
                icon=":material/history:", on_click=start_opening, args=(source,),
            )  # fmt: skip


def _demo() -> None:
    st.write(
        "About 1,200 drawn faces with one small class, some wrong labels, duplicates across "
        "splits and blank images: everything that this page can find and repair."
    )
    if st.button("Open the demo", type="primary", icon=":material/play_arrow:"):
        open_demo()
        st.rerun()


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
        start("Importing", partial(open_made, work, home), show_opened, "images", inline=True)
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
        "Folder path on the machine that runs FER Studio",
        placeholder="/data/fer2013",
        help="A folder with one folder a class (angry, disgust, fear, happy, neutral, sad, "
        "surprise), or with train, validation and test folders that hold these. A ZIP of one or "
        "Kaggle's fer2013.csv works too, and so do RAF-DB, AffectNet, FER+, CK+, JAFFE, KDEF "
        "and ExpW as they are published.",
        key="dataset_path",
    )
    votes = st.text_input(
        "FER+ votes outside the folder (optional)",
        placeholder="/data/fer2013new.csv",
        help="A fer2013new.csv or labels.csv inside the folder is read without this.",
        key="dataset_votes",
    ).strip()
    try:
        root = typed(path.strip(), DatasetError)
        votes_file = typed(votes, DatasetError).absolute() if votes else None
    except DatasetError as error:
        st.error(markdown(str(error)))
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
    votes = str(votes_file) if votes_file else None
    start_opening(DatasetSource(str(root), votes, classes=classes or None))
    return True


def _file(file: Path, votes: Path | None) -> None:
    """Import a file on the computer that runs this, of any size; it is copied before it opens."""
    st.caption(f"{markdown(file.name)} is unpacked into {store.default_home()} and opened there.")
    classes = {}
    if file.is_file():
        with suppress(OSError), file.open("rb") as opened:
            if file.suffix.lower() == ".zip":
                classes = _ask_classes(str(file), archive.unknown_classes(opened))
    if st.button("Import the file", type="primary", icon=":material/upload:"):

        def make(progress: Progress) -> Path:
            table = None if votes is None else ferplus.read(votes)
            options = ImportOptions(None, None, progress, table, classes or None)
            return import_dataset(file, options)

        work = partial(open_made, make, None)
        start(f"Importing {file.name}", work, show_opened, "images", inline=True)
        st.rerun()


def _ask_classes(title: str, unknown: dict[str, int]) -> dict[str, str]:
    """Return the emotions of classes with other names, as the user chooses them.

    Args:
        title: The folder or file, for the keys of the fields.
        unknown: Names that are no emotion, with their images.
    """
    if not unknown:
        return {}
    st.write("Some folders have names that are none of the seven emotions. What do they show?")
    fitting = numberings.fitting(unknown)
    if fitting:
        numbering = st.selectbox(
            "Numbers as in", [BY_NAMES, *fitting, None], width=200, key=f"numbering-{title}",
            format_func=lambda each: each if each == BY_NAMES else _title_of(each),
        )  # fmt: skip
        if numbering == BY_NAMES:
            st.caption("Names of folders and images tell the dataset. Otherwise choose it here.")
            return {}
        if numbering:
            st.caption(numbering.note())
            return {name: numbering.emotions[numberings.plain(name)] for name in unknown}
    if len(unknown) > MAX_NAMES:
        st.caption(f"The first {MAX_NAMES} of {len(unknown)} are shown.")
    classes = {}
    with st.container(horizontal=True):
        for name in sorted(unknown)[:MAX_NAMES]:
            classes[name] = st.selectbox(
                f"{name} ({unknown[name]:,} images)", [NOT_ONE_OF_SEVEN, *EMOTIONS],
                format_func=lambda emotion: LEAVE_OUT.get(emotion, emotion),
                key=f"stands-{title}-{name}", width=200,
            )  # fmt: skip
    return classes


def _title_of(numbering: numberings.Numbering | None) -> str:
    return numbering.title if numbering else "chosen below"


def _saved() -> None:
    datasets = store.stored()
    if not datasets:
        st.info(
            f"No dataset is saved in {store.default_home()} yet. Imports and balanced versions go "
            "there."
        )
        return
    dataset = st.selectbox(
        "Dataset",
        datasets,
        format_func=lambda saved: f"{saved.name} (version)" if saved.is_version else saved.name,
        key="dataset_kept",
    )
    if st.button("Open", type="primary", key="open_saved"):
        start_opening(DatasetSource(str(dataset.folder)))
        st.rerun()
