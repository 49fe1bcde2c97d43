"""Disks that fill up while something is written: said at once, and no half file is left.

The system itself refuses to write on, at a size that the test sets.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest

from fer_core.bulk import writers
from fer_core.cli.main import main
from fer_core.collect import Face, open_or_create
from fer_core.collect.collection import Suggester
from fer_core.errors import DatasetError
from fer_core.images.boxes import Box
from fer_core.images.yuv import from_rgb
from fer_core.live.recorder import Recorder
from fer_core.recognition import Detection
from fer_core.recognition.results import Origin, table, warning_row
from fer_core.system import files, temp_folders
from pages._live.state import Viewer
from tests.clips import make_clip, wall

resource = pytest.importorskip("resource")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow above ``size`` bytes in this block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    sys.dont_write_bytecode = True  # Python would not notice that it wrote half of a file
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = False


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def test_a_recording_says_it_at_once_and_keeps_its_table() -> None:
    recorder = Recorder()
    with largest_file(200_000):
        for step in range(300):
            recorder.add_frame(from_rgb(noise(step, 240, 320, 3)), step / 30)
            recorder.add_result([], step, step / 30, "yunet")
            if not recorder.state.running:
                break
            time.sleep(0.01)
    assert step < 299, "nobody pressed Stop"
    assert recorder.state.error == "The clip could not be written: File too large. Free some space."
    recorder.stop()
    assert len(pd.read_csv(recorder.csv)) == recorder.state.rows > 0
    if recorder.mp4.exists():  # then it plays
        with av.open(str(recorder.mp4)) as clip:
            assert len(list(clip.decode(video=0))) > 0
    recorder.delete()


def test_a_recording_that_cannot_be_started_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Live:
        record = staticmethod(Recorder)

    viewer = Viewer()
    with monkeypatch.context() as patch:
        patch.setattr(temp_folders, "_root", lambda: tmp_path / "gone")
        viewer.record(Live())
    assert viewer.recorder is None
    assert viewer.record_error.startswith("The recording did not start: No such file")
    viewer.record(Live())
    assert viewer.record_error == ""
    viewer.delete_recording()


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_a_table_is_complete_or_as_it_was(tmp_path: Path, suffix: str) -> None:
    random = np.random.default_rng(0)
    names = [random.bytes(40).hex() for _ in range(1000)]
    rows = table([warning_row(Origin(name), name, "yunet") for name in names])
    target, errors = tmp_path / f"t{suffix}", tmp_path / "errors.csv"
    target.write_bytes(b"the table before")
    with largest_file(60_000), pytest.raises(OSError, match="File too large"):
        writers.write([rows, rows], [target], errors)
    assert [file.name for file in tmp_path.iterdir()] == [target.name]
    assert target.read_bytes() == b"the table before"
    writers.write([rows], [target], errors)
    with largest_file(60_000), pytest.raises(OSError, match="File too large"):
        writers.write([rows], [tmp_path / "other.csv"], errors)
    assert len(pd.read_csv(errors)) == 1000


def test_watch_names_the_table_and_keeps_the_rows_before(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    clip, out = make_clip(tmp_path / "clip.mp4", 30, picture=wall), tmp_path / "seen.csv"
    with largest_file(600):
        assert main(["watch", str(clip), "--detector", "haar", "--out", str(out)]) == 2
    assert f"{out} cannot be written (File too large)" in capfd.readouterr().err
    assert len(pd.read_csv(out, on_bad_lines="skip")) >= 1


def test_a_collection_is_as_it_was(tmp_path: Path) -> None:
    collection, suggester = open_or_create("mine", tmp_path), Suggester("m", "fer2013", "haar")
    even, detection = np.full(7, 1 / 7, np.float32), Detection(Box(0, 0, 90, 90), 0.9)
    faces = [Face(noise(n, 48, 48), "photo", "a.jpg", "a", detection, even) for n in range(3)]
    collection.add(faces[:1], suggester)
    with largest_file(500), pytest.raises(DatasetError, match=r"mine cannot be written \(File too"):
        collection.add(faces[1:], suggester)
    assert len(collection.faces()) == 1
    collection.add(faces[1:], suggester)
    assert len(collection.faces()) == 3
    assert len(list((collection.folder / "crops").iterdir())) == 3


def test_an_export_is_named_and_leaves_no_half(tmp_path: Path) -> None:
    file = tmp_path / "dataset.zip"
    with largest_file(1000), pytest.raises(OSError, match="File too large") as caught:
        files.write_bytes(file, bytes(5000))
    assert caught.value.filename == str(file)
    assert list(tmp_path.iterdir()) == []
