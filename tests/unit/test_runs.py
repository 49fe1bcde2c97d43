"""Runs of the dashboard: one at a time, found dead, compared, promoted, packed."""

import errno
import io
import json
import re
import threading
import zipfile
from pathlib import Path

import pytest

from fer_core.cli import train
from fer_core.cli.main import parser
from fer_core.dataset import scan, splits
from fer_core.dataset.source import DatasetSource
from fer_core.errors import DatasetError, JobError, ModelError, TrainingError
from fer_core.models import registry
from fer_core.models import store as model_store
from fer_core.system import settings
from fer_core.system.jobs import Jobs, State, process_lock
from fer_core.training import estimate, run_archive, runs
from fer_core.training.config import HEADS, TrainConfig, differences
from fer_core.training.loop import is_exhausted
from fer_core.training.presets import PRESETS, fitted
from fer_core.training.run_folder import RunFolder
from tests.run_kit import made, owner_file

QUICK = PRESETS["Quick look"].config


def test_of_two_starts_at_once_one_trains_and_leaves_no_trace_of_the_other() -> None:
    started, refused = [], []
    gate = threading.Barrier(2)

    def start() -> None:
        gate.wait()
        try:
            started.append(runs.start(QUICK, DatasetSource("demo"), "Mine"))
        except JobError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=start) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert (len(started), len(refused)) == (1, 1)
    assert [one.name for one in runs.store().list()] == [started[0].name]
    assert runs.active().name == started[0].name
    with pytest.raises(JobError, match="Mine is training"):
        runs.start(QUICK, DatasetSource("demo"), "Another")
    assert runs.load(started[0].name).config == QUICK
    runs.discard(started[0].name)
    assert runs.all_runs() == ()
    assert runs.active() is None


def test_a_dead_run_is_recognised_and_its_lock_is_free() -> None:
    run = made("Dead", state=State.RUNNING)
    gone = process_lock.Owner(2**22 + 1, "long ago")
    process_lock.write(owner_file(run), gone)
    process_lock.write(runs.store().root / ".running", gone)
    assert runs.load("Dead").job.state is State.INTERRUPTED
    assert runs.active() is None
    again = runs.resume("Dead")
    assert again.state.is_active
    runs.discard("Dead")


def test_more_epochs_are_counted_from_those_trained() -> None:
    made("Done", epochs=3)
    runs.extend("Done", 5)
    run = runs.load("Done")
    runs.store().kill("Done")
    assert (run.config.epochs, run.folder.totals()) == (8, [8])


def test_differences_name_every_field() -> None:
    one = TrainConfig()
    assert differences(one, one) == []
    two = TrainConfig.from_dict({"epochs": 3, "augmentation": {"noise": 0.0}})
    assert differences(one, two) == [("epochs", 15, 3), ("augmentation.noise", 12.0, 0.0)]


def test_promotion_keeps_the_one_before() -> None:
    made("First", model=True)
    made("Second", model=True)
    assert runs.promote("First", "First") == "First"
    assert runs.promote("Second", "First") == "First-2"
    assert registry.default_model() == "First-2"
    assert registry.load_card().facts["demo"]
    assert registry.roll_back() == "First"
    assert registry.roll_back() == registry.FIRST_CHOICE
    assert {"First", "First-2"} <= {one.name for one in model_store.entries()}
    made("Empty")
    with pytest.raises(ModelError):
        runs.promote("Empty", "Empty")
    assert registry.default_model() == registry.FIRST_CHOICE


@pytest.mark.usefixtures("in_this_process")
def test_a_run_goes_elsewhere_and_comes_back() -> None:
    made("There", model=True)
    half = runs.load("There").folder.root / "model" / ".new-weights" / "half.keras"
    half.parent.mkdir()
    half.touch()
    (half.parent.parent / ".card.json-0a1b").touch()
    data = run_archive.pack("There")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert not [name for name in archive.namelist() if "/." in name]
    runs.store().delete("There")
    back = run_archive.import_run(io.BytesIO(data), "There.zip")
    run = runs.load(back.name)
    assert (len(run.epochs), run.has_model, back.state) == (4, True, State.FINISHED)
    assert back.command[-2:] == (str(back.folder), "--resume")
    running = made("Ran", state=State.RUNNING)
    again = run_archive.import_run(io.BytesIO(run_archive.pack("Ran")), "Ran.zip")
    assert again.state is State.INTERRUPTED
    assert running.job.name != again.name


