"""Tiny networks on few pictures, and a process in which they can be killed."""

import gc
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fer_core.training.arrays import Samples
from fer_core.training.config import Augmentation, TrainConfig
from fer_core.training.run_folder import RunFolder
from tests.conftest import ROOT

TINY = {
    "input_size": 32, "heads": ("fer2013",), "batch_size": 8, "learning_rate": 2e-3,
    "start": "scratch", "alpha": 0.35, "epochs": 4, "augmentation": Augmentation(webcam=0.3),
}  # fmt: skip


def config(architecture: str = "fernet", **more) -> TrainConfig:
    return TrainConfig(**{**TINY, "architecture": architecture, **more})


def samples(count: int, seed: int) -> Samples:
    """Pictures whose brightness tells the class, so that there is something to learn."""
    random = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % 7
    noise = random.normal(0, 25, (count, 32, 32, 1))
    pixels = np.clip(25 + 33 * labels[:, None, None, None] + noise, 0, 255).astype(np.uint8)
    return Samples(pixels, labels, None, None, tuple(f"{n}.png" for n in range(count)))


def data() -> dict[str, Samples]:
    return {"train": samples(16, 1), "validation": samples(14, 2)}


def one_convolution(scaled: Any, _config: TrainConfig) -> Any:
    """A backbone with each kind of state that training has, in few operations."""
    from keras import layers

    maps = layers.Conv2D(8, 5, strides=4, padding="same", use_bias=False, name="conv")(scaled)
    maps = layers.BatchNormalization(name="norm")(maps)
    return layers.Activation("relu", name="act")(maps)


@contextmanager
def fernet_as(backbone: Callable[[Any, TrainConfig], Any] = one_convolution) -> Iterator[None]:
    """Have ``fernet`` mean another backbone, for what holds of any network.

    Eagerly the real one takes a second an epoch and three to be built.
    """
    from fer_core.training import networks

    real = networks.BACKBONES["fernet"]
    networks.BACKBONES["fernet"] = backbone
    try:
        yield
    finally:
        networks.BACKBONES["fernet"] = real


@contextmanager
def files_are_closed() -> Iterator[None]:
    """No file is left to Python to be closed."""
    gc.collect()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    assert not [str(one.message) for one in seen if one.category is ResourceWarning]


class Zygote:
    """A process that has imported Keras and forks one that trains, each time it is asked.

    Its ``fernet`` is one convolution.

    Importing takes as long as a tiny training does, and forking spares it.
    """

    def __init__(self, graph: bool) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.training_kit", str(int(graph))], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._answer()

    def train(
        self, wanted: TrainConfig, folder: Path, *, resume: bool = False, die_in: int = -1
    ) -> int:
        """Begin to train; the number of the process. It kills itself within epoch ``die_in``."""
        file = folder.with_suffix(".yaml")
        wanted.save(file)
        return int(self._ask(f"train {file} {folder} {int(resume)} {die_in}"))

    def wait(self, pid: int) -> int:
        """Its exit status; negative where a signal ended it."""
        return int(self._ask(f"wait {pid}"))

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)

    def _ask(self, line: str) -> str:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        for line in self.process.stdout:
            if line.startswith("> "):
                return line[2:].strip()
        raise AssertionError("the process that trains is gone")


@contextmanager
def zygote(graph: bool) -> Iterator[Zygote]:
    one = Zygote(graph)
    try:
        yield one
    finally:
        one.close()


def wait_until(what: Callable[[], bool], pid: int, seconds: float = 600) -> bool:
    """Whether ``what`` came true before process ``pid`` ended."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if what():
            return True
        if not _runs(pid):
            return what()
        time.sleep(0.002)
    raise AssertionError("it takes too long")


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _serve() -> None:
    import tensorflow as tf

    from fer_core.training import loop  # noqa: F401  (before the forks)

    tf.config.run_functions_eagerly(sys.argv[1] == "0")
    with fernet_as(one_convolution):
        _answer_requests()


def _answer_requests() -> None:
    print("> ready", flush=True)
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "wait":
            status = os.waitpid(int(rest[0]), 0)[1]
            print(f"> {os.waitstatus_to_exitcode(status)}", flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            _train(Path(rest[0]), RunFolder(Path(rest[1])), rest[2] == "1", int(rest[3]))
            os._exit(0)
        print(f"> {pid}", flush=True)


def _train(file: Path, folder: RunFolder, resume: bool, die_in: int) -> None:
    from fer_core.training import loop
    from fer_core.training.callbacks import resume_state

    def die() -> str:
        if folder.state.exists() and resume_state.read(folder.state).epoch == die_in:
            os.kill(os.getpid(), signal.SIGKILL)
        return ""

    loop.train(TrainConfig.load(file), folder.root, data(), resume=resume, request=die)


if __name__ == "__main__":
    _serve()
