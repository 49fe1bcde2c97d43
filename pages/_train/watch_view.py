"""Watch a run: how far it is, its curves, what it gets wrong, and what to do with it."""

import streamlit as st

from fer_core.errors import FerError
from fer_core.system.jobs import CANCEL, PAUSE, Job, State, duration, job
from fer_core.system.text import markdown
from fer_core.training import history, runs
from fer_core.training.runs import STOP, Run
from pages._components import notify
from pages._components.chart import show_table
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
ASKED = {PAUSE: "Pausing …", STOP: "Stopping, then making a model of the best …",
         CANCEL: "Stopping …"}  # fmt: skip


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
        _said(run)
    if run.epochs:
        with st.container():  # one place, however much there is to say: the charts below stay
            _advice(run)
            _callbacks(run)
        _more_charts(run)
        errors_view.show(run)
    model_view.show(run)
    with st.expander("Config and log"):
        st.code(run.folder.config.read_text("utf-8"), language="yaml", height=240)
        st.code(run.job.log(6000) or "Nothing was printed yet.", language=None, height=240)


def _choose() -> Run | None:
    known = {one.name: one for one in runs.store().list()}
    if not known:
        st.info("There is no run yet. Begin one under New run.")
        return None
    if st.session_state.get(CHOSEN) not in known:
        active = next((name for name, one in known.items() if one.state.is_active), None)
        st.session_state[CHOSEN] = active or next(iter(known))
    name = st.selectbox(
        "Run", list(known), key=CHOSEN, persist_state="session",
        format_func=labels(known.values()).get,
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
            st.metric("Its macro-F1", f"{top['val_macro_f1']:.3f}", width="content")
        st.metric("Trained for", duration(run.seconds), width="content")


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
                help="Ends it at once. The epoch that runs is lost; it can be resumed.",
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
            "Deletes the run with its figures, weights and model. Models that were put to use stay."
        )
        st.button("Discard it for good", key="discard", on_click=_discard, args=(name,))


def _discard(name: str) -> None:
    notify.attempt(runs.discard, name, done="The run is deleted.")
    st.session_state.pop(CHOSEN, None)


def _moving(run: Run) -> None:
    """What changes while it trains. A new epoch or state redraws the whole page."""
    try:
        now = runs.store().get(run.job.name)
    except FerError:
        st.rerun()
    if now.state != run.job.state or len(run.epochs) < _logged(run):
        st.rerun()
    far = run.folder.epoch_progress() if now.state.is_active else {}
    with st.container():  # also where it is empty: the charts keep their place and so their nodes
        _progress(run, now, far)
    if not run.epochs and not far:
        return
    left, right = st.columns(2, gap="medium")
    for place, key, make in ((left, "loss", charts.loss), (right, "accuracy", charts.accuracy)):
        with place:
            plot.show(make(run, far), f"{run.job.name}-{key}", f"{key.capitalize()} by epoch")


def _logged(run: Run) -> int:
    """Whole lines in ``metrics.jsonl``: cheaper than reading them."""
    try:
        return run.folder.metrics.read_bytes().count(b"\n")
    except OSError:
        return 0


def _progress(run: Run, now: Job, far: dict) -> None:
    if not now.state.is_active:
        return
    word = ASKED.get(job.asked(now.folder), "")
    if now.progress.note != runs.TRAINING or not far or far["epoch"] < len(run.epochs):
        st.progress(0.0, word or _beginning(run, now))
        return
    pace = f"{far['images_per_second']:,.0f} images/s" if far["images_per_second"] else "compiling"
    left = f", about {duration(far['seconds_left'])} left" if far.get("seconds_left") else ""
    st.progress(
        min(far["step"] / far["steps"], 1.0),
        word
        or f"Epoch {far['epoch'] + 1} of {far['epochs']}: step {far['step']:,} of "
        f"{far['steps']:,}, {pace}{left}",
    )


def _beginning(run: Run, now: Job) -> str:
    if now.progress.note != runs.TRAINING:
        return f"{now.progress.note or 'Starting'} …"
    if not run.epochs:
        return "Preparing the first batch …"
    return f"Epoch {min(len(run.epochs) + 1, run.config.epochs)} of {run.config.epochs}"


def _said(run: Run) -> None:
    """Why it ended, what was changed on the way."""
    if run.job.state is State.FAILED:
        st.error(markdown(run.job.message))
    elif run.job.state is State.INTERRUPTED:
        st.warning(
            "The process of this run ended without a word: the machine was restarted, or it was "
            "killed. Resume it; at most the epoch that ran is trained again."
        )
    if run.job.state is State.FINISHED and (text := history.ended_early(run.epochs, run.config)):
        st.info(text)
    for burst in run.folder.sessions():
        if burst.get("note"):
            st.info(markdown(burst["note"]))
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
        f"{one.name}: waited {one.waited} of {one.patience} epochs"
        for one in history.waiting(run.epochs, run.config)
    ]
    words.append(f"learning rate {run.epochs[-1]['learning_rate']:.2g}")
    st.caption(" · ".join(words))
    for text in history.drops(run.epochs, run.config):
        st.caption(f":material/trending_down: {text}")
    if seams := history.resumed_epochs(run.epochs):
        st.caption(
            "Dashed lines: it was taken up again before epoch "
            + ", ".join(str(epoch + 1) for epoch in seams)
        )


def _more_charts(run: Run) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        plot.show(charts.recall(run), f"{run.job.name}-recall", "Recall of each class by epoch")
    with right:
        plot.show(charts.learning_rate(run), f"{run.job.name}-rate", "Learning rate by epoch")
    show_table(charts.table(run), "Figures of every epoch")
