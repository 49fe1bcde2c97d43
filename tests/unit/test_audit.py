"""Suspected labels, useless pictures, decisions, the report, work in the background."""

import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer_core.audit import image_issues, label_issues, report
from fer_core.dataset import image_reading, scan
from fer_core.dataset.decisions import Decision, Decisions, file_for, parse, view
from fer_core.errors import CancelledError, DatasetError, FerError
from fer_core.models.classifier import EmotionClassifier
from fer_core.system import parallel
from fer_core.system.background_task import Task


def clouds(count: int, classes: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features (count, 20) in clouds that a linear head tells apart, and their classes."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, count)
    middles = random.normal(0, 2, (classes, 20))
    return (middles[truth] + random.normal(0, 1, (count, 20))).astype(np.float32), truth


def test_flipped_labels_come_first() -> None:
    features, truth = clouds(800)
    given = truth.copy()
    flipped = np.random.default_rng(1).choice(800, 30, replace=False)
    given[flipped] = (given[flipped] + 1) % 4
    chances = label_issues.out_of_fold(features, given, np.arange(800, dtype=np.uint64))
    assert chances.shape == (800, 7)
    assert np.allclose(chances.sum(axis=1), 1, atol=1e-5)
    assert (chances[:, 4:] == 0).all()
    ranked = label_issues.suspects(given, chances)
    assert np.isin(flipped, ranked["row"][:40]).mean() > 0.9
    flags = ranked.set_index("row")["flagged"]
    assert flags[flipped].mean() > 0.7
    assert flags.drop(flipped).mean() < 0.05
    names = np.asarray(label_issues.EMOTIONS)
    first = ranked.iloc[0]
    assert first["suggested"] == names[truth[first["row"]]]


def test_copies_share_a_fold_so_they_cannot_vouch_for_each_other() -> None:
    """An image and its copy, both labelled wrongly, are both suspected."""
    features, truth = clouds(400)
    features = np.concatenate([features, features[:40]])
    given = np.concatenate([truth, truth[:40]])
    given[:40] = given[400:] = (given[400:] + 1) % 4
    digests = np.concatenate([np.arange(400), np.arange(40)]).astype(np.uint64)
    ranked = label_issues.suspects(given, label_issues.out_of_fold(features, given, digests))
    wrong = np.concatenate([np.arange(40), np.arange(400, 440)])
    assert np.isin(ranked["row"][:80], wrong).mean() > 0.9


def test_the_seed_decides_the_folds() -> None:
    features, truth = clouds(200)
    digests = np.arange(200, dtype=np.uint64)
    one, two, three = (
        label_issues.out_of_fold(features, truth, digests, seed) for seed in (0, 0, 1)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, three)


@pytest.mark.parametrize(("count", "classes"), [(30, 2), (0, 1), (100, 1)])
def test_too_little_to_judge(count: int, classes: int) -> None:
    features, truth = clouds(count, classes)
    with pytest.raises(DatasetError, match="At least 50 images of two classes"):
        label_issues.out_of_fold(features, truth, np.arange(count, dtype=np.uint64))


def test_a_class_of_one_image_cannot_be_judged() -> None:
    features, truth = clouds(60, 1)
    truth[7] = 1
    with pytest.raises(DatasetError, match=r"several of each, .* 60 images of 2 classes"):
        label_issues.out_of_fold(features, truth, np.arange(60, dtype=np.uint64))


def test_features_are_computed_once(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, classifier = scan(tree), EmotionClassifier.load()
    first = label_issues.features(index, classifier)
    assert first.shape == (20, 1280)
    assert np.allclose(
        first[3], classifier.features([image_reading.read(index.path(3))])[0], atol=0.01
    )
    monkeypatch.setattr(EmotionClassifier, "features", lambda *_: pytest.fail("computed again"))
    assert np.array_equal(label_issues.features(index, classifier), first)


@pytest.mark.parametrize("count", [0, 1, 16, 17])
def test_classifier_features(count: int) -> None:
    crops = np.random.default_rng(0).integers(0, 255, (count, 48, 48)).astype(np.uint8)
    found = EmotionClassifier.load().features(crops)
    assert found.shape == (count, 1280)
    assert found.dtype == np.float32
    with pytest.raises(ValueError, match="crops must be uint8"):
        EmotionClassifier.load().features(np.zeros((1, 8, 8), np.float32))


def test_odd_pictures(tree: Path) -> None:
    grey = np.full((48, 48), 90, np.uint8)
    for name, data in {
        "blank.png": image_reading.png(grey), "empty.png": b"",
        "tiny.png": image_reading.png(np.arange(64, dtype=np.uint8).reshape(8, 8) * 3),
        "large.png": image_reading.png(np.random.default_rng(0).integers(0, 255, (60, 60), np.uint8)),
    }.items():  # fmt: skip
        (tree / "train/sad" / name).write_bytes(data)
    for number in range(20):
        (tree / "train/sad" / f"more-{number}.png").write_bytes(
            (tree / "train/happy/0.png").read_bytes()
        )
    index = scan(tree)
    odd = image_issues.find(index)
    found = {Path(index.table["file"].iloc[row]).name: why for row, why in odd.to_numpy().tolist()}
    assert set(found) == {"blank.png", "empty.png", "tiny.png", "large.png"}
    assert "Almost one grey" in found["blank.png"]
    assert "60×60" in found["large.png"]
    assert "Only 8×8" in found["tiny.png"]


def test_where_sizes_vary_none_is_off(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for side in range(30, 50):
        file = tmp_path / "data" / "happy" / f"{side}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(image_reading.png(random.integers(0, 255, (side, side), np.uint8)))
    assert image_issues.find(scan(tmp_path / "data")).empty


def test_a_frame_is_put_around_crops_for_the_detector(astronaut: np.ndarray) -> None:
    from fer_core.recognition.detection import Haar

    face = astronaut[60:200, 155:295]
    framed = image_issues.framed(face)
    assert framed.shape == (320, 320, 3)
    assert Haar().detect(framed)
    assert not Haar().detect(image_issues.framed(np.full((48, 48), 90, np.uint8)))


def decision(file: str, action: str = "exclude", label: str = "") -> Decision:
    return Decision(file, "happy", action, label)


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "delete"},
        {"action": "relabel", "label": ""},
        {"action": "relabel", "label": "joy"},
        {"action": "keep", "label": "sad"},
        {"given_label": "joy"},
    ],
)
def test_decisions_that_are_not_allowed(wrong: dict) -> None:
    with pytest.raises(DatasetError):
        Decision(**({"file": "x.png", "given_label": "happy", "action": "keep"} | wrong))


