"""Show a run: its progress, curves and errors, and its model."""

import time
from datetime import datetime

import streamlit as st

from fer_core.errors import FerError
from fer_core.system.jobs import CANCEL, PAUSE, Job, State, duration, job
from fer_core.system.text import markdown
from fer_core.training import history, runs
from fer_core.training.runs import STOP, Run
from pages._components import notify
from pages._components.chart import show_table
from pages._components.glossary import definition
from pages._components.model import freeze_gc_once
from pages._train import charts, errors_view, model_view, plot
from pages._train.state import CHOSEN, labels

REFRESH_S = 0.5
WORDS = {
    State.QUEUED: ("starting", "blue"),
    State.RUNNING: ("training", "green"),
    State.PAUSED: ("paused", "orange"),
    State.FINISHED: ("finished", "green"),
    State.FAILED: ("failed", "red"),
    State.CANCELLED: ("stopped", "orange"),
    State.INTERRUPTED: ("interrupted", "orange"),
}
REQUESTS = {PAUSE: "Pausing …", STOP: "Stopping, then making a model of the best epoch …",
            CANCEL: "Stopping …"}  # fmt: skip
STEPS = ("Start TensorFlow", "Read the images", "Compile the first step", "Train", "Make the model")
STEP_OF_NOTE = {"Reading the images": 1, "Making the model": 4}


def show() -> None:
    run = _choose()
    if run is None:
        return
    if run.job.state.is_active:
        freeze_gc_once("train")
    _head(run)
    _controls(run)
    st.fragment(_moving, run_every=REFRESH_S if run.job.state.is_active else None)(run)
    with st.container():
        _notes(run)
    if run.has_model:
        model_view.show(run)
    if run.epochs:
        with st.container():  # one place, however much there is to say: the charts below stay
            _advice(run)
            _callbacks(run)
        _more_charts(run)
        errors_view.show(run)
    if not run.has_model:
        model_view.show(run)
    with st.expander("Config and log"):
        st.code(run.folder.config.read_text("utf-8"), language="yaml", height=240)
        st.code(run.job.log(6000) or "The log is empty.", language=None, height=240)


def _choose() -> Run | None:
    jobs = {job.name: job for job in runs.store().list()}
    if not jobs:
        st.info("There is no run yet. Start one under New run.")
        return None
    if st.session_state.get(CHOSEN) not in jobs:
        active = next((name for name, job in jobs.items() if job.state.is_active), None)
        st.session_state[CHOSEN] = active or next(iter(jobs))
    name = st.selectbox(
        "Run", list(jobs), key=CHOSEN, persist_state="session",
        format_func=labels(jobs.values()).get,
    )  # fmt: skip
    try:
        return runs.load(name)
    except FerError as error:
        st.error(markdown(str(error)))
        _discard_button(name)
        return None


def _head(run: Run) -> None:
    word, color = WORDS[run.job.state]
    top = run.best
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(word, color=color)
        st.metric("Epochs", f"{len(run.epochs)} of {run.config.epochs}", width="content")
        if top is not None:
            st.metric("Best accuracy", f"{top['val_accuracy']:.1%}", width="content",
                      help=f"On the validation split, after epoch {top['epoch'] + 1}.")  # fmt: skip
            st.metric("Macro-F1", f"{top['val_macro_f1']:.3f}", width="content",
                      help=definition("macro-f1"))  # fmt: skip
        if run.epochs:
            st.metric("Time of all epochs", duration(run.seconds), width="content")


def _controls(run: Run) -> None:
    name, state = run.job.name, run.job.state
    jobs = runs.store()
    with st.container(horizontal=True):
        if state.is_active:
            st.button(
                "Pause",
                icon=":material/pause:",
                on_click=notify.attempt,
                args=(jobs.ask, name, PAUSE),
                help="Saves in the middle of the epoch. Resuming equals never having paused.",
            )
            st.button(
                "Stop and keep the best",
                icon=":material/stop_circle:",
                on_click=notify.attempt,
                args=(jobs.ask, name, STOP),
                disabled=run.best is None,
                help="Ends the run now and makes a model of its best epoch.",
            )
            st.button(
                "Stop now",
                icon=":material/cancel:",
                on_click=notify.attempt,
                args=(jobs.ask, name, CANCEL),
                help="Ends it at once. The current epoch is lost; the run can be resumed.",
            )
        elif state.can_resume:
            st.button(
                "Resume",
                type="primary",
                icon=":material/play_arrow:",
                on_click=notify.attempt,
                args=(runs.resume, name),
            )
        _discard_button(name)


def _discard_button(name: str) -> None:
    with st.popover("Discard", icon=":material/delete:"):
        st.write(
            "Deletes the run with its metrics, weights and model. Copies of its model in use stay."
        )
        st.button("Discard for good", key="discard", on_click=_discard, args=(name,))


def _discard(name: str) -> None:
    notify.attempt(runs.discard, name, done="The run is deleted.")
    st.session_state.pop(CHOSEN, None)


