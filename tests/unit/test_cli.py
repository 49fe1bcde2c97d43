import json
import os
import shutil
import subprocess
import sys
import unicodedata
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer_core.cli.main import main
from fer_core.images.codec import encode
from fer_core.models import registry
from fer_core.models.card import LITERT_FILE
from fer_core.system.files import write_json
from tests.conftest import ROOT


@pytest.fixture
def folder(tmp_path: Path, astronaut: np.ndarray) -> Path:
    photos = tmp_path / "photos"
    (photos / "deep er").mkdir(parents=True)
    (photos / "a.jpg").write_bytes(encode(astronaut))
    (photos / "deep er" / "ünïcode.png").write_bytes(encode(astronaut[::2, ::2], ".png"))
    (photos / "notes.txt").write_text("not looked at")
    return photos


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_classify_a_folder(folder: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"faces{suffix}"
    assert main(["classify", str(folder), "--out", str(out)]) == 0
    reader = {".csv": pd.read_csv, ".json": pd.read_json, ".parquet": pd.read_parquet}[suffix]
    table = reader(out)
    assert table.emotion.tolist() == ["happy", "happy"]
    assert [Path(source).name for source in table.source] == ["a.jpg", "ünïcode.png"]


def test_bad_files_are_rows_and_the_rest_still_runs(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (folder / "bad.jpg").write_bytes(b"text")
    out = tmp_path / "faces.csv"
    assert main(["classify", str(folder), str(folder / "gone.jpg"), "--out", str(out)]) == 1
    table = pd.read_csv(out)
    assert len(table) == 4
    assert table.error.notna().sum() == 2
    said = capsys.readouterr()
    assert "bad.jpg: not an image" in said.err
    assert "gone.jpg: cannot be read" in said.err
    assert "4 files, 2 faces, 2 errors" in said.out


def test_a_call_that_reads_nothing_ends_with_2_and_says_what_it_replaces(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = str(tmp_path / "faces.csv")
    assert main(["classify", str(tmp_path / "gone.jpg"), "--out", out]) == 2
    said = capsys.readouterr()
    assert said.out == f"1 file, 0 faces, 1 error: {out}\n"
    assert "replaced" not in said.err
    assert main(["classify", str(folder / "a.jpg"), "--out", out]) == 0
    said = capsys.readouterr()
    assert f"The earlier results in {out} are replaced." in said.err
    assert said.out.splitlines() == [
        f"1 file, 1 face, 0 errors: {out}",
        "Probabilities are averages of each face and its mirror image.",
    ]


def test_a_photo_that_lost_its_end_is_read_with_a_warning(
    folder: Path, tmp_path: Path, astronaut: np.ndarray, capsys: pytest.CaptureFixture
) -> None:
    (folder / "cut.jpg").write_bytes(encode(astronaut)[:-2000])
    out = tmp_path / "faces.csv"
    assert main(["classify", str(folder), "--out", str(out)]) == 0
    table = pd.read_csv(out)
    assert table[table.source.str.endswith("cut.jpg")].emotion.fillna("").tolist() == ["happy", ""]
    output = capsys.readouterr()
    assert "3 files, 3 faces, 0 errors, 1 read in part" in output.out
    assert "cut.jpg: the end of the file is missing" in output.err
    (wrong,) = pd.read_csv(f"{out}.errors.csv").itertuples()
    assert wrong.source.endswith("cut.jpg")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["classify", "{photos}", "--out", "faces.xlsx"], ".csv, .json, .parquet"),
        (["classify", "{empty}", "--out", "faces.csv"], "No images"),
        (["classify", "{photos}", "--out", "faces.csv", "--model", "nope"], "no model 'nope'"),
        (["classify", "{photos}", "--out", "faces.csv", "--workers", "0"], "--workers must be 1"),
        (["classify", "{photos}", "--out", "faces.csv", "--every", "0"], "step >= 1"),
        (["classify", "{photos}", "--out", "faces.csv", "--reading", "nope"], "'nope'"),
        (["models", "show", "nope"], "no model 'nope'"),
        (["models", "promote", "nope"], "no model 'nope'"),
    ],
)
def test_mistakes_get_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture, arguments: list, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    filled = [a.format(photos=folder, empty=tmp_path / "empty") for a in arguments]
    assert main(filled) == 2
    assert message in capsys.readouterr().err


def test_ctrl_c_gets_a_word(capsys: pytest.CaptureFixture, monkeypatch) -> None:
    def stop() -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "default_model", stop)
    assert main(["models", "list"]) == 130
    assert capsys.readouterr().err == "Stopped.\n"