def test_a_run_that_finds_no_room_is_not_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    made("There")
    data = run_archive.pack("There")
    runs.store().delete("There")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run_archive.shutil, "copytree", full)
    with pytest.raises(JobError, match="No space left"):
        run_archive.import_run(io.BytesIO(data), "There.zip")
    assert runs.store().list() == ()


def test_folders_of_other_names_are_named_in_the_command(tree: Path, tmp_path: Path) -> None:
    (tree / "train/happy").rename(tree / "train/smiling")
    options = parser().parse_args(
        ["train", "--run", str(tmp_path), "--data", str(tree), "--classes", "Smiling=happy"]
    )
    source = train._source(RunFolder(tmp_path), options)
    assert DatasetSource.from_dict(source).open().counts().loc["happy"].sum() == 12
    with pytest.raises(SystemExit):
        parser().parse_args(["train", "--run", "r", "--folder", "smiling=glad"])


@pytest.mark.parametrize(
    ("files", "says"),
    [(None, "not a ZIP"), ({"a.txt": "x"}, "no config.yaml"),
     ({"r/config.yaml": "version: 2"}, "version 1"),
     ({"r/config.yaml": "epochs: many"}, "epochs must be a whole number")],
)  # fmt: skip
def test_other_zips_are_refused(files: dict | None, says: str) -> None:
    buffer = io.BytesIO(b"no zip")
    if files:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            [archive.writestr(name, text) for name, text in files.items()]
    with pytest.raises((JobError, TrainingError), match=says):
        run_archive.import_run(buffer, "x.zip")
    assert runs.store().list() == ()


def test_public_links_train_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.settings.cache_clear()
    with pytest.raises(JobError, match="public link"):
        runs.start(QUICK, DatasetSource("demo"), "x")


