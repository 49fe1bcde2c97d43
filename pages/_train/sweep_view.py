"""A sweep: many runs with different settings, the poor ones stopped early."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.column_config import NumberColumn

from fer_core.cluster import connection
from fer_core.cluster.sweeps import store
from fer_core.cluster.sweeps.config import Range, SweepConfig
from fer_core.cluster.sweeps.store import Sweep, Trial
from fer_core.dataset.source import DatasetSource
from fer_core.errors import FerError
from fer_core.system.jobs import State, duration
from fer_core.system.text import markdown
from fer_core.training import runs
from fer_core.training.presets import PRESETS, fitted
from pages._components import dataset_bar, notify
from pages._components.background import finish_or_show
from pages._components.open_dataset import OpenDataset
from pages._train import config_form, new_run_view, sweep_chart
from pages._train.state import labels, watch
from pages._train.watch_view import WORDS

REFRESH_S = 2.0
CHOSEN, NEXT = "sweep_chosen", "sweep_next"
LOG = ("learning_rate", "weight_decay")
"""Fields whose orders of magnitude are tried evenly."""

OFFERED = (
    "learning_rate", "weight_decay", "dropout", "batch_size", "label_smoothing", "optimizer",
    "loss", "class_weights", "head_epochs", "train_from", "ema", "schedule", "input_size", "alpha",
    *(f"augmentation.{name}" for name in config_form.AUGMENTATION),
)  # fmt: skip


def show() -> None:
    sweeps = {job.name: job for job in store.store().list()}
    if started := st.session_state.pop(NEXT, None):
        st.session_state[CHOSEN] = started
    if sweeps:
        _watch(sweeps)
    with st.expander("New sweep", icon=":material/add:", expanded=not sweeps):
        st.write(
            "A sweep searches for good settings (hyperparameters): it trains the same network "
            "several times with settings drawn from ranges that you give, and stops poor trials "
            "early. Each trial is a run like any other."
        )
        if connection.is_installed():
            _new()
        else:
            st.info(f"{connection.MISSING} Then start FER Studio again.")


def _watch(sweeps: dict[str, Any]) -> None:
    if st.session_state.get(CHOSEN) not in sweeps:
        st.session_state[CHOSEN] = next(iter(sweeps))
    name = st.selectbox(
        "Sweep", list(sweeps), key=CHOSEN, persist_state="session",
        format_func=labels(sweeps.values()).get,
    )  # fmt: skip
    try:
        sweep = store.load(name)
    except FerError as error:
        st.error(markdown(str(error)))
        return
    is_active = sweep.job.state.is_active
    _controls(sweep)
    st.fragment(_results, run_every=REFRESH_S if is_active else None)(name, is_active)
    _choose_trial(_best_first(sweep.config, sweep.trials()))


def _controls(sweep: Sweep) -> None:
    name, state = sweep.job.name, sweep.job.state
    if state is State.FAILED:
        st.error(markdown(sweep.job.message))
    with st.container(horizontal=True, vertical_alignment="center"):
        word, color = WORDS[state]
        st.badge(word, color=color)
        if state.is_active:
            st.button("Stop", icon=":material/stop_circle:", on_click=notify.attempt,
                      args=(store.stop, name),
                      help="What was trained is kept, and the sweep can be resumed.")  # fmt: skip
        elif state.can_resume:
            st.button("Resume", type="primary", icon=":material/play_arrow:",
                      on_click=notify.attempt, args=(store.store().resume, name))  # fmt: skip
        if not state.is_active:
            with st.popover("Delete", icon=":material/delete:"):
                st.write("Forgets the sweep. Its trials stay under Runs.")
                st.button("Delete it", on_click=notify.attempt, args=(store.store().delete, name))


def _results(name: str, was_active: bool) -> None:
    """Progress, parallel coordinates and table. The end of the sweep redraws the whole page."""
    try:
        sweep = store.load(name)
    except FerError:
        st.rerun()
    if sweep.job.state.is_active != was_active:
        st.rerun()
    now, trials = sweep.job.progress, sweep.trials()
    if was_active:
        left = "" if now.seconds_left is None else f", at most {duration(now.seconds_left)} left"
        st.progress(now.share, f"{now.note or 'Starting'}{left if now.done else ''}")
    trained = [trial for trial in trials if trial.best is not None]
    if len(trained) > 1:
        st.plotly_chart(
            sweep_chart.parallel(sweep.config, trained), key=f"parallel-{name}",
            config={"displayModeBar": False}, alt="Each trial's settings and its best figure",
        )  # fmt: skip
        st.caption("A line is a trial. Drag along an axis to keep only the lines that cross there.")
    st.dataframe(
        _table(sweep.config, trials), hide_index=True, alt="The trials, best first",
        column_config={sweep.config.monitor: NumberColumn("best", format="%.3f")},
    )  # fmt: skip


def _table(config: SweepConfig, trials: Sequence[Trial]) -> pd.DataFrame:
    rows = [
        {"trial": trial.number + 1, "state": trial.word, config.monitor: trial.best,
         "epochs": len(trial.run.epochs) if trial.run else 0}
        | {title(field): trial.tried[field] for field in config.fields}
        for trial in _best_first(config, trials)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _best_first(config: SweepConfig, trials: Sequence[Trial]) -> list[Trial]:
    """Sort the trials; those without a metric come last."""
    sign = 1 if config.monitor.endswith("loss") else -1
    return sorted(trials, key=lambda trial: (trial.best is None, sign * (trial.best or 0)))


def _choose_trial(trials: Sequence[Trial]) -> None:
    trained = {trial.number: trial.run for trial in trials if trial.run}
    if not trained:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox("Trial", list(trained), format_func=lambda n: trained[n].job.title,
                              key="sweep_trial", width=420)  # fmt: skip
        st.button("Open", icon=":material/monitoring:", on_click=watch,
                  args=(trained[number].job.name,))  # fmt: skip


def _new() -> None:
    finish_or_show()
    data = dataset_bar.show(
        "Open the demo to try a sweep, or a dataset of your own.", True, opens_last=True
    )
    if data is None:
        return
    source = new_run_view.dataset(data)
    if source is not None:
        _choose(data, source)


def _choose(data: OpenDataset, source: DatasetSource) -> None:
    presets = list(PRESETS)
    preset = st.selectbox(
        "Starts from", presets, presets.index("Quick look"), key="sweep_preset"
    )  # fmt: skip
    base = fitted(PRESETS[preset].config, data.index.votes is not None)
    tried = st.multiselect("What to try", OFFERED, ["learning_rate", "dropout"], format_func=title,
                           key="sweep_fields")  # fmt: skip
    cores = os.cpu_count() or 1
    with st.grid(min_column_width=170, gap="medium"):
        trials = st.number_input("Trials", 2, 64, 8, key="sweep_trials")
        epochs = st.number_input("Epochs at most", 1, 1000, base.epochs, key=f"sweep-{preset}")
        parallel = st.number_input(
            "At the same time", 1, max(cores, 1), min(2, cores), key="sweep_at_once",
            help="Each takes a core of this machine.",
        )  # fmt: skip
    base = replace(base, epochs=int(epochs), head_epochs=min(base.head_epochs, int(epochs) - 1))
    ranges = {name: _range_of(name, _value(base.to_dict(), name), preset) for name in tried}
    suggested_title = f"Sweep on {Path(source.data).name}"
    name = st.text_input("Title", suggested_title, key=f"sweep_title-{source.data}")
    now = runs.active()
    if now:
        st.caption(f"{markdown(now.title)} is training. Pause or stop it to begin a sweep.")
    if st.button("Start the sweep", type="primary", icon=":material/play_arrow:",
                 disabled=bool(now) or not tried or not name.strip()):  # fmt: skip
        try:
            config = SweepConfig(
                name.strip(), source, ranges, base.to_dict(), trials=int(trials),
                parallel_trials=int(parallel),
            )  # fmt: skip
            st.session_state[NEXT] = store.start(config).name
        except FerError as error:
            notify.error(str(error))
        st.rerun()


def _range_of(name: str, value: Any, preset: str) -> Range | tuple[Any, ...]:
    """Show widgets for the values of a field to try; return them."""
    field = config_form.FIELDS.get(name) or config_form.AUGMENTATION[name.rpartition(".")[2]]
    key = f"sweep-{preset}-{name}"
    if field.choices:
        return tuple(st.multiselect(title(name), field.choices, field.choices, key=key)) or (value,)
    if field.kind is bool:
        return (False, True)
    low, high = field.low, 1e9 if field.high is None else field.high
    start, end = (value / 5, value * 5) if name in LOG else (value / 2, value * 2 or 0.5)
    left, right = st.columns(2, gap="medium")
    help_text = field.help
    if field.kind is int:
        first = left.number_input(f"{title(name)} from", int(low), int(high),
                                  max(int(start), int(low)), key=key)  # fmt: skip
        last = right.number_input("to", int(low), int(high), min(int(end), int(high)),
                                  key=f"{key}-to", help=help_text)  # fmt: skip
    else:
        first = left.number_input(f"{title(name)} from", float(low), float(high),
                                  max(start, float(low)), format="%g", key=key)  # fmt: skip
        last = right.number_input("to", float(low), float(high), min(end, float(high)), format="%g",
                                  key=f"{key}-to", help=help_text)  # fmt: skip
    return Range(float(min(first, last)), float(max(first, last)), name in LOG and first > 0)


def _value(values: dict[str, Any], name: str) -> Any:
    outer, _, inner = name.rpartition(".")
    return values[outer][inner] if outer else values[inner]


def title(name: str) -> str:
    """Return the name of a field for users."""
    return config_form.TITLES.get(name.rpartition(".")[2], name)
