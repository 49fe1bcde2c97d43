import json
from pathlib import Path

import numpy as np
import pytest

from fer_core.cli.main import main
from fer_core.dataset import image_reading, scan, vote_table
from fer_core.evaluation import evaluate
from fer_core.evaluation.predictions import predict_dataset
from fer_core.images.corruptions import CORRUPTIONS
from fer_core.labels import EMOTIONS
from fer_core.models import registry


def run(tree: Path, *more: str) -> int:
    return main(["evaluate", "--data", str(tree), "--split", "train", "--form", "fp32", *more])


def test_tables_and_json(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "out" / "figures.json"
    more = ["--reading", "fer2013", "--robustness", "standard", "--json", str(file)]
    assert run(tree, *more) == 0
    said = capsys.readouterr().out
    for part in ("fp32, fer2013, on fer2013 labels", "true \\ predicted", "Blur, sigma 1 px"):
        assert part in said
    report = json.loads(file.read_text())
    (one,) = report["evaluations"].values()
    index, card = scan(tree).split("train"), registry.load_card()
    probabilities = predict_dataset(card, index).probabilities(card, "fer2013")
    assert one["accuracy"] == pytest.approx(
        evaluate(probabilities, index.label_codes()).metrics.accuracy, abs=1e-4
    )
    assert (
        one["intervals"]["per_class"]["happy"]["recall"][0] <= one["per_class"]["happy"]["recall"]
    )
    (robustness,) = report["robustness"].values()
    assert [row["corruption"] for row in robustness] == ["none", *CORRUPTIONS]


def test_votes_on_other_splits_are_no_truth_here(tree: Path, capsys: pytest.CaptureFixture) -> None:
    words = [*vote_table.NAMES.values(), *vote_table.OTHER]
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


def image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (48, 48), np.uint8)
    path.write_bytes(image_reading.png(pixels))


@pytest.mark.parametrize("stray", ["zurprisst", "contempt", "laughing"])
def test_files_left_out_are_said_and_the_counts_add_up(
    tmp_path: Path, stray: str, capsys: pytest.CaptureFixture
) -> None:
    data, file = tmp_path / "data", tmp_path / "metrics.json"
    for number, emotion in enumerate((*EMOTIONS[:6], stray)):
        image(data / "test" / emotion / "1.png", number)
    (data / "test" / "happy" / "damaged.png").write_bytes(b"no image")
    (data / "test" / "happy" / "notes.txt").write_text("x")
    run = ["evaluate", "--data", str(data), "--form", "fp32", "--head", "fer2013"]
    assert main([*run, "--json", str(file)]) == 0
    printed = "".join(capsys.readouterr())
    assert "6 of 7 images evaluated; left out: 1 unreadable." in printed
    assert "No images of surprise" in printed
    assert f"test/{stray}" in printed
    assert "notes.txt" in printed
    account = json.loads(file.read_text())["images"]["fer2013"]
    left_out = account["unreadable"] + account["excluded"] + account["unlabelled"]
    assert account["listed"] == account["evaluated"] + left_out == 7
    assert account["absent"] == ["surprise"]
    assert any(stray in note for note in account["notes"])


def test_images_without_a_clear_majority_are_counted(
    tree: Path, capsys: pytest.CaptureFixture
) -> None:
    words = [*vote_table.NAMES.values(), *vote_table.OTHER]
    head = "file," + ",".join(f"votes_{word}" for word in words)
    row = "train/happy/9.png," + ",".join("9" if word == "happiness" else "0" for word in words)
    (tree / "labels.csv").write_text(f"{head}\n{row}\n")
    count = len(scan(tree).split("train"))
    assert run(tree, "--labels", "ferplus", "--head", "ferplus") == 0
    line = f"1 of {count} images evaluated; left out: {count - 1} without a label of this kind."
    assert line in capsys.readouterr().out


def test_a_split_without_images_says_what_was_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    image(tmp_path / "data" / "train" / "happy" / "1.png", 0)
    image(tmp_path / "data" / "test" / "Grinsen" / "1.png", 1)
    assert main(["evaluate", "--data", str(tmp_path / "data"), "--form", "fp32"]) == 2
    assert "test/Grinsen" in capsys.readouterr().err
