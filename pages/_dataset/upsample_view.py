"""Upsample by augmentation: targets, ranges with a preview, before and after, apply, undo."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from fer_core import balance
from fer_core.balance import Plan, Recipe
from fer_core.balance.class_weights import class_weights
from fer_core.dataset import DatasetIndex, image_reading, store
from fer_core.errors import FerError
from fer_core.images import augment
from fer_core.images.augment import LIMITS, Spec
from fer_core.labels import EMOTIONS
from fer_core.system.jobs import duration
from fer_core.system.settings import settings
from pages._components import notify
from pages._components.background import start
from pages._components.chart import show_chart
from pages._components.gallery import enlarge, name, show_tiles
from pages._components.open_dataset import (
    OpenDataset,
    close,
    open_folder,
    show_opened,
    stored_datasets,
)
from pages._dataset import charts

PREVIEW_EDGE = 512
"""Larger pictures are previewed in a copy of this width, in pixels."""

WAYS = {
    "Largest": "largest",
    "Median": "median",
    "A number": "number",
    "By hand": "hand",
}
RANGES = {
    "flip": ("Mirrored, probability", 0.05),
    "rotation": ("Rotation, degrees either way", 1.0),
    "shift": ("Shift, share of the side", 0.01),
    "zoom": ("Zoom, share", 0.01),
    "brightness": ("Brightness, share of 255", 0.01),
    "contrast": ("Contrast, share", 0.05),
    "noise": ("Noise, grey values", 1.0),
    "erasing": ("Erased rectangle, probability", 0.05),
}


def show(dataset: OpenDataset) -> None:
    index = dataset.decided()
    counts = balance.train_counts(index)
    if not any(counts.values()):
        st.info("There are no training images to balance.")
        return
    st.write(
        "Classes with few training images get more of them, made from those they have. Only the "
        "training split changes; the result is a new dataset beside this one."
    )
    wanted = _plan(counts, str(index.root))
    if wanted is None:
        return
    show_chart(
        charts.before_after(wanted.counts, wanted.target_count), key="before_after",
        config={"displayModeBar": False},
        alt="Training images now and after. " + ", ".join(
            f"{n}: {wanted.counts[n]:,} to {wanted.target_count[n]:,}" for n in EMOTIONS
        ),
    )  # fmt: skip
    _cautions(wanted)
    spec = _ranges()
    _preview(index, spec)
    _apply(dataset, wanted, spec)
    _versions()


def _plan(counts: dict[str, int], of: str) -> Plan | None:
    """What is wanted of the dataset ``of``."""
    st.subheader("Targets", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        way = st.segmented_control(
            "Fill every class up to",
            list(WAYS),
            default="Largest",
            required=True,
            key="how_far",
            persist_state="session",
        )
        number = None
        if WAYS[way] == "number":
            most = max(counts.values())
            key = f"target_number-{of}"
            number = st.number_input("Images a class", 1, 1_000_000, most, key=key)
        undersample = st.toggle(
            "Cut larger classes down to the target",
            key="undersample",
            persist_state="session",
            help="Leaves images out of the new version, chosen by chance. Without it, classes "
            "above the target stay as they are.",
        )
    try:
        strategy = {"number": number, "hand": {}}.get(WAYS[way], WAYS[way])
        first = balance.plan(counts, strategy, undersample)
        key = f"{of}-{way}-{number}-{undersample}"
        return balance.plan(counts, _edited(first, key), undersample)
    except FerError as error:
        st.error(str(error))
        return None


def _edited(first: Plan, key: str) -> dict[str, int]:
    """The targets after the user's changes in the table."""
    table = pd.DataFrame(
        {
            "emotion": list(first.counts),
            "now": list(first.counts.values()),
            "target": list(first.target_count.values()),
        }
    )
    whole = st.column_config.NumberColumn(min_value=0, step=1, required=True)
    edited = st.data_editor(
        table, hide_index=True, disabled=["emotion", "now"], column_config={"target": whole},
        key=f"targets-{key}-{hash(str(first))}", alt="Target of each class",
    )  # fmt: skip
    st.caption("Double-click a target to change it.")
    return dict(zip(edited["emotion"], (int(n) for n in edited["target"]), strict=True))


