"""Fixtures of the unit tests."""

import signal
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from fer_core.images.codec import encode
from fer_core.recognition.pool import RecognizerPool
from fer_core.system import isolated
from tests import training_kit
from tests.clips import face_picture, wall


@pytest.fixture
def pool() -> RecognizerPool:
    """Two recognisers that share the work."""
    return RecognizerPool(2)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of six photos with a face, one without, a damaged one, and what is not looked at."""
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    for number in range(6):
        (folder / f"{number}.jpg").write_bytes(encode(face_picture(number)))
    (folder / "deeper" / "wall.PNG").write_bytes(encode(wall(0), ".png"))
    (folder / "bad.jpg").write_bytes(b"text")
    (folder / "._0.jpg").write_bytes(b"left by macOS")
    (folder / "notes.txt").write_text("not looked at")
    return folder


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """As in a terminal: tests that run in the background ignore it, and so would what they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def uncompiled() -> Iterator[None]:
    """Compiling takes ten times as long as the trainings that use this do."""
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def small_fernet() -> Iterator[None]:
    """``fernet`` is one convolution: for what holds of any network."""
    pytest.importorskip("tensorflow")
    with training_kit.fernet_as(training_kit.one_convolution):
        yield


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs in a process of its own runs here, where TensorFlow need not be imported anew.

    ``test_isolated`` and ``test_security`` are about that process.
    """

    def call(function: str, arguments: Mapping[str, Any], *_: object, **__: object) -> Any:
        module, _, name = function.partition(":")
        return getattr(import_module(module), name)(**arguments)

    monkeypatch.setattr(isolated, "call", call)
