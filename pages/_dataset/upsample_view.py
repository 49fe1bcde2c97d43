"""Upsampling by augmentation: targets, augmentation with a preview, and the new version."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from fer_core import balance
from fer_core.balance import Plan, Recipe
from fer_core.balance.class_weights import class_weights
from fer_core.dataset import DatasetIndex, image_reading, store
from fer_core.dataset.source import DatasetSource
from fer_core.errors import FerError
from fer_core.images import augment
from fer_core.images.augment import LIMITS, Spec
from fer_core.labels import EMOTIONS
from fer_core.system.jobs import duration
from fer_core.system.parallel import Progress
from fer_core.system.settings import settings
from fer_core.system.text import markdown
from pages._components import notify
from pages._components.background import start
from pages._components.chart import show_chart
from pages._components.gallery import enlarge, name, show_tiles
from pages._components.open_dataset import (
    OpenDataset,
    close,
    open_source,
    show_opened,
    start_opening,
    stored_datasets,
)
from pages._dataset import charts

PREVIEW_EDGE = 512
"""Longer side in pixels of the copy that is previewed."""

NEW_VERSION = "new_version"
"""Session key of the dataset that a new version was made of, until that is shown."""

SLOWER = 10
"""A busy machine takes up to so many times as long as an idle one."""

STRATEGIES = {
    "Largest": "largest",
    "Median": "median",
    "Number": "number",
    "Custom": "custom",
}
RANGES = {
    "flip": ("Horizontal flip, probability", 0.05),
    "rotation": ("Rotation, ± degrees", 1.0),
    "shift": ("Shift, share of the side", 0.01),
    "zoom": ("Zoom, share", 0.01),
    "brightness": ("Brightness, share of 255", 0.01),
    "contrast": ("Contrast, share", 0.05),
    "noise": ("Noise, grey values", 1.0),
    "erasing": ("Random erasing, probability", 0.05),
}


def show(dataset: OpenDataset) -> None:
    """Show the part."""
    index = dataset.decided()
    counts = balance.train_counts(index)
    if not any(counts.values()):
        st.info("There are no training images to balance.")
        return
    st.write(
        "Small classes get more training images, augmented from those they have. Only the training "
        "split changes. The result is a new dataset; this one stays as it is."
    )
    plan = _plan(counts, str(index.root))
    if plan is None:
        return
    show_chart(
        charts.before_after(plan.counts, plan.target_count), key="before_after",
        alt="Training images now and after. " + ", ".join(
            f"{n}: {plan.counts[n]:,} to {plan.target_count[n]:,}" for n in EMOTIONS
        ),
    )  # fmt: skip
    _cautions(plan)
    spec = _ranges()
    _preview(index, spec)
    _create(dataset, plan, spec)
    _versions()


@st.dialog("Balanced dataset created")
def show_new_version(dataset: OpenDataset, origin: DatasetSource) -> None:
    """Say that a balanced version was created and is open, with the next steps."""
    st.write(
        f"**{markdown(dataset.name)}** is created and open: {len(dataset.index):,} images, "
        f"{markdown(dataset.origin)}."
    )
    with st.container(horizontal=True):
        if st.button("Train on it", type="primary", icon=":material/model_training:"):
            st.switch_page("pages/train.py")
        if st.button("Look at it", key="look_at_version"):
            st.rerun()
        if st.button(f"Back to {markdown(Path(origin.data).name)}", icon=":material/undo:",
                     key="back_to_origin"):  # fmt: skip
            start_opening(origin)
            st.rerun()


def _plan(counts: dict[str, int], root: str) -> Plan | None:
    """Return the targets selected for the dataset in ``root``; None where they are not allowed."""
    st.subheader("Targets", anchor=False)
    number = None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        strategy = STRATEGIES[
            st.segmented_control(
                "Upsample to", list(STRATEGIES), default="Largest", required=True,
                key="how_far", persist_state="session",
            )
        ]  # fmt: skip
        if strategy == "number":
            number = st.number_input(
                "Images a class", 1, 1_000_000, max(counts.values()), key=f"target_number-{root}"
            )
        undersample = st.toggle(
            "Undersample larger classes",
            key="undersample",
            persist_state="session",
            help="Classes above the target are reduced to it, by a random choice. Otherwise they "
            "stay as they are.",
        )
    try:
        if strategy == "custom":
            return balance.plan(counts, _custom_targets(counts, root), undersample)
        return balance.plan(counts, number or strategy, undersample)
    except FerError as error:
        st.error(markdown(str(error)))
        return None


def _custom_targets(counts: dict[str, int], root: str) -> dict[str, int]:
    with st.grid(min_column_width=110, gap="small"):
        return {
            emotion: st.number_input(
                emotion, 1 if count else 0, 1_000_000 if count else 0, count,
                step=max(count // 10, 1), key=f"target-{emotion}-{count}-{root}",
                help=f"{count:,} now", disabled=not count,
            )
            for emotion, count in counts.items()
        }  # fmt: skip


def _cautions(plan: Plan) -> None:
    factors = {n: plan.target_count[n] / plan.counts[n] for n in EMOTIONS if plan.extra_count[n]}
    if factors:
        most = max(factors, key=factors.__getitem__)
        st.info(
            "Upsampling shows the network the same faces more often, with variations. It adds no "
            f"new people and no new expressions, and repeats every wrong label: each {most} image "
            f"is used {factors[most]:.1f} times in the new version.",
            icon=":material/lightbulb:",
        )
    with st.expander("Instead of upsampling: class weights"):
        st.write("Class weights in the loss have the same aim and need no new files.")
        weights = class_weights(plan.counts)
        rounded = {"emotion": list(weights), "weight": [round(w, 3) for w in weights.values()]}
        st.dataframe(pd.DataFrame(rounded), hide_index=True, alt="Class weights")
        st.page_link("pages/train.py", label="Train with class weights",
                     icon=":material/model_training:")  # fmt: skip


def _ranges() -> Spec:
    st.subheader("Augmentation", anchor=False)
    st.caption(
        "Ranges of the new images, drawn once and written. Training augments every image again in "
        "each epoch, with its own ranges; keep one of the two mild."
    )
    values = {}
    with st.grid(min_column_width=240, gap="medium"):
        for key, (title, step) in RANGES.items():
            default = float(getattr(Spec(), key))
            values[key] = st.slider(
                title, 0.0, LIMITS[key], default, step, key=f"range_{key}", persist_state="session"
            )
    return Spec(**values)


def _preview(index: DatasetIndex, spec: Spec) -> None:
    train = np.flatnonzero(index.is_readable & np.asarray(index.table["split"] == "train"))
    counts = index.table["label"].iloc[train].value_counts()
    present = [emotion for emotion in EMOTIONS if counts.get(emotion, 0)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        smallest = min(present, key=lambda emotion: counts[emotion])
        label = st.selectbox(
            "Example", present, index=present.index(smallest), key="preview_class", width=180
        )
        st.button("Another image", key="preview_next", on_click=_count, args=("preview_row",))
        st.button("New seed", key="preview_new", on_click=_count, args=("preview_seed",),
                  icon=":material/casino:")  # fmt: skip
    rows = train[np.asarray(index.table["label"].iloc[train] == label)]
    row = int(rows[st.session_state.get("preview_row", 0) % len(rows)])
    try:
        image = image_reading.read(index.path(row), PREVIEW_EDGE)
    except FerError as error:
        st.error(markdown(str(error)))
        return
    steps = augment.operations(augment.draw(spec, 12, st.session_state.get("preview_seed", 0)))
    tiles = [image, *(augment.apply(image, step) for step in steps)]
    captions = ["original", *(str(number) for number in range(1, 13))]
    alts = [f"{name(index, row)}, {text}" for text in captions]
    show_tiles([enlarge(tile) for tile in tiles], alts, captions)


def _count(key: str) -> None:
    st.session_state[key] = st.session_state.get(key, 0) + 1


def _create(dataset: OpenDataset, plan: Plan, spec: Spec) -> None:
    st.subheader("Create the balanced dataset", anchor=False)
    if settings().public:
        st.info("This public page stores nothing. Run FER Studio on your own machine to create it.")
        return
    index = dataset.decided()
    cost = balance.estimate(index, plan)
    if cost.images:
        quick, slow = (duration(max(cost.seconds * factor, 1)) for factor in (1, SLOWER))
        st.write(
            f"{cost.images:,} images to make: about {cost.bytes / 1e6:,.0f} MB on disk, {quick} on "
            f"an idle machine, up to {slow} on a busy one."
        )
    if len(dataset.decisions):
        st.caption(
            f":material/rule: Your {len(dataset.decisions):,} decisions are applied to the new "
            "version."
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = f"new-{index.root}-{len(stored_datasets())}"
        title = st.text_input("Name", balance.version_name(index), key=key)
        seed = st.number_input("Seed", 0, 2**31 - 1, 0, key="balance_seed", width=140)
        pressed = st.button(
            "Create", type="primary", icon=":material/save:", key="create_version",
            disabled=not (plan.changes_anything or len(dataset.decisions)),
        )  # fmt: skip
    if pressed:
        recipe, free = Recipe(plan, spec, int(seed)), store.free_name(title)

        def work(progress: Progress) -> OpenDataset:
            folder = balance.apply(index, recipe, free, None, progress)
            return open_source(DatasetSource(str(folder)), progress)

        start("Making images", work, partial(_show_version, dataset.source), "images")
        st.rerun()


def _show_version(origin: DatasetSource, version: OpenDataset) -> None:
    show_opened(version)
    st.session_state["dataset_part"] = "Balance"
    st.session_state[NEW_VERSION] = origin


def _versions() -> None:
    versions = [saved for saved in stored_datasets() if saved.is_version]
    if not versions:
        return
    st.subheader("Versions on this machine", anchor=False)
    for version in versions:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{markdown(version.name)}**", width="content")
            st.button("Open", key=f"open-{version.name}", on_click=start_opening,
                      args=(DatasetSource(str(version.folder)),))  # fmt: skip
            st.button("Delete", key=f"delete-{version.name}", icon=":material/delete:",
                      on_click=notify.attempt, args=(_delete, version))  # fmt: skip


def _delete(version: store.Stored) -> None:
    store.delete_version(version)
    close(version.folder)
    notify.success(f"{version.name} is deleted.")