def test_decisions_are_a_view_kept_and_undone(tree: Path) -> None:
    index = scan(tree)
    made = Decisions(file_for(tree))
    made.add([decision("train/happy/0.png"), decision("train/happy/1.png")])
    made.add([decision("train/happy/2.png", "relabel", "sad")])
    made.add([decision("train/happy/3.png", "keep")])
    made.add([decision("train/disgust/0.png")])  # its label is not what the decision was about
    made.add([decision("gone.png")])
    seen = view(index, made)
    assert len(seen) == len(seen.thumbs) == 18
    assert seen.counts()["train"][["happy", "sad", "disgust"]].tolist() == [7, 6, 3]
    assert len(index) == 20
    again = Decisions(file_for(tree))
    assert again.latest() == made.latest()
    assert view(index, again).table.equals(seen.table)
    assert [made.undo() for _ in range(6)] == [1, 1, 1, 1, 2, 0]
    assert view(index, made) is index
    assert len(Decisions(file_for(tree))) == 0


def test_the_later_decision_holds(tree: Path) -> None:
    made = Decisions(file_for(tree))
    made.add([decision("train/happy/0.png")])
    made.add([decision("train/happy/0.png", "keep")])
    assert len(made) == 1
    assert len(view(scan(tree), made)) == 20


