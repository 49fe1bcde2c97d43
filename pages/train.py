"""Train: fine-tune a network, follow it, leave, come back, and use its model."""

import streamlit as st

from fer_core.system.extras import TRAINING_COMMAND, training_available
from fer_core.system.settings import settings
from fer_core.training import runs
from pages._components import notify
from pages._components.steps import show_steps
from pages._train import example_view, new_run_view, runs_view, state, sweep_view, watch_view

PARTS = {
    state.NEW: new_run_view.show,
    state.WATCH: watch_view.show,
    state.LIST: runs_view.show,
    state.SWEEP: sweep_view.show,
}


def show_training() -> None:
    """Show the part of the page that is chosen."""
    st.write(
        "Train a network on your own images. A run continues when you leave this page, close the "
        "browser or restart the server, and it can be paused and resumed at any time."
    )
    if not runs.active() and (reason := runs.memory_shortage()):
        st.warning(f"Training {reason}. Finished runs can be seen here.", icon=":material/memory:")
    with st.container():  # also where it is empty: what follows keeps its place
        notify.show()
    if name := st.session_state.pop("train_next", None):
        state.watch(name)
    if state.PART not in st.session_state:
        st.session_state[state.PART] = state.first_part()
    part = st.segmented_control(
        "Part", list(PARTS), required=True, key=state.PART, persist_state="session",
        label_visibility="collapsed", format_func=lambda part: state.TITLES.get(part, part),
    )  # fmt: skip
    PARTS[part]()
    if part in (state.NEW, state.WATCH):
        runs.prepare()


st.title("Train", anchor=False)
show_steps("Train")
if not settings().policy.may_train:
    st.info(
        "Training needs a machine of its own, so it is not possible on this public page. On your "
        "own computer, `make app` in the folder of FER Studio's repository starts these pages with "
        "training. Its notebook, notebooks/train_on_colab.ipynb, trains on a hosted GPU.",
        icon=":material/computer:",
    )
    example_view.show()
elif not training_available():
    st.info(
        "Training needs TensorFlow, which is not installed. Install it in the folder of FER "
        "Studio's repository, then start FER Studio again.",
        icon=":material/download:",
    )
    st.code(TRAINING_COMMAND, language="shell")
else:
    show_training()
