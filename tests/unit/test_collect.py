"""Collecting a dataset: faces in, duplicates out, labels kept, persons never in two splits."""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fer_core import collect
from fer_core.collect import Collection, Face, Limits, append_log, labels, order, persons, quality
from fer_core.collect.collection import PROBABILITIES, Suggester
from fer_core.collect.labels import CONFLICT, Entry
from fer_core.collect.video import Clip, Pace
from fer_core.collect.webcam import Capture, Shot
from fer_core.dataset import scan
from fer_core.dataset.importers import ImportOptions, import_dataset
from fer_core.errors import DatasetError, VideoError
from fer_core.images.boxes import Box
from fer_core.labels import EMOTIONS, SPLITS
from fer_core.recognition import Detection, FaceEmotion
from fer_core.types import Pixels

MODEL = Suggester("mobilenetv2", "fer2013", "yunet")


def probabilities(emotion: str, confidence: float = 0.7) -> np.ndarray:
    values = np.full(7, (1 - confidence) / 6, np.float32)
    values[EMOTIONS.index(emotion)] = confidence
    return values


def face(picture, seed: int, person: str = "", emotion: str = "happy", **more) -> Face:
    values = {"kind": "photo", "source": f"{seed}.jpg", "person": person or f"{seed}.jpg#1"} | more
    return Face(
        picture(seed), detection=Detection(Box(10, 20, 110, 120), 0.9),
        probabilities=probabilities(emotion), **values,
    )  # fmt: skip


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    return collect.open_or_create("mine", tmp_path / "collections")


def filled(collection: Collection, picture, people: int = 6) -> Collection:
    """Every person shows two emotions, four times each, labelled by hand."""
    faces = [
        face(picture, 100 * person + number, f"p{person}", ("happy", "sad")[number % 2])
        for person in range(people)
        for number in range(8)
    ]
    added = collection.add(faces, MODEL)
    labels.add(
        collection,
        [
            Entry(file, ("happy", "sad")[at % 2], "hand", "anna")
            for at, file in enumerate(added.files)
        ],
    )
    return collection


def test_a_face_keeps_its_origin_and_comes_back_as_it_was(collection, picture) -> None:
    clip = face(picture, 1, "clip.mp4#2", source="clip.mp4", kind="video", frame=30, time_s=1.2)
    collection.add([clip], MODEL)
    row = collection.faces().iloc[0]
    assert (row["source"], row["frame"], row["time_s"], row["person"]) == (
        "clip.mp4",
        30,
        1.2,
        "clip.mp4#2",
    )
    assert [row["x1"], row["y2"], row["side"], row["model"]] == [10, 120, 100, "mobilenetv2"]
    stored = collect.collection.image_reading.read(collection.crop_file(row["file"]))
    np.testing.assert_array_equal(stored, clip.crop)


def test_exact_duplicates_are_left_out_also_of_an_earlier_addition(collection, picture) -> None:
    first = collection.add([face(picture, 1), face(picture, 2), face(picture, 1)], MODEL)
    second = collection.add([face(picture, 2), face(picture, 3)], MODEL)
    assert (first.files, second.files) == (("000001.png", "000002.png", ""), ("", "000003.png"))
    assert (first.duplicates, second.duplicates, len(collection.faces())) == (1, 1, 3)


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "  "])
def test_names_that_are_no_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="cannot be the name"):
        collect.open_or_create(name, tmp_path)


def test_a_collection_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "collection.json").write_text('{"format": 99}')
    with pytest.raises(DatasetError, match="Received: 99"):
        collect.open_or_create("new", tmp_path)


# The log


def test_a_torn_line_is_passed_and_the_next_one_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    append_log.append(log, [{"a": 1}])
    with log.open("ab") as file:
        file.write(b'{"a": 2, "b')  # the power went
    append_log.append(log, [{"a": 3}])
    assert append_log.read(log) == [{"a": 1}, {"a": 3}]


def test_a_full_disk_loses_no_label_and_keeps_the_log_readable(tmp_path, monkeypatch) -> None:
    log = tmp_path / "log.jsonl"
    append_log.append(log, [{"a": 1}])

    def full(_file) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(append_log, "sync", full)
    with pytest.raises(DatasetError, match="No space left on device"):
        append_log.append(log, [{"a": 2}])
    monkeypatch.undo()
    assert append_log.read(log) == [{"a": 1}]
    append_log.append(log, [{"a": 2}])
    assert append_log.read(log) == [{"a": 1}, {"a": 2}]