def _cautions(wanted: Plan) -> None:
    strained = {
        n: wanted.target_count[n] / wanted.counts[n] for n in EMOTIONS if wanted.extra_count[n]
    }
    if strained:
        worst = max(strained, key=strained.__getitem__)
        st.info(
            "Upsampling shows the network the same faces more often in more guises. It adds no new "
            f"people, no new expressions, and repeats every wrong label: each {worst} image would "
            f"stand {strained[worst]:.1f} times in the new version.",
            icon=":material/lightbulb:",
        )
    with st.expander("Instead of upsampling: class weights"):
        st.write(
            "Weighting the loss has the same aim without a single new file. The training page can "
            "use these weights."
        )
        weights = class_weights(wanted.counts)
        rounded = {"emotion": list(weights), "weight": [round(w, 3) for w in weights.values()]}
        st.dataframe(pd.DataFrame(rounded), hide_index=True, alt="Class weights")


def _ranges() -> Spec:
    st.subheader("How the new images may differ", anchor=False)
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
        st.button("Another picture", key="preview_next", on_click=_count, args=("preview_row",))
        st.button("New seed", key="preview_new", on_click=_count, args=("preview_seed",),
                  icon=":material/casino:")  # fmt: skip
    rows = train[np.asarray(index.table["label"].iloc[train] == label)]
    row = int(rows[st.session_state.get("preview_row", 0) % len(rows)])
    try:
        picture = image_reading.read(index.path(row), PREVIEW_EDGE)
    except FerError as error:
        st.error(str(error))
        return
    steps = augment.operations(augment.draw(spec, 12, st.session_state.get("preview_seed", 0)))
    tiles = [picture, *(augment.apply(picture, step) for step in steps)]
    captions = ["original", *(str(number) for number in range(1, 13))]
    alts = [f"{name(index, row)}, {text}" for text in captions]
    show_tiles([enlarge(tile) for tile in tiles], alts, captions)


def _count(key: str) -> None:
    st.session_state[key] = st.session_state.get(key, 0) + 1


def _apply(dataset: OpenDataset, wanted: Plan, spec: Spec) -> None:
    st.subheader("Write the new version", anchor=False)
    if not settings().policy.may_store:
        st.info(
            "On this public page nothing is stored. Run FER Studio on your own machine to apply."
        )
        return
    index = dataset.decided()
    cost = balance.estimate(index, wanted)
    if cost.images:
        st.write(
            f"{cost.images:,} images to make: about {cost.bytes / 1e6:,.0f} MB on disk and "
            f"{duration(max(cost.seconds, 1))}."
        )
    if len(dataset.decisions):
        st.caption(
            f":material/rule: The new version holds the dataset as your {len(dataset.decisions):,} "
            "decisions leave it."
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = f"new-{index.root}-{len(stored_datasets())}"
        title = st.text_input("Name", balance.version_name(index), key=key)
        seed = st.number_input("Seed", 0, 2**31 - 1, 0, key="balance_seed", width=140)
        pressed = st.button(
            "Write it", type="primary", icon=":material/save:",
            disabled=not (wanted.changes_anything or len(dataset.decisions)),
        )  # fmt: skip
    if pressed:
        recipe = Recipe(wanted, spec, int(seed))
        free = store.free_name(title)
        start(
            "Making images", lambda report: balance.apply(index, recipe, free, None, report), _done
        )
        st.rerun()


def _done(folder: Path) -> None:
    notify.success(
        f"{folder.name} is written. It can be chosen for training, opened below, or deleted again."
    )


def _versions() -> None:
    kept = [one for one in stored_datasets() if one.is_version]
    if not kept:
        return
    st.subheader("Balanced versions", anchor=False)
    for one in kept:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{one.name}**", width="content")
            if st.button("Open", key=f"open-{one.name}"):
                start(f"Scanning {one.name}", partial(open_folder, one.folder), show_opened)
                st.rerun()
            st.button("Delete", key=f"delete-{one.name}", icon=":material/delete:",
                      on_click=_delete, args=(one,))  # fmt: skip


def _delete(version: store.Stored) -> None:
    try:
        store.delete_version(version)
        close(version.folder)
        notify.success(f"{version.name} is deleted.")
    except FerError as error:
        notify.error(str(error))