def test_whoever_reads_may_go() -> None:
    command = [sys.executable, "-u", "-m", "fer_core", "models", "show", "mobilenetv2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == b""


def test_models_are_listed_with_the_default_marked(capsys: pytest.CaptureFixture) -> None:
    assert main(["models", "list"]) == 0
    assert "* mobilenetv2" in capsys.readouterr().out
    assert main(["models", "promote", "mobilenetv2"]) == 0
    assert main(["models", "show", "mobilenetv2"]) == 0
    assert json.loads(capsys.readouterr().out.split("\n", 1)[1])["labels"][0] == "angry"


def test_export_re_creates_what_the_keras_file_says(
    tmp_path: Path, astronaut: np.ndarray, capsys: pytest.CaptureFixture
) -> None:
    """The Keras file and its export agree within 1e-3, on noise and on a real face."""
    import keras

    from fer_core import EmotionClassifier
    from fer_core.images.crop import network_input
    from fer_core.models.softmax import softmax

    folder = Path(shutil.copytree(registry.SHIPPED / "fernet", tmp_path / "copied"))
    (folder / LITERT_FILE).write_bytes(b"damaged")
    assert main(["models", "export", str(folder)]) == 0
    noise = np.random.default_rng(3).integers(0, 256, (6, 96, 96, 3), np.uint8)
    crops = [*noise, np.ascontiguousarray(astronaut[65:195, 160:290])]
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    for head in ("fer2013", "ferplus"):
        classifier = EmotionClassifier.load(folder, head)
        card = classifier.card
        logits = model(network_input(crops, card.input_size, card.channels), training=False)
        expected = softmax(np.array(logits[head]) / card.heads[head].temperature)
        np.testing.assert_allclose(classifier.predict(crops), expected, atol=1e-3)


def test_files_that_cannot_be_read_or_written_get_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.json").mkdir()
    with pytest.raises(OSError, match=r"report\.json"):
        write_json(tmp_path / "report.json", {})

    def evaluate(_: object) -> int:
        write_json(tmp_path / "report.json", {})
        return 0

    monkeypatch.setattr("fer_core.cli.evaluate.run", evaluate)
    assert main(["evaluate", "--data", "demo"]) == 2
    assert capsys.readouterr().err == (
        f"fer-studio: {tmp_path}/report.json: Is a directory. Check the path and the free space.\n"
    )


def test_control_codes_in_names_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["a\x1b[31mred.jpg", "b\rover.jpg", "c\nnew line.jpg", "d\u202egpj.exe", "e\x9b2J.jpg"]
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / name).write_bytes(b"x")
    out = str(tmp_path / "t.csv")
    assert main(["classify", str(tmp_path / "in"), "--out", out, "--workers", "1"]) == 2
    assert main(["classify", str(tmp_path / "gone\x1b]0;x\x07.jpg"), "--out", out]) == 2
    assert main(["evaluate", "--data", str(tmp_path / names[0]), "--split", "test"]) == 2
    printed = "".join(capsys.readouterr())
    assert r"a\x1b[31mred.jpg" in printed
    assert r"c\nnew line.jpg" in printed
    assert not {sign for sign in printed if unicodedata.category(sign) in {"Cc", "Cf"}} - {"\n"}


def test_the_notice_of_the_runtime_is_dropped_and_nothing_else(
    folder: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "fer_core", "classify", folder, "--out", tmp_path / "t.csv"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert b"INFO" not in run.stderr
    code = "\n".join(
        (
            "import os",
            "from fer_core.cli.terminal import without_runtime_notice",
            "with without_runtime_notice():",
            "    os.write(2, b'INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\\n')",
            "    os.write(2, b'an error\\n')",
            "os.write(2, b'after\\n')",
        )
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert said.stderr == b"an error\nafter\n"


@pytest.mark.skipif(os.name != "posix", reason="pseudo terminals are a matter of POSIX")
def test_a_bar_is_drawn_on_a_terminal_alone(tmp_path: Path) -> None:
    import fcntl
    import pty
    import struct
    import termios

    names = [tmp_path / f"{number}\x1b[31m.jpg" for number in range(3)]
    for name in names:
        name.write_bytes(b"x")
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = [sys.executable, "-m", "fer_core", "classify", *names, "--out", tmp_path / "t.csv"]
    with subprocess.Popen(command, cwd=ROOT, stderr=child, stdout=subprocess.DEVNULL) as process:
        os.close(child)
        drawn = b""
        with suppress(OSError):  # how Linux tells that the other end is closed
            while data := os.read(parent, 4096):
                drawn += data
    assert process.returncode == 2
    assert b"100% |" in drawn
    assert b"3 of 3" in drawn
    assert b"\x1b[31m" not in drawn
