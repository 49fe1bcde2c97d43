"""Write the labelled faces as a dataset, and go on to a model of one's own."""

from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from fer_core import collect
from fer_core.collect import Collection, Limits, Plan, Recipe, Selection
from fer_core.collect.assemble import CARD
from fer_core.errors import FerError
from fer_core.system.parallel import Progress
from fer_core.system.text import markdown
from fer_core.training.presets import OWN_FACES
from pages._components import make_one
from pages._components.background import start
from pages._components.chart import show_chart
from pages._components.open_dataset import OpenDataset, open_made, show_opened
from pages._dataset import charts

WRITTEN = "make_written"
"""Session key of the dataset that was written last."""


def show(collection: Collection, selection: Selection, limits: Limits) -> None:
    """Show the plan, write the dataset, and offer what comes next."""
    written: Path | None = st.session_state.get(WRITTEN)
    if written and written.is_dir():
        _next(written)
    rule = st.selectbox(
        "Keep together",
        list(collect.RULES),
        format_func=lambda rule: collect.RULES[rule].split(":")[0].split(",")[0],
        key="person_rule",
        persist_state="session",
        help="Training, validation and test never share a near-duplicate, and share a person only "
        "where sequences are kept together.",
    )
    text = collect.RULES[rule]
    st.caption(f"{text[0].upper()}{text[1:]}.")
    recipe = Recipe(limits, st.session_state.get("keep_near", False), rule)
    try:
        plan = collect.make_plan(collection, recipe, selection)
    except FerError as error:
        st.error(markdown(str(error)))
        return
    _plan(plan)
    if plan.table.empty:
        st.info("Nothing is labelled yet. Label some faces first.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name of the dataset", collection.name, key="make_name", width=260)
        if st.button(
            "Write the dataset",
            type="primary",
            icon=":material/save:",
            key="make_write",
            disabled=not name.strip(),
        ):
            work = partial(_write, collection, plan, name.strip())
            start(
                "Writing the dataset",
                partial(open_made, work, None),
                _written,
                "images",
                inline=True,
            )
            st.rerun()


def _write(collection: Collection, plan: Plan, name: str, progress: Progress) -> Path:
    return collect.write(collection, plan, name, progress=progress)


def _written(dataset: OpenDataset) -> None:
    show_opened(dataset)
    st.session_state[WRITTEN] = dataset.index.root


def _plan(plan: Plan) -> None:
    counts = plan.counts
    st.subheader("Plan", anchor=False)
    totals = counts.sum()
    st.write(", ".join(f"{name} {int(total):,}" for name, total in totals.items()) + " images.")
    show_chart(
        charts.counts(counts.loc[:, totals > 0]),
        key="make_plan",
        alt="Images of each class and split",
    )
    for note in plan.notes:
        st.warning(note)
    if plan.left_out:
        st.caption(
            "Left out: " + ", ".join(f"{n:,} {reason}" for reason, n in plan.left_out.items()) + "."
        )
    with st.expander("As a table"):
        table = pd.concat([counts, counts.sum().to_frame("all").T])
        st.dataframe(table, alt="Images of each class and split")


def _next(folder: Path) -> None:
    with st.container(border=True, key="make_next"):
        st.success(f"{markdown(folder.name)} is written and open.", icon=":material/check:")
        with st.container(horizontal=True):
            if st.button(
                "Train on it", type="primary", icon=":material/model_training:", key="make_train"
            ):
                _leave()
                st.session_state["train_preset"] = OWN_FACES
                st.switch_page("pages/train.py")
            if st.button("Look at it", icon=":material/bar_chart:", key="make_look"):
                _leave()
                st.rerun()
            for label, pack, ending, use in (
                ("ZIP", collect.pack, "", "Opens here again, under Upload."),
                ("Hugging Face imagefolder", collect.pack_imagefolder, "-imagefolder", None),
            ):
                st.download_button(
                    label,
                    partial(pack, folder),
                    f"{folder.name}{ending}.zip",
                    "application/zip",
                    on_click="ignore",
                    icon=":material/download:",
                    help=use,
                )
        card = folder / CARD
        if card.is_file():
            with st.expander("Dataset card"):
                st.markdown(card.read_text("utf-8"))


def _leave() -> None:
    st.session_state.pop(make_one.KEY, None)
    st.session_state.pop(WRITTEN, None)
