"""The dataset bar: the open dataset, and the ways to open another one."""

from functools import partial
from pathlib import Path

import streamlit as st

from fer_core.dataset import demo, recent
from fer_core.recognition import crop_dataset
from fer_core.system.parallel import Progress
from fer_core.system.settings import settings
from fer_core.system.text import markdown
from pages._components import background, dataset_ways, notify
from pages._components.background import start
from pages._components.open_dataset import (
    CHANGE,
    OpenDataset,
    current_dataset,
    delete_closed,
    open_demo,
    open_made,
    private_home,
    show_opened,
    start_opening,
)

ADDRESS = "data"
"""Parameter of the page's address that names the open dataset."""


def show(hint: str = "", needs_crops: bool = False, opens_last: bool = False) -> OpenDataset | None:
    """Show the open dataset, or the choice of one; return the dataset to work with.

    Args:
        hint: What to do where no dataset is open.
        needs_crops: Return None for photos whose faces are not cut out.
        opens_last: Where none is open, open the one that was open last, or else the demo.
    """
    delete_closed()
    _open_by_address(opens_last)
    dataset = current_dataset()
    with st.container(border=True, gap="small", key="dataset_bar"):
        if background.is_inline():
            background.show_progress()
        elif dataset is None or st.session_state.get(CHANGE):
            notify.show()
            dataset_ways.choose(dataset, hint)
        else:
            notify.show()
            _show_name(dataset)
    if dataset is None or not dataset.photos.are_photos:
        return dataset
    _offer_crops(dataset)
    return None if needs_crops else dataset


def _show_name(dataset: OpenDataset) -> None:
    parts = [f":material/folder_open: Dataset **{markdown(dataset.name)}**"]
    parts += [f"{len(dataset.index):,} images", *filter(None, [markdown(dataset.origin)])]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(gap=None, width="stretch"):
            st.markdown(" · ".join(parts))
            st.caption(_description(dataset))
        st.button("Change", key="change_dataset", icon=":material/swap_horiz:",
                  on_click=st.session_state.__setitem__, args=(CHANGE, True))  # fmt: skip


def _description(dataset: OpenDataset) -> str:
    """Return what the dataset is, in one line."""
    if demo.is_drawn(dataset.index.root):
        return (
            "Faces drawn by code, to try the pages: one small class, some wrong labels, duplicates "
            "across splits, blank images."
        )
    splits = dataset.index.counts().sum()
    parts = [f"{name} {int(count):,}" for name, count in splits.items()]
    parts += ["with FER+ votes"] * (dataset.index.votes is not None)
    parts += ["used last"] * dataset.is_automatic
    return " · ".join(parts)


def _open_by_address(opens_last: bool) -> None:
    """Keep the open dataset's name in the address; after a reload open it again."""
    dataset, name = current_dataset(), st.query_params.get(ADDRESS, "")
    if dataset is not None:
        is_demo = dataset.name == demo.NAME
        if name != dataset.name and (settings().policy.may_store or is_demo):
            st.query_params[ADDRESS] = dataset.name
        return
    tried = st.session_state.setdefault("addresses_tried", set())
    if name in tried or not (name or opens_last) or background.is_running():
        return
    tried.add(name)
    if source := recent.find(name) if name else next(iter(recent.recent()), None):
        start_opening(source, is_automatic=not name)
    elif name in {"", demo.NAME}:
        open_demo(is_automatic=not name)
    else:
        return
    st.rerun()  # waits a second for it, which is enough for most


def _offer_crops(dataset: OpenDataset) -> None:
    """Say that the images are photos, and offer to cut out their faces."""
    with st.container(border=True):
        st.warning(
            f"{dataset.photos.sentence} The model expects crops of one face. The photos stay as "
            "they are; the faces become a new dataset.", icon=":material/crop:",
        )  # fmt: skip
        every_face = st.toggle(
            "All faces of a photo", key="every_face",
            help="Otherwise the largest face alone. All faces get the label of their photo.",
        )  # fmt: skip
        with st.container(horizontal=True):
            if st.button("Cut out the faces", type="primary", icon=":material/crop:"):
                _start_cropping(dataset, every_face)
                st.rerun()
            st.button(
                "They are face crops", on_click=setattr,
                args=(dataset, "photos", crop_dataset.PhotoCheck()), key="are_crops",
            )  # fmt: skip


def _start_cropping(dataset: OpenDataset, every_face: bool) -> None:
    index, home = dataset.decided(), private_home()

    def make(progress: Progress) -> Path:
        cropped = crop_dataset.crop_dataset(
            index, home=home, every_face=every_face, progress=progress
        )
        return cropped.folder

    def show_faces(faces: OpenDataset) -> None:
        show_opened(faces)
        without = len(faces.without_face)
        missed = f" In {without:,} no face was detected; Balance lists them." if without else ""
        notify.success(f"{len(faces.index):,} faces are cut out of {len(index):,} photos.{missed}")

    start("Cutting out faces", partial(open_made, make, home), show_faces, "photos", inline=True)
