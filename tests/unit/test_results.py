import io
import json

import numpy as np
import pandas as pd
import pytest

from fer_core import EMOTIONS, FaceEmotion
from fer_core.errors import FerError, ImageError
from fer_core.images.boxes import Box
from fer_core.recognition import Detection, results
from fer_core.recognition.results import RESULT_COLUMNS, Origin
from fer_core.recognition.tracking import BAND


def face(emotion: str, confidence: float = 0.7, uncertain: bool = False) -> FaceEmotion:
    probabilities = np.full(7, (1 - confidence) / 6, np.float32)
    probabilities[EMOTIONS.index(emotion)] = confidence
    return FaceEmotion(Detection(Box(1, 2, 3.333, 4), 0.9), probabilities, uncertain)


ROWS = [
    *results.face_rows(Origin("a.jpg"), [face("sad"), face("happy", uncertain=True)], "haar"),
    *results.face_rows(Origin("wall.jpg"), [], "haar"),
    results.error_row(Origin("bad.jpg"), ImageError("bad.jpg: damaged")),
    *results.face_rows(Origin("clip.mp4", 30, 1.0), [face("fear")], "yunet", persons=[4]),
]


def test_one_row_a_face_and_one_where_there_is_none() -> None:
    table = results.table(ROWS)
    assert tuple(table.columns) == RESULT_COLUMNS
    assert table.source.tolist() == ["a.jpg", "a.jpg", "wall.jpg", "bad.jpg", "clip.mp4"]
    assert table.person.fillna(0).tolist() == [1, 2, 0, 0, 4]
    assert table.emotion.fillna("").tolist() == ["sad", "happy", "", "", "fear"]
    assert table.uncertain.fillna(False).tolist() == [False, True, False, False, False]
    assert table.error.fillna("").tolist() == ["", "", "", "bad.jpg: damaged", ""]
    assert table.x1.isna().tolist() == [False, False, True, True, False]
    assert (table.frame.fillna(-1).tolist(), table.time_s.fillna(-1).tolist()) == (
        [-1, -1, -1, -1, 30], [-1, -1, -1, -1, 1.0]
    )  # fmt: skip


@pytest.mark.parametrize(
    "rows", [ROWS, ROWS[2:3], ROWS[3:4], []], ids=["all", "no-face", "error", "none"]
)
@pytest.mark.parametrize("suffix", results.FORMATS)
def test_every_format_reads_back(rows: list, suffix: str) -> None:
    table = results.table(rows)
    data = results.encode(table, suffix)
    if suffix == ".json":
        back = pd.DataFrame(json.loads(data), columns=list(RESULT_COLUMNS))
    else:
        back = {".csv": pd.read_csv, ".parquet": pd.read_parquet}[suffix](io.BytesIO(data))
    assert tuple(back.columns) == RESULT_COLUMNS
    assert back.source.tolist() == table.source.tolist()
    assert back.p_sad.fillna(-1).tolist() == table.p_sad.fillna(-1).tolist()


@pytest.mark.parametrize("suffix", ["", ".xlsx", ".CSV"])
def test_other_formats_are_refused(suffix: str) -> None:
    with pytest.raises(FerError, match=r"\.csv, \.json, \.parquet"):
        results.encode(results.table([]), suffix)


def test_types_do_not_depend_on_the_rows() -> None:
    assert results.table([]).dtypes.equals(results.table(ROWS).dtypes)


def test_the_meaning_of_uncertain_names_the_band_and_the_file_of_the_threshold() -> None:
    lines = results.meanings(without="label").splitlines()
    assert not any(line.startswith("- `label`") for line in lines)
    (line,) = [line for line in lines if line.startswith("- `uncertain`")]
    assert "`card.json`" in line
    assert f"{BAND:g} below the threshold and False again {BAND:g} above" in line