def test_damaged_lines_of_faces_are_passed_over_and_counted(tmp_path, picture, caplog) -> None:
    collection = collect.open_or_create("mine", tmp_path)
    even, detection = np.full(7, 1 / 7, np.float32), Detection(Box(0, 0, 90, 90), 0.9)
    faces = [collect.Face(picture(n), "photo", "a.jpg", "a", detection, even) for n in range(2)]
    collection.add(faces, Suggester("m", "fer2013", "haar"))
    log = collection.folder / "faces.jsonl"
    good = json.loads(log.read_text().splitlines()[0])
    for name in ("file", "x1", "p_sad", "thumb", "digest", "sharpness"):
        for strange in (None, "![x](y)" if name != "file" else 7, []):
            append_log.append(log, [good | {"file": "9.png"} | {name: strange}])
    assert collection.faces()["file"].tolist() == ["000001.png", "000002.png"]
    assert "18 damaged lines are passed over" in caplog.text
    log.unlink()
    log.mkdir()
    with pytest.raises(DatasetError, match=r"faces\.jsonl: cannot be read"):
        collection.faces()


# Labels


def fold(*log: tuple[str, str, str]) -> labels.State:
    """Apply (labeller, label seen, label given) to one face."""
    return labels.fold(
        Entry("f", label, "hand" if label else "undo", by, was) for by, was, label in log
    )["f"]


@pytest.mark.parametrize(
    ("log", "label"),
    [
        ([("anna", "", "happy")], "happy"),
        ([("anna", "", "happy"), ("anna", "happy", "sad")], "sad"),
        ([("anna", "", "happy"), ("anna", "happy", "")], ""),
        ([("anna", "", "happy"), ("ben", "", "happy")], "happy"),
        ([("anna", "", "happy"), ("ben", "happy", "sad")], "sad"),  # he saw hers and corrects it
        ([("anna", "", "happy"), ("ben", "", "sad")], CONFLICT),  # neither saw the other's
        ([("anna", "", "happy"), ("ben", "", "sad"), ("anna", CONFLICT, "fear")], "fear"),
        ([("anna", "", "happy"), ("ben", "", "sad"), ("ben", "sad", "")], "happy"),  # undone
        ([("anna", "", "happy"), ("ben", "", "sad"), ("anna", "happy", "sad")], "sad"),
    ],
)
def test_two_labellers_at_once(log: Sequence[tuple[str, str, str]], label: str) -> None:
    assert fold(*log).label == label


def test_both_labels_of_a_conflict_are_kept(collection, picture) -> None:
    collection.add([face(picture, 1)], MODEL)
    labels.add(collection, [Entry("000001.png", "happy", by="anna")])
    labels.add(collection, [Entry("000001.png", "sad", by="ben")])
    (state,) = labels.conflicts(labels.states(collection)).values()
    assert {(label, entry.by) for label, entry in state.claims.items()} == {
        ("happy", "anna"),
        ("sad", "ben"),
    }
    assert labels.label_table(collection.faces(), labels.states(collection))["label"].tolist() == [
        ""
    ]
    assert collect.make_plan(collection).left_out == {"with a conflict of labels": 1}


def test_an_entry_that_is_sent_twice_counts_once(collection) -> None:
    entry = Entry("f", "happy", id="a1")
    labels.add(collection, [entry])
    labels.add(collection, [Entry("f", "sad", was="happy", id="a2"), entry])
    assert labels.states(collection)["f"].label == "sad"
    assert len(labels.entries(collection)) == 2


@pytest.mark.parametrize("entry", [("f", "joy", "hand"), ("f", "happy", "guess")])
def test_what_is_no_label_is_refused(entry: tuple[str, str, str]) -> None:
    with pytest.raises(DatasetError, match="a label is one of"):
        Entry(*entry)


def test_the_browser_cannot_name_another_labeller() -> None:
    rows = [{"file": "f", "label": "happy", "method": "hand", "was": "", "id": "1", "by": "boss"}]
    assert labels.parse(rows, "anna")[0].by == "anna"
    with pytest.raises(DatasetError, match="without 'label'"):
        labels.parse([{"file": "f"}], "anna")


def test_agreement_counts_labels_against_suggestions(collection, picture) -> None:
    collection.add([face(picture, 1, emotion="happy"), face(picture, 2, emotion="sad")], MODEL)
    labels.add(collection, [Entry("000001.png", "happy"), Entry("000002.png", "fear")])
    faces = collection.faces()
    counts = labels.agreement(faces, labels.label_table(faces, labels.states(collection)))
    happy, sad, fear = (EMOTIONS.index(name) for name in ("happy", "sad", "fear"))
    assert counts[happy, happy] == counts[fear, sad] == 1
    assert counts.sum() == 2