def test_two_people_decide_at_once(tree: Path) -> None:
    one, two = Decisions(file_for(tree)), Decisions(file_for(tree))
    one.add([decision("a.png")])
    two.add([decision("b.png"), decision("a.png", "keep")])
    one.add([decision("c.png")])
    assert list(two.latest()) == list(one.latest()) == ["b.png", "a.png", "c.png"]
    assert two.undo() == 2
    assert one.latest() == {n: decision(n) for n in ("a.png", "c.png")}, "as before the other's"
    assert [one.undo(), one.undo(), one.undo()] == [1, 1, 0]
    assert not two.latest()


def test_decisions_that_cannot_be_kept_do_not_hold(tree: Path) -> None:
    made = Decisions(file_for(tree))
    made.add([decision("a.png")])
    made.file.write_text("damaged")
    with pytest.raises(DatasetError, match="Correct the file or remove it"):
        made.add([decision("b.png")])
    assert list(made.latest()) == ["a.png"]
    assert made.file.read_text() == "damaged"


@pytest.mark.parametrize(
    "data", [b"", b"a,b\n1,2\n", b"file,given,action,label,reason\nx,happy,eat,,\n"]
)
def test_damaged_decisions_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DatasetError):
        parse(data)
    file = tmp_path / "decisions.csv"
    file.write_bytes(data)
    with pytest.raises(DatasetError, match=r"decisions\.csv"):
        Decisions(file)


def test_the_report_holds_the_figures(tree: Path) -> None:
    index = scan(tree)
    text = " ".join(report.markdown(index, report.Findings()).split())
    for part in ("# Dataset card: tree", "| disgust | 3 | 0 | 3 |", "48×48 (20)",
                 "Not checked.", "None."):  # fmt: skip
        assert part in text
    pairs = pd.DataFrame(
        {"a": [0], "b": [5], "kind": ["exact"], "difference": [0.0], "crosses": [True],
         "disagrees": [False]}
    )  # fmt: skip
    made = Decisions(file_for(tree))
    made.add([decision("train/happy/0.png")])
    text = report.markdown(index, report.Findings(pairs=pairs, faceless=2), made)
    for part in (
        "1 pairs: 1 exact",
        "1 training images have a duplicate",
        "2 without a detected face",
        "Images excluded: 1.",
    ):
        assert part in text


def test_a_task_reports_and_returns() -> None:
    def work(progress: parallel.Progress) -> str:
        progress(3, 4)
        return "done"

    task = Task("work", work)
    assert task.is_done(5)
    assert (task.result(), task.share) == ("done", 0.75)


def test_a_task_can_be_stopped() -> None:
    begun = threading.Event()

    def work(progress: parallel.Progress) -> None:
        for _ in range(10_000):
            begun.set()
            threading.Event().wait(0.001)
            progress(1, 2)

    task = Task("work", work)
    begun.wait(5)
    task.cancel()
    with pytest.raises(CancelledError, match="work: stopped"):
        task.result()


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (FerError("no"), FerError),
        (MemoryError(), FerError),
        (OSError(28, "No space left on device"), FerError),
        (KeyError(1), KeyError),
    ],
)
def test_a_task_passes_errors_on(error: Exception, seen: type) -> None:
    def work(_: parallel.Progress) -> None:
        raise error

    with pytest.raises(seen):
        Task("work", work).result()


@pytest.mark.parametrize(("count", "size"), [(0, 4), (1, 4), (8, 4), (9, 4)])
def test_chunks_cover_every_row_once(count: int, size: int) -> None:
    seen: list[int] = []
    steps: list[tuple[int, int]] = []
    parallel.run(
        lambda a, b: seen.extend(range(a, b)), count, lambda *s: steps.append(s), size=size
    )
    assert sorted(seen) == list(range(count))
    assert steps[-1:] == ([(count, count)] if count else [])
