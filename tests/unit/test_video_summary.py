"""Summaries of a video's results."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer_core.images.boxes import Box
from fer_core.images.codec import decode
from fer_core.labels import EMOTIONS
from fer_core.recognition import Detection, results
from fer_core.recognition.results import Origin, face_rows
from fer_core.recognition.tracking import TrackedFace
from fer_core.video import summary
from tests.clips import make_clip

DETECTION = Detection(Box(100, 40, 180, 130), 1.0)


def face(person: int, emotion: str, share: float = 0.9, uncertain: bool = False) -> TrackedFace:
    chances = np.full(7, (1 - share) / 6, np.float32)
    chances[EMOTIONS.index(emotion)] = share
    return TrackedFace(DETECTION, chances, uncertain, person=person, label=emotion)


def table(*pictures: list[TrackedFace]) -> pd.DataFrame:
    rows = []
    for number, faces in enumerate(pictures):
        persons = [one.person for one in faces]
        moment = Origin("clip.mp4", number + 1, number * 0.5)
        rows += face_rows(moment, faces, "yunet", persons)
    return results.table(rows)


TALK = table(
    [face(1, "happy", 0.6), face(2, "sad", 0.7)],
    [face(1, "happy", 0.9)],
    [],
    [face(1, "neutral", 0.95)],
    [face(1, "fear", 0.4, uncertain=True)],
)


def test_persons_are_ordered_by_how_long_they_are_seen() -> None:
    assert summary.persons(TALK) == [1, 2]
    assert summary.persons(table([], [])) == []


def test_the_timeline_is_empty_where_the_face_is_away() -> None:
    values = summary.timeline(TALK, 1)
    assert list(values.columns) == list(EMOTIONS)
    assert values["happy"].round(2).tolist()[:2] == [0.6, 0.9]
    assert values.iloc[2].isna().all()
    np.testing.assert_allclose(values.index, [0, 0.5, 1.0, 1.5, 2.0])
    np.testing.assert_allclose(values.dropna().sum(axis=1), 1, atol=1e-4)
    assert summary.timeline(TALK, 1, bins=2)["happy"].iloc[0] == pytest.approx(0.75, abs=1e-4)


def test_a_timeline_of_uneven_frames_has_no_holes() -> None:
    times = [0.0, 0.19, 0.4, 0.61, 0.8, 5.0, 5.2]
    rows = [
        row
        for number, time_s in enumerate(times)
        for row in face_rows(Origin("a.mp4", number + 1, time_s), [face(1, "happy")], "yunet")
    ]
    values = summary.timeline(results.table(rows), 1)
    np.testing.assert_allclose(values.index, times)
    assert values.notna().all(axis=None)


def test_shares_sum_to_one_and_know_uncertain() -> None:
    shares = summary.shares(TALK)
    assert shares.loc[1, ["happy", "neutral", "uncertain", "fear"]].tolist() == [0.5, 0.25, 0.25, 0]
    assert shares["visible"].tolist() == [0.8, 0.2]
    np.testing.assert_allclose(shares.drop(columns="visible").sum(axis=1), 1)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"happy": 1.0}, "happy in all frames OF"),
        ({"happy": 0.996, "sad": 0.004}, "happy in nearly all frames OF"),
        (
            {"happy": 0.62, "neutral": 0.2, "sad": 0.18},
            "happy in 62% of the frames OF, neutral in 20%",
        ),
        ({"happy": 0.98, "sad": 0.02}, "happy in 98% of the frames OF"),
        ({"uncertain": 0.6, "sad": 0.4}, "no clear emotion in 60% of the frames OF, sad in 40%"),
        (
            {"sad": 0.35, "happy": 0.33, "fear": 0.32},
            "mixed: sad in 35% of the frames OF, happy in 33%, fear in 32%",
        ),
    ],
)
def test_a_verdict_names_the_largest_shares(shares: dict, words: str) -> None:
    row = dict.fromkeys((*EMOTIONS, "uncertain"), 0.0) | shares
    assert summary.verdict(row) == words.replace("OF", "that show the face")


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (12, [(2, "sad", 0.0), (1, "happy", 0.5), (1, "neutral", 1.5)]),
        (2, [(2, "sad", 0.0), (1, "happy", 0.5)]),
        (1, [(1, "happy", 0.5)]),
    ],
)
def test_key_moments_are_the_clearest_ones(most: int, expected: list) -> None:
    moments = summary.key_moments(TALK, most)
    assert [(one.person, one.emotion, one.time_s) for one in moments] == expected


def test_without_faces_there_are_no_moments(tmp_path: Path) -> None:
    assert summary.key_moments(table([], [])) == ()
    assert summary.load_moments(tmp_path) == ()


def test_moments_are_kept_with_the_face(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", times=[0, 0.5, 1.0, 1.5, 2.0])
    summary.save_moments(TALK, clip, tmp_path / "moments")
    moments = summary.load_moments(tmp_path / "moments")
    assert [one.emotion for one, _ in moments] == ["sad", "happy", "neutral"]
    assert decode(moments[0][1], "portrait").shape == (160, 160, 3)
    assert moments[0][0].xyxy == (100, 40, 180, 130)