def test_suggestions_are_taken_from_a_confidence_on_and_never_over_a_label(
    collection, picture
) -> None:
    collection.add([face(picture, seed, emotion="sad") for seed in (1, 2)], MODEL)
    labels.add(collection, [Entry("000001.png", "fear")])
    assert labels.take_suggestions(collection, 0.8, "anna") == 0
    assert labels.take_suggestions(collection, 0.6, "anna") == 1
    held = labels.states(collection)
    assert [held[file].label for file in ("000001.png", "000002.png")] == ["fear", "sad"]
    assert held["000002.png"].entry.method == "suggestion"


def test_a_table_labels_photos_and_crops(collection, picture, tmp_path: Path) -> None:
    collection.add([face(picture, seed) for seed in (1, 2, 3)], MODEL)
    table = tmp_path / "labels.csv"
    table.write_text("file,label\n1.jpg,joy\n000002.png,sadness\nother.jpg,fear\n")
    assert labels.take_table(collection, table, "anna") == 2
    held = labels.states(collection)
    assert [held[file].label for file in ("000001.png", "000002.png")] == ["happy", "sad"]
    table.write_text("file,label\n1.jpg,banana\n")
    with pytest.raises(DatasetError, match="banana: no emotion"):
        labels.take_table(collection, table, "anna")


# What is set aside, and the order


def test_poor_faces_are_set_aside_with_a_reason_until_the_limits_allow_them(
    collection, picture
) -> None:
    import cv2

    good = picture(1)
    dark = (picture(2) // 8).astype(np.uint8)
    blurred = cv2.GaussianBlur(picture(3), (0, 0), 4)
    faces = [
        face(lambda _, crop=crop: crop, seed) for seed, crop in enumerate((good, dark, blurred))
    ]
    small = face(picture, 9)
    object.__setattr__(small, "detection", Detection(Box(0, 0, 20, 20), 0.9))
    collection.add([*faces, small], MODEL)
    chosen = collect.select(collection)
    assert chosen.reasons.tolist() == ["", "too dark", "too blurred", "too small"]
    assert chosen.with_limits(Limits(0, 0, 0)).reasons.tolist() == [""] * 4


def test_of_near_duplicates_the_sharpest_is_used_and_at_the_webcam_all(collection, picture) -> None:
    import cv2

    sharp = picture(1)
    soft = cv2.GaussianBlur(sharp, (0, 0), 0.6)
    collection.add([face(lambda _, crop=crop: crop, 1) for crop in (soft, sharp)], MODEL)
    chosen = collect.select(collection)
    assert chosen.reasons.tolist() == ["near-duplicate", ""]
    assert chosen.with_limits(Limits(), near_duplicates=True).reasons.tolist() == ["", ""]
    shot = picture(5)
    both = (shot, cv2.GaussianBlur(shot, (0, 0), 0.6))
    collection.add([face(lambda _, crop=crop: crop, 2, "w", kind="webcam") for crop in both], MODEL)
    assert collect.select(collection).reasons.tolist() == ["near-duplicate", "", "", ""]


def test_the_most_useful_come_first_and_differ(picture) -> None:
    unsure, sure = probabilities("happy", 0.2), probabilities("happy", 0.9)
    values = np.stack([sure] * 100 + [unsure] * 100)
    thumbs = np.stack([picture(seed)[:16, :16] for seed in [1] * 100 + [2] * 99 + [3]])
    ranked = order.most_useful(values, thumbs).tolist()
    assert sorted(ranked) == list(range(200))
    assert set(ranked[:100]) == set(range(100, 200))  # the lowest margins
    assert 199 in ranked[:2]  # the one that looks different is not buried among 99 alike
    grid = order.by_suggestion(
        np.stack([probabilities("sad", 0.5), probabilities("fear"), probabilities("sad")])
    )
    assert grid.tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("seen", "taken"),
    [
        ([(0.0, "happy"), (0.25, "happy"), (0.5, "happy"), (1.0, "happy")], [0.0, 0.5, 1.0]),
        ([(0.0, "happy"), (0.125, "sad"), (0.25, "sad"), (0.625, "sad")], [0.0, 0.125, 0.625]),
    ],
)
def test_a_video_gives_two_faces_a_second_and_every_change(seen, taken) -> None:
    pace = Pace(Clip())
    assert [time_s for time_s, emotion in seen if pace.takes(1, time_s, emotion)] == taken
    calm = Pace(Clip(on_change=False))
    assert [calm.takes(1, 0.0, "happy"), calm.takes(1, 0.1, "sad"), calm.takes(2, 0.1, "sad")] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("values", [(0.0,), (31.0,), (2.0, True, 5.0, 5.0), (2.0, True, -1.0)])
