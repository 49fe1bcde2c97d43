"""What a run will cost: size, time and memory, measured in the background before the start."""

from typing import Any

import streamlit as st

from fer_core import runs
from fer_core.background import Task
from fer_core.errors import CancelledError, FerError
from fer_core.training import estimate
from fer_core.training.config import TrainConfig
from pages._dataset.state import Opened
from pages._train.state import duration


def show(config: TrainConfig, found: Opened) -> None:
    """Size, time and memory: from a measurement, which begins when there is none yet."""
    counts = found.decided().counts().sum()
    pictures = int(counts.get("train", 0)), int(counts.get("validation", 0))
    measured = estimate.known(config)
    if measured is None and runs.active():
        st.caption("What it will cost is measured once no run is training.")
    elif measured is None:
        _measure(config)
    else:
        forget()
        epoch = measured.epoch_seconds(*pictures)
        with st.container(horizontal=True):
            st.metric("Weights", f"{measured.parameters:,}", width="content")
            st.metric("An epoch, about", duration(epoch), width="content")
            st.metric("All epochs, about", duration(epoch * config.epochs), width="content")
            memory = measured.memory_megabytes(sum(pictures)) / 1000
            st.metric("Memory, about", f"{memory:.1f} GB", width="content")
        st.caption(
            f"Measured on this machine: {measured.images_per_second:,.0f} images/s on a few "
            "batches. Other programs that run slow it down."
        )


def _measure(config: TrainConfig) -> None:
    """Measure in the background; another config ends the measurement of the one before."""
    running = st.session_state.get("train_estimate")
    if running and running[0] != config:
        forget()
        running = None
    if running is None:

        def work(report: Any) -> estimate.Estimate:
            return estimate.ask(config, report)

        running = st.session_state["train_estimate"] = (config, Task("Measuring", work))
    _measuring()


@st.fragment(run_every=1.0)
def _measuring() -> None:
    running = st.session_state.get("train_estimate")
    if running is None:
        return
    task: Task = running[1]
    if not task.is_done():
        st.caption(
            ":material/hourglass_empty: Measuring size, time and memory on this machine. You can "
            "start without waiting for it."
        )
        return
    try:
        task.result()
    except CancelledError:
        pass
    except FerError as error:
        st.warning(str(error))
        return
    st.rerun()


def forget() -> None:
    """End a measurement that nobody waits for any more."""
    if running := st.session_state.pop("train_estimate", None):
        running[1].cancel()