def _moving(run: Run) -> None:
    """Draw the parts that change while it trains. A new epoch or state redraws the whole page."""
    try:
        current = runs.store().get(run.job.name)
    except FerError:
        st.rerun()
    if current.state != run.job.state or len(run.epochs) < _logged(run):
        st.rerun()
    epoch = run.folder.epoch_progress() if current.state.is_active else {}
    if epoch and epoch["epoch"] < len(run.epochs):
        epoch = {}  # of an epoch that has ended
    with st.container():  # also where it is empty: the charts keep their place and so their nodes
        _progress(run, current, epoch)
    if not run.epochs:
        if epoch:
            plot.show(charts.step_loss(epoch), f"{run.job.name}-steps", "Training loss by step")
        return
    left, right = st.columns(2, gap="medium")
    for column, key, make in ((left, "loss", charts.loss), (right, "accuracy", charts.accuracy)):
        with column:
            plot.show(make(run, epoch), f"{run.job.name}-{key}", f"{key.capitalize()} by epoch")


def _logged(run: Run) -> int:
    """Return the number of lines in ``metrics.jsonl``: cheaper than reading them."""
    try:
        return run.folder.metrics.read_bytes().count(b"\n")
    except OSError:
        return 0


def _progress(run: Run, current: Job, epoch: dict) -> None:
    """Draw the progress bar, the elapsed time and, before the first epoch ends, the steps."""
    if not current.state.is_active:
        return
    requested = REQUESTS.get(job.requested(current.folder), "")
    share, text = 0.0, f"{current.progress.note or 'Starting'} …"
    if current.progress.note == runs.TRAINING:
        number = min(len(run.epochs) + 1, run.config.epochs)
        text = f"Epoch {number} of {run.config.epochs}"
        if epoch:
            share = min(epoch["step"] / epoch["steps"], 1.0)
            text += f": step {epoch['step']:,} of {epoch['steps']:,}, {_pace(epoch)}"
        elif not run.epochs:
            text = "Compiling the first step …"
    st.progress(share, f"{requested or text} · {_elapsed(run, current)} since the start")
    if not run.epochs:
        st.caption(_steps(current, epoch))


def _pace(epoch: dict) -> str:
    if not epoch["images_per_second"]:
        return "compiled"
    pace = f"{epoch['images_per_second']:,.0f} images/s"
    seconds = epoch.get("seconds_left")
    return f"{pace}, about {duration(seconds)} left" if seconds else pace


def _elapsed(run: Run, current: Job) -> str:
    """Return the time since the run was started or resumed."""
    sessions = run.folder.sessions()
    resumed = sessions[-1]["started"] if len(sessions) > 1 else None
    start = datetime.fromisoformat(resumed).timestamp() if resumed else current.created
    return duration(max(time.time() - start, 0))


def _steps(current: Job, epoch: dict) -> str:
    """Return the steps before the first epoch ends, with marks for finished and current ones."""
    training = 3 if epoch else 2
    note = current.progress.note
    step = training if note == runs.TRAINING else STEP_OF_NOTE.get(note, 0)
    icons = [":material/check_circle:" if number < step else
             ":material/pending:" if number == step else ":material/circle:"
             for number in range(len(STEPS))]  # fmt: skip
    return " → ".join(f"{icon} {name}" for icon, name in zip(icons, STEPS, strict=True))


def _notes(run: Run) -> None:
    """Show why it ended, and what changed between its sessions."""
    if run.job.state is State.FAILED:
        st.error(markdown(run.job.message))
    elif run.job.state is State.INTERRUPTED:
        st.warning(
            "The process of this run ended without an error: the machine was restarted, memory ran "
            "out, or it was killed. Resume it; at most the current epoch is trained again."
        )
    if run.job.state is State.FINISHED and (text := history.ended_early(run.epochs, run.config)):
        st.info(text)
    for session in run.folder.sessions():
        if session.get("note"):
            st.info(markdown(session["note"]))
    for name in run.folder.source().get("unreadable", [])[:3]:
        st.caption(f":material/broken_image: {markdown(name)} could not be read and was left out.")


def _advice(run: Run) -> None:
    for text in history.advice(run.epochs, run.config):
        st.info(text, icon=":material/lightbulb:")


def _callbacks(run: Run) -> None:
    top = run.best
    words = [] if top is None else [f"best: epoch {top['epoch'] + 1}, {run.config.monitor} "
                                    f"{top[run.config.monitor]:.4f}"]  # fmt: skip
    words += [
        f"{wait.name}: waited {wait.waited} of {wait.patience} epochs"
        for wait in history.waiting(run.epochs, run.config)
    ]
    words.append(f"learning rate {run.epochs[-1]['learning_rate']:.2g}")
    st.caption(" · ".join(words))
    for text in history.drops(run.epochs, run.config):
        st.caption(f":material/trending_down: {text}")
    if resumed := history.resumed_epochs(run.epochs):
        st.caption(
            "Dashed lines: it was resumed before epoch "
            + ", ".join(str(epoch + 1) for epoch in resumed)
        )


def _more_charts(run: Run) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        plot.show(charts.recall(run), f"{run.job.name}-recall", "Recall of each class by epoch")
    with right:
        plot.show(charts.learning_rate(run), f"{run.job.name}-rate", "Learning rate by epoch")
    show_table(charts.table(run), "Metrics of every epoch")