def test_a_clip_that_cannot_be_is_refused(values: tuple) -> None:
    with pytest.raises(VideoError, match="A clip needs"):
        Clip(*values)


# Splits


@st.composite
def people(draw: st.DrawFn) -> tuple[list[str], np.ndarray, list[str]]:
    count = draw(st.integers(1, 40))
    keys = draw(st.lists(st.integers(0, draw(st.integers(0, 15))), min_size=count, max_size=count))
    ends = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(ends, ends), max_size=12))
    emotions = draw(st.lists(st.sampled_from(EMOTIONS), min_size=count, max_size=count))
    return [f"p{key}" for key in keys], np.array(pairs, np.int64).reshape(-1, 2), emotions


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(people(), st.integers(0, 3))
def test_no_person_and_no_near_duplicate_is_in_two_splits(generated, seed: int) -> None:
    keys, pairs, emotions = generated
    plan = persons.plan(keys, pairs, emotions, seed)
    split_of: dict[str, set[str]] = {}
    for key, split in zip(keys, plan.splits, strict=True):
        split_of.setdefault(key, set()).add(split)
    assert all(len(splits) == 1 for splits in split_of.values())
    assert all(plan.splits[a] == plan.splits[b] for a, b in pairs.tolist())
    units = len(set(plan.units.tolist()))
    assert len(set(plan.splits)) == min(units, 3)
    assert "train" in plan.splits
    assert plan.splits == persons.plan(keys, pairs, emotions, seed).splits


def test_the_shares_come_near_for_many_people() -> None:
    keys = [f"p{number // 5}" for number in range(1000)]
    emotions = [EMOTIONS[number % 7] for number in range(1000)]
    plan = persons.plan(keys, np.empty((0, 2), np.int64), emotions)
    counts = persons.split_counts(plan.splits, emotions)
    shares = counts / counts.sum(axis=1).to_numpy()[:, None]
    np.testing.assert_allclose(shares.mean(), [0.7, 0.15, 0.15], atol=0.02)
    assert (counts > 0).all(axis=None)


@pytest.mark.parametrize(
    ("keys", "emotions", "note"),
    [
        (["a"], ["happy"], "two emotions or more. Labelled so far: happy"),
        (
            ["a", "a"],
            ["happy", "sad"],
            "too little for a validation and test split: the faces show 1 person",
        ),
        (["a", "b"], ["happy", "sad"], "too little for a test split: the faces show 2 persons"),
        (["a", "b", "c"], ["happy", "sad", "sad"], "The test split is small"),
    ],
)
def test_too_little_is_said(keys: list[str], emotions: list[str], note: str) -> None:
    notes = persons.plan(keys, np.empty((0, 2), np.int64), emotions).notes
    assert any(note in each for each in notes), notes


def held_buttons(holds: list[tuple[str, int]]) -> tuple[pd.DataFrame, list[str]]:
    """Faces of one person who holds buttons, ten faces a second, with pauses of two seconds."""
    rows, emotions, time_s = [], [], 0.0
    for emotion, count in holds:
        for _ in range(count):
            rows.append(("webcam", "webcam:Ann", round(time_s, 1)))
            emotions.append(emotion)
            time_s += 0.1
        time_s += 2.0
    return pd.DataFrame(rows, columns=["kind", "person", "time_s"]), emotions


def test_one_person_is_split_by_sequence() -> None:
    holds = [(emotion, 10) for emotion in ("happy", "sad") for _ in range(3)] + [("fear", 10)]
    faces, emotions = held_buttons(holds)
    near = np.array([[0, 9], [10, 25], [30, 31]])  # within a sequence, and over its end
    plan = persons.plan_sequences(faces, near, emotions)
    splits = np.array(plan.splits).reshape(7, 10)
    assert len(set(plan.units.tolist())) == 7
    assert [set(row) - {""} for row in splits.tolist()] == [
        {"train"}, {"test"}, {"validation"}, {"train"}, {"test"}, {"validation"}, {"train"}
    ]  # fmt: skip
    assert np.flatnonzero(np.array(plan.splits) == "").tolist() == [10]  # like one of validation
    assert "show the same persons" in plan.notes[0]
    assert "Too few sequences for validation and test: fear." in plan.notes[1]


