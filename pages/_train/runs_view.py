"""All runs: figures, differences, curves of several, rename, delete, take in."""

from collections import Counter

import pandas as pd
import streamlit as st
from streamlit.column_config import NumberColumn

from fer_core.errors import FerError
from fer_core.system.jobs import duration
from fer_core.training import run_archive, runs
from fer_core.training.config import differences
from fer_core.training.runs import Run
from pages._components import notify
from pages._components.chart import show_chart
from pages._train import charts
from pages._train.state import labels, moment, watch
from pages._train.watch_view import WORDS


def show() -> None:
    known = {one.job.name: one for one in runs.all_runs()}
    if not known:
        st.info("There is no run yet. Begin one under New run, or take one in.")
    else:
        st.dataframe(
            _table(list(known.values())), hide_index=True, alt="All runs",
            column_config={"accuracy": NumberColumn(format="%.1f%%"),
                           "macro-F1": NumberColumn(format="%.3f")},
        )  # fmt: skip
        _one(known)
        _several(known)
    with st.expander("Take in a run from elsewhere", icon=":material/upload:"):
        file = st.file_uploader("ZIP of a run", ["zip"], key="run_zip")
        st.button("Take it in", disabled=file is None, on_click=_take_in, args=(file,))


def _table(known: list[Run]) -> pd.DataFrame:
    return pd.DataFrame([_row(run) for run in known])


def _row(run: Run) -> dict:
    top = run.best or {}
    return {
        "run": run.job.title,
        "state": WORDS[run.job.state][0],
        "network": run.config.architecture,
        "epochs": f"{len(run.epochs)} of {run.config.epochs}",
        "accuracy": 100 * top["val_accuracy"] if top else None,
        "macro-F1": top.get("val_macro_f1"),
        "duration": duration(run.seconds),
        "begun": moment(run.job.created),
    }


def _one(known: dict[str, Run]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Run",
            list(known),
            key="runs_one",
            width=400,
            format_func=labels(run.job for run in known.values()).get,
        )
        run = known[name]
        st.button("Watch", icon=":material/monitoring:", on_click=watch, args=(name,))
        with st.popover("Rename", icon=":material/edit:"):
            title = st.text_input("Title", run.job.title, key=f"title-{name}")
            st.button("Save", disabled=not title.strip(), on_click=notify.attempt,
                      args=(runs.store().rename, name, title.strip()))  # fmt: skip
        with st.popover("Delete", icon=":material/delete:"):
            st.write("Deletes the run with its figures, weights and model.")
            st.button("Delete it for good", on_click=_delete, args=(name,),
                      disabled=run.job.state.is_active)  # fmt: skip


def _delete(name: str) -> None:
    notify.attempt(runs.store().delete, name, done="The run is deleted.")


def _several(known: dict[str, Run]) -> None:
    if len(known) < 2:
        return
    st.subheader("Compare runs", anchor=False)
    chosen = st.multiselect(
        "Runs", list(known), list(known)[:2], key="runs_several", max_selections=6,
        format_func=labels(run.job for run in known.values()).get,
    )  # fmt: skip
    picked = _titled([known[name] for name in chosen])
    if not picked:
        return
    left, right = st.columns(2, gap="medium")
    for place, key, title in ((left, "val_accuracy", "validation accuracy"),
                              (right, "val_loss", "validation loss")):  # fmt: skip
        show_chart(charts.overlay(picked, key, title), place, key=f"overlay-{key}",
                           config=charts.QUIET, alt=f"{title} of the chosen runs")  # fmt: skip
    if len(picked) == 2:
        _differences(picked)


def _titled(picked: list[Run]) -> dict[str, Run]:
    """Each run by its title, or where two have the same by what tells them apart."""
    often, apart = Counter(run.job.title for run in picked), labels(run.job for run in picked)
    return {
        run.job.title if often[run.job.title] == 1 else apart[run.job.name]: run for run in picked
    }


def _differences(picked: dict[str, Run]) -> None:
    one, other = picked
    found = differences(picked[one].config, picked[other].config)
    if not found:
        st.caption("Both have the same config.")
        return
    rows = [{"field": name, one: str(a), other: str(b)} for name, a, b in found]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Fields that differ")


def _take_in(file) -> None:
    try:
        watch(run_archive.import_run(file, file.name).name)
    except FerError as error:
        notify.error(str(error))
