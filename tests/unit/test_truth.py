from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer_core.dataset import ferplus, scan, vote_table
from fer_core.errors import DatasetError

WORDS = [*vote_table.NAMES.values(), *vote_table.OTHER]


def row(label: str, **given: int) -> dict:
    return {"label": label, **{f"votes_{word}": given.get(word, 0) for word in WORDS}}


CASES = [
    ({"happiness": 10}, 3),
    ({"sadness": 5, "neutral": 3, "fear": 2}, 5),
    ({"sadness": 4, "neutral": 3, "fear": 3}, -1),
    ({"anger": 5, "contempt": 5}, 0),
    ({"contempt": 6, "anger": 4}, -1),
    ({"nf": 10}, -1),
    ({"surprise": 3, "unknown": 2}, 6),
    ({}, -1),
]


def test_the_majority_holds_half_of_all_votes(tree: Path) -> None:
    files = [f"train/happy/{number}.png" for number in range(len(CASES))]
    rows = [row("happy", **given) for given, _ in CASES]
    pd.DataFrame(rows).assign(file=files).to_csv(tree / "labels.csv", index=False)
    index = scan(tree)
    found = dict(zip(index.table["file"], ferplus.true_labels(index, "ferplus"), strict=True))
    assert [found[file] for file in files] == [answer for _, answer in CASES]


def test_a_dataset_gives_both(tree: Path) -> None:
    index = scan(tree)
    with pytest.raises(DatasetError, match="no FER\\+ votes"):
        ferplus.true_labels(index, "ferplus")
    files = index.table["file"]
    table = pd.DataFrame([row("happy", fear=9, nf=1)] * len(files)).assign(file=files)
    table.to_csv(tree / "labels.csv", index=False)
    again = scan(tree)
    assert set(ferplus.true_labels(again, "ferplus").tolist()) == {2}
    np.testing.assert_array_equal(ferplus.true_labels(again, "fer2013"), again.label_codes())


def test_votes_without_a_single_name_are_on_no_image(tree: Path) -> None:
    words = ",".join(f"votes_{word}" for word in WORDS)
    data = f"file,{words}\n{',1' * len(WORDS)}\n".encode()
    table = vote_table.parse(data, "labels.csv")
    assert table is not None
    assert not ferplus.join(table, scan(tree)).has_any
