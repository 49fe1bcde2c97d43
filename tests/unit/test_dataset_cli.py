"""``python -m fer_core dataset``: the same calls from a terminal."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from fer_core.cli.main import main
from fer_core.dataset import demo, scan, store


@pytest.fixture
def demo_at_hand(drawn: Path) -> None:
    """The demo, which a command would draw first."""
    shutil.copytree(drawn, store.default_home() / demo.NAME)


def test_scan_prints_the_card(tree: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["dataset", "scan", str(tree)]) == 0
    out = capsys.readouterr().out
    assert "# Dataset card: tree" in out
    assert "No training images: angry, fear, neutral, surprise." in out
    assert "| happy | 10 | 2 | 12 |" in " ".join(out.split())


def test_balance_plans_and_writes(tree: Path, capsys: pytest.CaptureFixture) -> None:
    command = ["dataset", "balance", str(tree), "--to", "disgust=6,sad=8", "--rotation", "5"]
    assert main([*command, "--plan-only"]) == 0
    out = capsys.readouterr().out
    assert "disgust           3 ->        6" in out
    assert "6 images to make" in out
    assert store.stored() == ()
    assert main([*command, "--name", "mine"]) == 0
    counts = scan(store.default_home() / "mine").counts()["train"]
    assert counts[["disgust", "sad", "happy"]].tolist() == [6, 8, 10]
    assert main([*command, "--name", "../../oops"]) == 0
    assert {one.name for one in store.stored()} == {"mine", "oops"}


@pytest.mark.usefixtures("demo_at_hand")
def test_audit_writes_tables_that_name_files(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["dataset", "audit", "demo", "--out", str(tmp_path / "out")]) == 0
    assert "12 pairs: 12 exact" in capsys.readouterr().out
    copies, labels, pictures = (
        pd.read_csv(tmp_path / "out" / f"{name}.csv")
        for name in ("duplicates", "label_errors", "image_issues")
    )
    assert copies["b"].str.contains("copy-").all()
    assert pictures["file"].str.contains("blank-").all()
    flagged = labels[labels["flagged"]]["file"]
    assert flagged.str.contains("wrong-").sum() >= 8  # of 18; by chance less than 1


def test_an_audit_of_few_images_still_finds_copies(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    shutil.copy(tree / "train/happy/0.png", tree / "train/happy/again.png")
    assert main(["dataset", "audit", str(tree), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    assert "The labels were not audited: At least 50 images" in said.err
    assert "1 pairs: 1 exact" in said.out
    assert len(pd.read_csv(tmp_path / "out" / "duplicates.csv")) == 1
    assert (tmp_path / "out" / "report.html").is_file()
    assert not (tmp_path / "out" / "label_errors.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["scan", "nowhere"], "no such folder"),
        (["scan", "demo", "--decisions", "none.csv"], "none.csv: there is no such file"),
        (["import", __file__], "only folders, ZIP and .tar.gz archives, CSVs of pixels"),
        (["scan", __file__], "A ZIP or a CSV of pixels is imported first"),
        (["import", "none.csv"], "none.csv: there is no such file"),
        (["import", "none.zip"], "none.zip: there is no such file"),
        (["balance", "demo", "--to", "smallest"], "A strategy is"),
        (["balance", "demo", "--to", "disgust=many"], "--to takes targets"),
        (["balance", "demo", "--to", "happy=3"], "below its"),
        (["balance", "demo", "--rotation", "90"], "rotation must be a number from 0 to 45"),
        (["balance", "demo", "--seed", "-1"], "--seed must be"),
        (["audit", "demo", "--difference", "2"], "--difference must be"),
    ],
)
def test_mistakes_are_answered(
    arguments: list[str], says: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture
) -> None:
    if "demo" in arguments:
        request.getfixturevalue("demo_at_hand")
    assert main(["dataset", *arguments]) == 2
    assert says in capsys.readouterr().err
