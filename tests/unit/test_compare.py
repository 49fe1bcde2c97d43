from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer_core.dataset import DatasetIndex, groups
from fer_core.dataset.index import make_table
from fer_core.errors import DatasetError
from fer_core.evaluation.compare import compare, mcnemar
from fer_core.evaluation.groups import by_group, gap


def test_a_case_worked_by_hand() -> None:
    y_true = np.array([0, 0, 1, 1, 2, -1])
    a = np.array([0, 1, 1, 0, 2, 0])
    b = np.array([0, 0, 1, 1, 3, 1])
    found = compare(y_true, a, b)
    assert found.n == 5
    assert found.corrected.tolist() == [False, True, False, True, False, False]
    assert found.newly_wrong.tolist() == [False, False, False, False, True, False]
    change, reach = found.accuracy
    assert change == pytest.approx(0.2)
    assert reach.low < 0.2 < reach.high
    assert found.f1["angry"][0] == pytest.approx(0.5)
    assert found.f1["fear"][0] == -1
    assert found.p_value == 1.0


@pytest.mark.parametrize(
    ("corrected", "newly_wrong", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (8, 2, 0.109375), (10, 0, 2 / 1024)],
)
def test_mcnemar_is_the_binomial_test(corrected: int, newly_wrong: int, p: float) -> None:
    assert mcnemar(corrected, newly_wrong) == pytest.approx(p)


def test_the_same_answers_differ_by_nothing() -> None:
    y_true = np.arange(70) % 7
    found = compare(y_true, y_true, y_true)
    assert found.accuracy[0] == found.accuracy[1].low == found.accuracy[1].high == 0
    assert not found.corrected.any()


def test_pairing_makes_the_interval_narrow() -> None:
    """Two models that err on the same images: the difference is known better than either."""
    random = np.random.default_rng(0)
    y_true = random.integers(0, 7, 2000)
    a = np.where(random.random(2000) < 0.6, y_true, (y_true + 1) % 7)
    b = np.where(random.random(2000) < 0.02, y_true, a)
    _, reach = compare(y_true, a, b).accuracy
    assert reach.high - reach.low < 0.012
    assert reach.low > 0


def test_differing_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="Received"):
        compare(np.array([0]), np.array([0]), np.array([0, 1]))
    with pytest.raises(ValueError, match="Received"):
        compare(np.array([-1]), np.array([0]), np.array([0]))


def test_groups_and_their_gap() -> None:
    y_true = np.array([0, 1] * 100)
    probabilities = np.eye(7, dtype=np.float32)[y_true]
    probabilities[:60] = np.roll(probabilities[:60], 1, axis=1)
    groups = pd.Series(["old"] * 80 + ["young"] * 110 + [None] * 10, dtype="str")
    found = by_group(probabilities, y_true, groups, 0.5)
    assert {name: one.metrics.n for name, one in found.items()} == {"old": 80, "young": 110}
    said = gap(found)
    assert "75.0 points between young (100.0% of 110 correct) and old (25.0% of 80)" in said
    assert "chance" not in said
    assert gap({"old": found["old"]}) == "There is only one group: nothing to compare."
    few = by_group(probabilities[56:64], y_true[56:64], pd.Series(list("aabbabab")), 0.5)
    assert "may be chance" in gap(few)


def index_of(root: Path, *files: str) -> DatasetIndex:
    columns = {"file": files, "split": "test", "label": "sad", "error": ""}
    return DatasetIndex(root, make_table(columns), np.zeros((len(files), 16, 16), np.uint8))


def test_groups_are_read_by_path_or_unique_name(tmp_path: Path) -> None:
    index = index_of(tmp_path, *(f"test/sad/{name}.png" for name in "abc"), "test/happy/c.png")
    file = tmp_path / "labels.csv"
    file.write_text("file,group\ntest/sad/a.png,x\nb.png,y\nc.png,z\nd.png,z\n")
    joined = groups.find(index)
    assert joined.names.fillna("none").tolist() == ["x", "y", "none", "none"]
    assert "groups for 2 of 4 images" in joined.note
    assert "1 rows name no image" in joined.note
    assert "1 rows are ambiguous" in joined.note
    file.write_text("file,label\na.png,sad\n")
    assert groups.find(index) is None
    file.write_text("name,group\na.png,sad\n")
    with pytest.raises(DatasetError, match=r"^labels.csv: .* needs the columns file and group"):
        groups.find(index)


def test_groups_in_a_wrapping_folder_count_from_there(tmp_path: Path) -> None:
    index = index_of(tmp_path, *(f"faces/test/sad/{name}.png" for name in "abcd"))
    (tmp_path / "faces").mkdir()
    lines = ["file,group", "test/sad/a.png,x", "faces/test/sad/b.png,y", "c.png,z"]
    (tmp_path / "faces" / "labels.csv").write_text("\n".join(lines))
    assert groups.find(index).names.fillna("none").tolist() == ["x", "y", "z", "none"]
