"""All runs: metrics, differences, curves, rename, delete, import."""

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
from pages._train.state import date_of, labels, watch
from pages._train.watch_view import WORDS


def show() -> None:
    by_name = {run.job.name: run for run in runs.all_runs()}
    if not by_name:
        st.info("There is no run yet. Start one under New run, or import one.")
    else:
        st.dataframe(
            _table(list(by_name.values())), hide_index=True, alt="All runs",
            column_config={"accuracy": NumberColumn(format="%.1f%%"),
                           "macro-F1": NumberColumn(format="%.3f")},
        )  # fmt: skip
        _manage(by_name)
        _compare(by_name)
    with st.expander("Import a run from another machine", icon=":material/upload:"):
        file = st.file_uploader("ZIP of a run", ["zip"], key="run_zip")
        st.button("Import", disabled=file is None, on_click=_import_run, args=(file,))


def _table(all_runs: list[Run]) -> pd.DataFrame:
    return pd.DataFrame([_row(run) for run in all_runs])


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
        "started": date_of(run.job.created),
    }


def _manage(by_name: dict[str, Run]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Run",
            list(by_name),
            key="runs_one",
            width=400,
            format_func=labels(run.job for run in by_name.values()).get,
        )
        run = by_name[name]
        st.button("Open", icon=":material/monitoring:", on_click=watch, args=(name,))
        with st.popover("Rename", icon=":material/edit:"):
            title = st.text_input("Title", run.job.title, key=f"title-{name}")
            st.button("Save", disabled=not title.strip(), on_click=notify.attempt,
                      args=(runs.store().rename, name, title.strip()))  # fmt: skip
        with st.popover("Delete", icon=":material/delete:"):
            st.write("Deletes the run with its metrics, weights and model.")
            st.button("Delete for good", on_click=_delete, args=(name,),
                      disabled=run.job.state.is_active)  # fmt: skip


def _delete(name: str) -> None:
    notify.attempt(runs.store().delete, name, done="The run is deleted.")


def _compare(by_name: dict[str, Run]) -> None:
    if len(by_name) < 2:
        return
    st.subheader("Compare runs", anchor=False)
    names = st.multiselect(
        "Runs", list(by_name), list(by_name)[:2], key="runs_several", max_selections=6,
        format_func=labels(run.job for run in by_name.values()).get,
    )  # fmt: skip
    selected = _titled([by_name[name] for name in names])
    if not selected:
        return
    left, right = st.columns(2, gap="medium")
    for column, key, title in ((left, "val_accuracy", "validation accuracy"),
                              (right, "val_loss", "validation loss")):  # fmt: skip
        show_chart(charts.overlay(selected, key, title), column, key=f"overlay-{key}",
                           config=charts.QUIET, alt=f"{title} of the selected runs")  # fmt: skip
    if len(selected) == 2:
        _differences(selected)


def _titled(selected: list[Run]) -> dict[str, Run]:
    """Return each run by its title, or by a longer label where two have the same."""
    counts, long = Counter(run.job.title for run in selected), labels(run.job for run in selected)
    return {
        run.job.title if counts[run.job.title] == 1 else long[run.job.name]: run for run in selected
    }


def _differences(selected: dict[str, Run]) -> None:
    first, second = selected
    fields = differences(selected[first].config, selected[second].config)
    if not fields:
        st.caption("Both have the same config.")
        return
    rows = [{"field": name, first: str(a), second: str(b)} for name, a, b in fields]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Fields that differ")


def _import_run(file) -> None:
    try:
        watch(run_archive.import_run(file, file.name).name)
    except FerError as error:
        notify.error(str(error))
