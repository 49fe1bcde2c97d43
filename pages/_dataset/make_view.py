"""Make a dataset: collect faces, label them, write them."""

import getpass
from dataclasses import fields

import streamlit as st

from fer_core import collect
from fer_core.collect import Collection, Limits, Selection, labels
from fer_core.collect.collection import delete
from fer_core.dataset import image_reading
from fer_core.errors import FerError
from fer_core.system.text import markdown
from pages._components import background, make_one, notify
from pages._components.gallery import enlarge, show_tiles
from pages._dataset import label_grid, make_files, make_finish, make_webcam
from pages._dataset.label_balance import show_label_balance

PARTS = ("Collect", "Label", "Finish")
LIMITS = {
    "side": ("Least side of the face, pixels", 0.0, 120.0, 5.0),
    "sharpness": ("Least sharpness", 0.0, 0.5, 0.01),
    "brightness": ("Least brightness", 0.0, 120.0, 5.0),
}
EXAMPLES = 12


def show(collection: Collection) -> None:
    """Show the part that is selected."""
    try:
        faces = collection.faces()
        labelled = labels.label_table(faces, labels.states(collection))["label"].tolist()
    except FerError as error:
        _head(collection, 0, 0)
        st.error(markdown(str(error)))
        return
    _head(collection, len(faces), sum(map(bool, labelled)))
    notify.show()
    part = st.segmented_control(
        "Step", PARTS, default="Collect", required=True, key="make_part",
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    if background.is_inline():
        background.show_progress()
        return
    source = _collect(collection) if part == "Collect" else ""
    if faces.empty:
        if part != "Collect":
            st.info("There are no faces yet. Add photos, a video or yourself under Collect.")
        return
    if source == "Webcam":
        return  # faces arrive all the time; they are compared when they are looked at
    if part == "Collect":
        show_label_balance(labelled)
    selection = _selection(collection, len(faces))
    _set_aside(collection, selection)
    if part == "Label":
        labeller = st.text_input(
            "Labelled by", _user(), key="labeller", width=260,
            help="Stands beside every label. Two people use two names.",
        )  # fmt: skip
        label_grid.show(collection, selection, labeller.strip())
    elif part == "Finish":
        make_finish.show(collection, selection, limits())


def _collect(collection: Collection) -> str:
    """Show where faces come from; return the source that is selected."""
    sources = {
        "Photos": make_files.photos,
        "Video": make_files.video,
        "Webcam": make_webcam.show,
    }
    source = st.segmented_control(
        "From", list(sources), default="Photos", required=True, key="make_way",
        persist_state="session",
    )  # fmt: skip
    sources[source](collection)
    return source


def limits() -> Limits:
    """Return the limits that the sliders are set to."""
    defaults = Limits()
    return Limits(
        **{
            field.name: st.session_state.get(f"limit-{field.name}", getattr(defaults, field.name))
            for field in fields(Limits)
        }
    )


def _head(collection: Collection, count: int, labelled: int) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="make_bar"):
        st.markdown(
            f":material/add_a_photo: Making **{markdown(collection.name)}** · {count:,} faces, "
            f"{labelled:,} labelled",
            width="stretch",
        )
        with st.popover("Delete", icon=":material/delete:"):
            st.write(
                "The faces and labels of this collection are lost. Datasets written from it stay."
            )
            st.button("Delete the collection", on_click=_delete, args=(collection,), type="primary")
        st.button(
            "Close",
            key="make_close",
            on_click=st.session_state.pop,
            args=(make_one.KEY, None),
            help="It stays and can be continued.",
        )


def _delete(collection: Collection) -> None:
    notify.attempt(delete, collection, done=f"{collection.name} is deleted.")
    st.session_state.pop(make_one.KEY, None)


def _selection(collection: Collection, count: int) -> Selection:
    """Return the faces with those set aside; they are compared again where there are more."""
    key = str(collection.folder), count
    cached = st.session_state.get("make_selection")
    if cached is None or cached[0] != key:
        with st.spinner("Comparing the faces"):
            cached = st.session_state["make_selection"] = key, collect.select(collection)
    return cached[1].with_limits(limits(), st.session_state.get("keep_near", False))


def _set_aside(collection: Collection, selection: Selection) -> None:
    counts = selection.set_aside
    parts = [f"{count:,} {reason}" for reason, count in sorted(counts.items())]
    text = f"Set aside: {', '.join(parts)}" if parts else "No face is set aside"
    title = f"{text}. {len(selection.used):,} faces are used."
    with st.expander(title, icon=":material/filter_alt:"):
        defaults = Limits()
        with st.container(horizontal=True):
            for name, (title, low, high, step) in LIMITS.items():
                st.slider(
                    title,
                    low,
                    high,
                    getattr(defaults, name),
                    step,
                    key=f"limit-{name}",
                    width=240,
                    persist_state="session",
                )
            st.toggle("Use near-duplicates", key="keep_near", persist_state="session")
        aside = [row for row, reason in enumerate(selection.reasons) if reason][:EXAMPLES]
        files = [collection.crop_file(selection.faces["file"][row]) for row in aside]
        captions = [selection.reasons[row] for row in aside]
        show_tiles([enlarge(image_reading.read(file)) for file in files], captions, captions)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
