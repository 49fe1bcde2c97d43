import json
from pathlib import Path

import pytest

from fer_core.cli.main import main
from fer_core.dataset import ferplus, scan
from fer_core.evaluation import evaluate
from fer_core.evaluation.predictions import ask
from fer_core.images.corruptions import STRAINS
from fer_core.models import registry


def run(tree: Path, *more: str) -> int:
    return main(["evaluate", "--data", str(tree), "--split", "train", "--form", "fp32", *more])


def test_tables_and_json(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "out" / "figures.json"
    more = ["--reading", "fer2013", "--robustness", "standard", "--json", str(file)]
    assert run(tree, *more) == 0
    said = capsys.readouterr().out
    for part in ("fp32, fer2013, on fer2013 labels", "true \\ said", "Blur, 1 sigma"):
        assert part in said
    report = json.loads(file.read_text())
    (one,) = report["evaluations"].values()
    index, card = scan(tree).split("train"), registry.load_card()
    chances = ask(card, index).probabilities(card, "fer2013")
    assert one["accuracy"] == pytest.approx(
        evaluate(chances, index.label_codes()).figures.accuracy, abs=1e-4
    )
    assert (
        one["intervals"]["per_class"]["happy"]["recall"][0] <= one["per_class"]["happy"]["recall"]
    )
    (strained,) = report["robustness"].values()
    assert [row["strain"] for row in strained] == ["none", *STRAINS]


def test_votes_on_other_splits_are_no_truth_here(tree: Path, capsys: pytest.CaptureFixture) -> None:
    words = [*ferplus.NAMES.values(), *ferplus.OTHER]
    head = "file," + ",".join(f"votes_{word}" for word in words)
    row = "train/happy/9.png," + ",".join("9" if one == "happiness" else "0" for one in words)
    (tree / "labels.csv").write_text(f"{head}\n{row}\n")
    assert run(tree, "--split", "test", "--robustness", "standard") == 0
    assert "on ferplus labels" not in capsys.readouterr().out
    assert run(tree) == 0
    assert "on ferplus labels" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--reading", "other"], "heads fer2013, ferplus"),
        (["--labels", "ferplus"], "no FER\\+ votes"),
        (["--split", "validation"], "no readable images in the split validation"),
        (["--model", "nope"], "no model 'nope'"),
        (["--data", "/nowhere"], "no such folder"),
        (["--seed", "-1"], "--seed must be 0 or more"),
    ],
)
def test_what_cannot_be_done_is_said(
    tree: Path, more: list[str], says: str, capsys: pytest.CaptureFixture
) -> None:
    import re

    assert run(tree, *more) == 2
    assert re.search(says, capsys.readouterr().err)
