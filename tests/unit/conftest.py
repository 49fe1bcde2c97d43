"""Fixtures of the unit tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_core.images.codec import encode
from fer_core.recognition.pool import RecognizerPool
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
def uncompiled() -> Iterator[None]:
    """Compiling takes ten times as long as the trainings that use this do."""
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