def test_sequences_end_with_a_pause_a_label_a_camera_and_ten_seconds() -> None:
    rows = [
        ("webcam", "a", 0.0, "sad"), ("webcam", "a", 0.9, "sad"), ("webcam", "a", 2.0, "sad"),
        ("webcam", "a", 2.1, "fear"), ("webcam", "b", 2.1, "fear"), ("webcam", "a", 2.2, "fear"),
        ("webcam", "a", 0.1, "fear"), ("video", "v#1", 9.9, "sad"), ("video", "v#1", 10.1, "sad"),
        ("photo", "p#1", float("nan"), "sad"),
    ]  # fmt: skip
    faces = pd.DataFrame(rows, columns=["kind", "person", "time_s", "label"])
    keys = persons.sequence_keys(faces, faces["label"].tolist())
    assert pd.factorize(np.array(keys, object))[0].tolist() == [0, 0, 1, 2, 3, 2, 4, 5, 6, 7]


def test_a_dataset_of_one_person_has_all_splits(collection, picture) -> None:
    number = 0
    for emotion in ("happy", "sad"):
        for hold in range(3):
            faces = [
                face(picture, number + at, "webcam:Ann", kind="webcam", time_s=60 * hold + at / 10)
                for at in range(4)
            ]
            number += 4
            files = collection.add(faces, MODEL).files
            labels.add(collection, [Entry(file, emotion, "webcam", "Ann") for file in files])
    plan = collect.make_plan(collection, collect.Recipe(rule="sequence"))
    assert plan.counts.loc["sad"].tolist() == [4, 4, 4]
    assert set(plan.table["person"]) == {"webcam:Ann"}


def test_rules_of_what_a_person_is() -> None:
    faces = pd.DataFrame(
        {"source": ["x/a.jpg", "x/b.jpg", "webcam/Ann"], "person": ["x/a.jpg#1", "x/b.jpg#1", "webcam:Ann"],
         "kind": ["photo", "photo", "webcam"]}
    )  # fmt: skip
    assert len(set(persons.person_keys(faces))) == 3
    assert persons.person_keys(faces, "folder") == ["file:x", "file:x", "webcam:Ann"]
    assert len(set(persons.person_keys(faces, "source"))) == 3
    with pytest.raises(ValueError, match="rule must be one of"):
        persons.person_keys(faces, "face recognition")


# Writing


def test_a_dataset_is_written_as_planned_and_opens_again(
    collection, picture, tmp_path: Path
) -> None:
    plan = collect.make_plan(filled(collection, picture))
    folder = collect.write(collection, plan, "faces", tmp_path / "store")
    index = scan(folder)
    assert index.counts().to_dict() == {
        split: column for split, column in plan.counts.to_dict().items() if sum(column.values())
    }
    assert list(index.counts().columns) == list(SPLITS)
    manifest = pd.read_parquet(folder / "manifest.parquet").set_index("file")
    assert set(manifest.index) == set(index.table["file"])
    assert not manifest.groupby("person")["split"].nunique().gt(1).any()
    assert set(manifest["by"]) == {"anna"}
    assert set(manifest["method"]) == {"hand"}
    assert index.notes == ()  # the card and the manifest are no strange files
    card = (folder / "dataset_card.md").read_text("utf-8")
    for text in ("48 face crops of 6 persons", "Consent:", "by hand", "anna", "mobilenetv2"):
        assert text in card


def test_the_same_faces_and_seed_give_the_same_bytes(tmp_path: Path, picture) -> None:
    packed = []
    for number in range(2):
        collection = filled(collect.open_or_create("mine", tmp_path / str(number)), picture)
        folder = collect.write(
            collection, collect.make_plan(collection), "d", tmp_path / f"s{number}"
        )
        packed.append((collect.pack(folder), collect.pack_imagefolder(folder)))
    assert packed[0] == packed[1]


def test_the_zip_opens_again_and_the_other_is_an_imagefolder(collection, picture, tmp_path) -> None:
    folder = collect.write(
        collection, collect.make_plan(filled(collection, picture)), "faces", tmp_path / "store"
    )
    file = tmp_path / "faces.zip"
    file.write_bytes(collect.pack(folder))
    again = import_dataset(file, ImportOptions(home=tmp_path / "again"))
    assert scan(again).counts().equals(scan(folder).counts())
    with zipfile.ZipFile(io.BytesIO(collect.pack_imagefolder(folder))) as archive:
        assert archive.read("README.md").startswith(b"---\ntask_categories")
        table = pd.read_csv(archive.open("train/metadata.csv"))
        assert list(table.columns[:2]) == ["file_name", "label"]
        assert set(table["label"]) == {"happy", "sad"}
        assert all(f"train/{name}" in archive.namelist() for name in table["file_name"])