def test_no_process_waits_for_a_run_where_none_may_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a public link, while one trains, and with little memory."""
    begun: list[str] = []
    monkeypatch.setattr(Jobs, "prepare", lambda store: begun.append(store.preload))
    runs.prepare()
    assert begun == [runs.PRELOAD]
    with monkeypatch.context() as patch:
        patch.setattr(runs, "LEAST_FREE", 1 << 60)
        runs.prepare()
    run = made("Training", state=State.RUNNING)
    process_lock.write(owner_file(run), process_lock.me())
    runs.prepare()
    owner_file(run).unlink()
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.settings.cache_clear()
    runs.prepare()
    assert len(begun) == 1


@pytest.mark.parametrize("name", PRESETS)
def test_presets_fit_any_dataset(name: str) -> None:
    for votes in (False, True):
        config = fitted(PRESETS[name].config, votes)
        assert set(config.heads) <= set(HEADS if votes else ("fer2013",))
    only_votes = TrainConfig(heads=("ferplus",))
    assert fitted(only_votes, has_votes=False).heads == ("fer2013",)


def test_a_validation_split_is_made_once_and_keeps_copies_together(tree: Path) -> None:
    whole = scan(tree)
    copy = tree / "train" / "happy" / "copy.png"
    index = splits.with_validation(whole)
    counts = index.counts()
    assert counts.loc["happy", ["train", "validation"]].tolist() == [8, 2]
    assert counts.loc["disgust", ["train", "validation"]].tolist() == [2, 1]
    assert "15% of the training images" in index.notes[-1]
    assert splits.with_validation(index) is index
    chosen = index.table.loc[index.table["split"] == "validation", "file"]
    copy.write_bytes((tree / chosen[chosen.str.contains("happy")].iloc[0]).read_bytes())
    parted = splits.with_validation(scan(tree)).table
    by_digest = parted[parted["split"] != "test"].groupby("digest")["split"].nunique()
    assert by_digest.max() == 1
    with pytest.raises(DatasetError, match="too few images"):
        splits.with_validation(whole.where(whole.table["file"].isin(["train/sad/0.png"])))


def test_corrections_are_added_to_training_alone(tree: Path, tmp_path: Path) -> None:
    extra = tmp_path / "extra" / "fear"
    extra.mkdir(parents=True)
    (extra / "a.png").write_bytes((tree / "train" / "sad" / "0.png").read_bytes())
    index = splits.with_extra(scan(tree), scan(tmp_path / "extra"))
    assert index.counts().loc["fear", "train"] == 1
    assert index.path(len(index) - 1) == extra / "a.png"
    assert len(index.thumbs) == len(index)


@pytest.mark.parametrize(
    ("error", "is_full"),
    [(MemoryError(), False), (RuntimeError("RESOURCE_EXHAUSTED: Out of memory"), True),
     (type("OutOfMemoryError", (RuntimeError,), {})(), True), (ValueError("x"), False)],
)  # fmt: skip
def test_a_full_gpu_is_told_from_other_errors(error: Exception, is_full: bool) -> None:
    assert is_exhausted(error) == is_full


def test_estimates_are_measured_once_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainConfig(
        architecture="fernet", start="scratch", input_size=32, batch_size=4, heads=("fer2013",)
    )
    assert estimate.cached(config) is None
    found = estimate.estimate(config)
    assert 1e6 < found.parameters < 1.3e6
    assert found.images_per_second > 0
    assert found.validated_per_second > 0
    assert 300 < found.megabytes < 4000
    assert found.image_bytes == 32 * 32
    assert found.epoch_seconds(100, 0) == pytest.approx(100 / found.images_per_second)
    monkeypatch.delattr(estimate.isolated, "call")  # nothing can be measured any more
    assert estimate.estimate(TrainConfig(**{**_values(config), "epochs": 3})) == found


def _values(config: TrainConfig) -> dict:
    return dict(vars(config))


def test_an_estimate_that_fails_gives_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "TIME_LIMIT_S", 0.1)
    says = "could not be measured (took longer than 0.1 s). A smaller batch"
    with pytest.raises(TrainingError, match=re.escape(says)):
        estimate.estimate(TrainConfig())


@pytest.mark.usefixtures("in_this_process")
def test_an_estimate_of_what_cannot_be_built_says_why() -> None:
    with pytest.raises(TrainingError, match="nowhere"):
        estimate.estimate(TrainConfig(start="nowhere"))


def test_the_dataset_may_not_change_within_a_run(tmp_path: Path) -> None:
    from fer_core.training.run_dataset import check_same
    from fer_core.training.run_folder import RunFolder

    folder = RunFolder(tmp_path)
    folder.dataset.write_text(json.dumps({"data": "x", "fingerprint": "a"}))
    check_same(folder, {"data": "x"}, {"fingerprint": "b"})  # nothing was trained yet
    folder.state.write_bytes(b"")
    check_same(folder, {"data": "x"}, {"fingerprint": "a"})
    with pytest.raises(TrainingError, match="x: the dataset has changed"):
        check_same(folder, {"data": "x"}, {"fingerprint": "b"})


def test_a_dataset_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        DatasetSource(str(tmp_path / "gone")).open()


def test_a_damaged_or_empty_split_is_not_trained(tree: Path) -> None:
    from fer_core.training import arrays

    assert len(arrays.load(scan(tree), "train", 32, 1)) == 18
    with pytest.raises(TrainingError, match="no images in the split 'validation'"):
        arrays.load(scan(tree), "validation", 32, 1)
    (tree / "train" / "sad" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(TrainingError, match=r"1 of 19 images cannot be read .*broken.png"):
        arrays.load(scan(tree), "train", 32, 1)


def test_versions_of_the_demo_are_drawn_too(tmp_path: Path) -> None:
    from fer_core.dataset import demo

    for name, source in (("demo", None), ("b", "demo"), ("c", "b"), ("photos", None)):
        (tmp_path / name).mkdir()
        if source:
            about = json.dumps({"source": str(tmp_path / source)})
            (tmp_path / name / "version.json").write_text(about)
    assert [demo.is_drawn(tmp_path / n) for n in ("demo", "b", "c", "photos")] == [True] * 3 + [
        False
    ]
