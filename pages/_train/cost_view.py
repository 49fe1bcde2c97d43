"""Size, time and memory of a run, measured in the background before it starts."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import streamlit as st

from fer_core.errors import CancelledError, FerError
from fer_core.system.background_task import Task
from fer_core.system.jobs import duration
from fer_core.system.text import markdown
from fer_core.training import estimate, runs
from fer_core.training.config import TrainConfig
from fer_core.training.estimate import Estimate
from pages._components.open_dataset import OpenDataset


def image_counts(data: OpenDataset) -> tuple[int, int]:
    """Return the numbers of training and validation images."""
    counts = data.decided().counts().sum()
    return int(counts.get("train", 0)), int(counts.get("validation", 0))


def expected(config: TrainConfig, counts: tuple[int, int]) -> str:
    """Return the time of a run as words for a card; empty where it was not measured."""
    measured = estimate.cached(config)
    if measured is None:
        return ""
    return f", about {duration(measured.epoch_seconds(*counts) * config.epochs)} here"


def measured_bytes(config: TrainConfig) -> int:
    """Return the memory of a run without its images; 0 where it was not measured."""
    measured = estimate.cached(config)
    return round(measured.megabytes * 1e6) if measured else 0


def show(config: TrainConfig, data: OpenDataset) -> None:
    """Show size, time and memory; measure them where there is no measurement yet."""
    counts = image_counts(data)
    measured = estimate.cached(config) or measurement().result(config)
    if measured is None and runs.active():
        st.caption("Time and memory are measured once no run is training.")
    elif measured is None:
        # TensorFlow takes both cores for a while: not for a visitor who only looks around.
        is_asked = not data.is_automatic or measurement().task is not None
        if is_asked or st.button("Measure time and memory", icon=":material/timer:"):
            measurement().start(config)
            _measuring()
    else:
        if measurement().config != config:
            measurement().end()
        epoch = measured.epoch_seconds(*counts)
        with st.container(horizontal=True):
            st.metric("Parameters", f"{measured.parameters:,}", width="content")
            st.metric("One epoch, about", duration(epoch), width="content")
            st.metric("All epochs, about", duration(epoch * config.epochs), width="content")
            memory = measured.memory_megabytes(sum(counts))
            st.metric("Memory, about", f"{memory / 1000:.1f} GB", width="content")
        if not runs.active() and (reason := runs.memory_shortage(round(memory * 1e6))):
            st.warning(f"This run {reason}. Choose a smaller network, batch or dataset.")
        st.caption(
            f"Measured on this machine: {measured.images_per_second:,.0f} images/s on a few "
            "batches. Other programs that run slow it down."
        )


@dataclass
class Measurement:
    """The one measurement of a visitor.

    It is kept before it starts: a rerun may break in at any use of the session's state, and would
    leave a process behind that nobody knows of.
    """

    config: TrainConfig | None = None
    task: Task[Estimate] | None = None

    def start(self, config: TrainConfig) -> None:
        """Measure ``config``, unless that is what is being measured."""
        if self.config == config:
            return
        self.end()
        self.config = config
        self.task = Task("Measuring", partial(estimate.estimate, config))

    def end(self) -> None:
        """Cancel the measurement."""
        if self.task:
            self.task.cancel()
        self.config = self.task = None

    def result(self, config: TrainConfig) -> Estimate | None:
        """Return the measurement, also where it could not be stored."""
        if self.task is None or self.config != config or not self.task.is_done():
            return None
        with suppress(FerError):
            return self.task.result()
        return None


def measurement() -> Measurement:
    return st.session_state.setdefault("train_measurement", Measurement())


@st.fragment(run_every=1.0)
def _measuring() -> None:
    task = measurement().task
    if task is None:
        return
    if not task.is_done():
        st.caption(
            ":material/hourglass_empty: Measuring size, time and memory on this machine. You can "
            "start without waiting for it."
        )
        return
    try:
        task.result()
    except CancelledError:
        return
    except FerError as error:
        st.warning(markdown(str(error)))
        return
    st.rerun()