def test_nothing_labelled_is_said_and_nothing_written(collection, picture, tmp_path: Path) -> None:
    collection.add([face(picture, 1)], MODEL)
    plan = collect.make_plan(collection)
    assert plan.left_out == {"without a label": 1}
    with pytest.raises(DatasetError, match="no face has a label"):
        collect.write(collection, plan, home=tmp_path / "store")
    assert not (tmp_path / "store").exists()


# The webcam


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(emotion: str = "happy", side: float = 100) -> FaceEmotion:
    return FaceEmotion(
        Detection(Box(10, 10, 10 + side, 10 + side), 0.9), probabilities(emotion), False
    )


@pytest.fixture
def capture(collection) -> tuple[Capture, Clock, Collection]:
    clock = Clock()
    return Capture(collection, MODEL, clock), clock, collection


def frame(seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 255, (200, 200, 3), np.uint8)


def test_crops_arrive_ten_a_second_while_a_button_is_held(capture) -> None:
    capture, clock, collection = capture
    capture.take(frame(0), [shown()], 1, 0.0)  # nothing is held
    for number in range(60):  # two seconds of 30 frames
        if number % 15 == 0:
            capture.hold("sad", "Ann")
        clock.now = number / 30
        capture.take(frame(number), [shown(side=20), shown(side=90)], number, clock.now)
    assert 18 <= capture.counts["sad"] <= 21
    faces = collection.faces()
    assert set(faces["person"]) == {"webcam:Ann"}
    assert set(faces["side"]) == {90.0}  # the largest face
    table = labels.label_table(faces, labels.states(collection))
    assert set(zip(table["label"], table["method"], table["by"], strict=True)) == {
        ("sad", "webcam", "Ann")
    }


def test_crops_that_a_browser_cut_are_kept_with_their_own_labels(capture, picture) -> None:
    capture, _, collection = capture
    shots = [
        Shot(picture(number), shown(), number, 0.1 * number, emotion, person)
        for number, (emotion, person) in enumerate(
            [("happy", "Ann"), ("sad", "Ann"), ("sad", " "), ("sad", "Ann")]
        )
    ]
    capture.add([*shots, shots[0]])  # nothing is held, and one came twice
    faces = collection.faces()
    table = labels.label_table(faces, labels.states(collection))
    assert table["label"].tolist() == ["happy", "sad", "sad", "sad"]
    assert faces["person"].tolist() == ["webcam:Ann"] * 2 + ["webcam:somebody", "webcam:Ann"]
    assert capture.counts == {"happy": 1, "sad": 3}


def test_a_page_that_is_gone_lets_go_of_the_button(capture) -> None:
    capture, clock, _ = capture
    capture.hold("sad", "Ann")
    clock.now = 3.0
    capture.take(frame(1), [shown()], 1, 3.0)
    assert (capture.held, sum(capture.counts.values())) == ("", 0)
    capture.hold("sad", "Ann")
    capture.hold("", "Ann")
    capture.take(frame(2), [shown()], 2, 3.1)
    assert sum(capture.counts.values()) == 0


def test_a_full_disk_while_a_button_is_held_is_said_and_lets_go(capture, monkeypatch) -> None:
    capture, _, collection = capture
    capture.hold("happy", "Ann")
    capture.take(frame(1), [shown()], 1, 0.0)
    monkeypatch.setattr("fer_core.dataset.store.SPARE_BYTES", 10**18)
    capture._last_s = -1.0
    capture.take(frame(2), [shown()], 2, 0.5)
    assert "Not enough disk space" in capture.error
    assert capture.held == ""
    assert len(collection.faces()) == capture.counts["happy"] == 1


def test_rows_on_disk_are_plain_lines_of_json(collection, picture) -> None:
    collection.add([face(picture, 1)], MODEL)
    (line,) = (collection.folder / "faces.jsonl").read_text().splitlines()
    row = json.loads(line)
    assert sum(row[name] for name in PROBABILITIES) == pytest.approx(1, abs=1e-4)
    assert quality.sharpness(picture(1)) == pytest.approx(row["sharpness"], abs=1e-4)
