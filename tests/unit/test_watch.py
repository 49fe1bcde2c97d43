"""The watch command: a file, a stream that ends, and a clean stop."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import pandas as pd
import pytest

from fer_core.cli.main import main
from fer_core.live import capture
from fer_core.recognition.results import RESULT_COLUMNS
from tests.clips import face_picture, make_clip, wall


def test_a_file_is_watched_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    clip = make_clip(
        tmp_path / "clip.mp4", 60, picture=lambda n: face_picture(n) if n < 40 else wall(n)
    )
    assert main(["watch", str(clip), "--out", str(tmp_path / "seen.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("s")[0].strip() for line in lines[:-1]] == ["0", "1", "2"]
    assert re.search(r"person 1: \w+ \d+%", lines[0])
    assert "no face" in lines[2]
    assert lines[-1].startswith("60 frames, ")
    table = pd.read_csv(tmp_path / "seen.csv")
    assert tuple(table.columns) == RESULT_COLUMNS
    assert sorted(set(table.frame)) == list(range(1, 61))
    assert table.time_s.iloc[-1] == pytest.approx(59 / 25, abs=0.05)
    assert table.x1.isna().iloc[-1]


def test_of_a_camera_the_newest_picture_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", 30)
    real = cv2.VideoCapture
    monkeypatch.setattr(capture.cv2, "VideoCapture", lambda _: real(str(clip)))
    assert main(["watch", "0", "--out", str(tmp_path / "seen.csv")]) == 0
    table = pd.read_csv(tmp_path / "seen.csv")
    assert 1 <= len(table) <= 30
    assert table.frame.is_monotonic_increasing
    assert set(table.source) == {0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["gone.mp4"], "cannot be opened"), (["9" * 20], "cannot be opened"),
     (["{clip}", "--out", "seen.json"], "must be a .csv file")],
)  # fmt: skip
def test_mistakes_get_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture, arguments: list, message: str
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", 2)
    assert main(["watch", *(a.format(clip=clip) for a in arguments)]) == 2
    assert message in capsys.readouterr().err


LONG = 1500
"""Frames that take much longer than the start of the command."""


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("watch") / "long.mp4"
    return make_clip(file, times=[n / 5 for n in range(LONG)], picture=wall)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_cleanly(tmp_path: Path, long_clip: Path, number: int, ctrl_c: None) -> None:
    out = tmp_path / "seen.csv"
    process = subprocess.Popen(
        [sys.executable, "-m", "fer_core", "watch", long_clip, "--out", out],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "."},
    )  # fmt: skip
    assert process.stdout.readline()
    process.send_signal(number)
    said, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert "Traceback" not in error
    pictures = int(re.search(r"([\d,]+) frames?, 0 faces", said)[1].replace(",", ""))
    assert pictures < LONG, "it went on to the end"
    assert len(pd.read_csv(out)) == pictures
