"""Bursts: stopping and going on, by wish or by force, gives what never having stopped gives.

Where nothing else is said, a network of one convolution is trained.
"""

import json
import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_core.training.config import Augmentation, TrainConfig
from fer_core.training.run_folder import RunFolder
from tests import training_kit as kit

keras = pytest.importorskip("keras")

from fer_core.errors import TrainingError  # noqa: E402
from fer_core.training import loop, networks  # noqa: E402
from fer_core.training.callbacks import interrupt, resume_state  # noqa: E402

EVERYTHING = {
    "schedule": "constant", "early_stopping": 3, "reduce_lr": 1, "reduce_lr_factor": 0.5,
    "tensorboard": True, "ema": 0.9, "refresh_batchnorm": 2, "monitor": "val_loss",
    "class_weights": "balanced", "head_epochs": 1,
}  # fmt: skip
KINDS = [
    ("fernet", {"schedule": "cosine"}), ("fernet", EVERYTHING),
    ("fernet", EVERYTHING | {"epochs": 2}), ("mobilenetv2", EVERYTHING | {"epochs": 2}),
]  # fmt: skip
NAMES = ["small", "small-every-callback", "fernet-every-callback", "mobilenetv2-every-callback"]
FERNET = networks.BACKBONES["fernet"]
IGNORED = {"seconds", "session"}
QUICK = {"optimizer": "sgd", "batch_size": 16}
"""One step an epoch and few operations in it, where neither matters."""


@pytest.fixture(scope="module", autouse=True)
def graph(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Compiling takes ten times as long as these trainings do: only ``--graph`` compiles."""
    import tensorflow as tf

    wanted = request.config.getoption("--graph")
    tf.config.run_functions_eagerly(not wanted)
    with kit.fernet_as(kit.one_convolution):
        yield wanted
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def data() -> dict:
    return kit.data()


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory, data: dict) -> dict[str, RunFolder]:
    """Each kind trained without a stop, made when first asked for."""

    class Runs(dict):
        def __missing__(self, name: str) -> RunFolder:
            architecture, more = dict(zip(NAMES, KINDS, strict=True))[name]
            folder = tmp_path_factory.mktemp("straight") / name
            with kit.fernet_as(backbone(name)):
                loop.train(kit.config(architecture, **more), folder, data)
            self[name] = RunFolder(folder)
            return self[name]

    return Runs()


@pytest.fixture(scope="module")
def trainer(graph: bool) -> Iterator[kit.Zygote]:
    with kit.zygote(graph) as one:
        yield one


def backbone(name: str) -> Callable:
    """The one of ``fernet``: a single convolution but where the real one is named."""
    return kit.one_convolution if name.startswith("small") else FERNET


def same(one: RunFolder, other: RunFolder) -> None:
    """The same figures, weights, optimizer and counters, to 1e-6."""
    ours, theirs = (
        [{k: v for k, v in line.items() if k not in IGNORED} for line in run.epochs()]
        for run in (one, other)
    )
    assert [line["epoch"] for line in ours] == list(range(len(ours)))
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert _flat(a["callbacks"]) == pytest.approx(_flat(b["callbacks"]), abs=1e-6)
        for name in a.keys() - {"callbacks", "mistakes", "recall", "confusion"}:
            assert a[name] == pytest.approx(b[name], abs=1e-6), name
        assert a["confusion"] == b["confusion"]
    with np.load(one.state) as first, np.load(other.state) as second:
        assert set(first.files) == set(second.files)
        for name in set(first.files) - {"about"}:
            np.testing.assert_allclose(first[name], second[name], atol=1e-6, err_msg=name)
    mine, yours = (resume_state.read(run.state) for run in (one, other))
    assert (mine.epoch, mine.step, mine.stopped) == (yours.epoch, yours.step, yours.stopped)
    assert _flat(mine.counters) == pytest.approx(_flat(yours.counters), abs=1e-6)


def _flat(counters: dict) -> dict[str, float | None]:
    return {f"{kind}.{name}": v for kind, c in counters.items() for name, v in c.items()}


@pytest.mark.parametrize("name", NAMES)
def test_two_halves_are_the_whole(name: str, straight: dict, data: dict, tmp_path: Path) -> None:
    architecture, more = dict(zip(NAMES, KINDS, strict=True))[name]
    wanted, folder = kit.config(architecture, **more), tmp_path / "run"
    half = wanted.epochs // 2
    with kit.fernet_as(backbone(name)):
        assert loop.train(wanted, folder, data, until=half) == loop.PAUSED
        assert len(RunFolder(folder).epochs()) == half
        assert loop.train(wanted, folder, data, resume=True) == loop.FINISHED
    same(RunFolder(folder), straight[name])
    assert [line["session"] for line in RunFolder(folder).epochs()] == [0] * half + [1] * half
    assert len(RunFolder(folder).sessions()) == 2


@pytest.mark.parametrize("name", NAMES[:2])
def test_a_pause_within_an_epoch_changes_nothing(
    name: str, straight: dict, data: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupt, "INTERVAL_S", 0)
    looks = iter(["", "", "", "pause"])  # the first batch of the second epoch
    architecture, more = dict(zip(NAMES, KINDS, strict=True))[name]
    wanted, folder = kit.config(architecture, **more), tmp_path / "run"
    with kit.files_are_closed():
        assert loop.train(wanted, folder, data, request=lambda: next(looks)) == loop.PAUSED
    place = resume_state.read(RunFolder(folder).state)
    assert (place.epoch, place.step) == (1, 1)
    assert loop.train(wanted, folder, data, resume=True) == loop.FINISHED
    same(RunFolder(folder), straight[name])


def test_a_pause_where_an_epoch_is_one_batch(
    data: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupt, "INTERVAL_S", 0)
    wanted, folder = kit.config(**QUICK, epochs=2), tmp_path / "run"
    looks = iter(["", "pause"])
    assert loop.train(wanted, folder, data, request=lambda: next(looks)) == loop.PAUSED
    place = resume_state.read(RunFolder(folder).state)
    assert (place.epoch, place.step) == (1, 0)
    assert loop.train(wanted, folder, data, resume=True) == loop.FINISHED
    assert len(RunFolder(folder).epochs()) == 2


def test_fewer_pictures_than_the_epoch_had_when_it_was_paused(
    data: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupt, "INTERVAL_S", 0)
    wanted, folder = kit.config(epochs=1), tmp_path / "run"
    looks = iter(["", "pause"])
    assert loop.train(wanted, folder, data, request=lambda: next(looks)) == loop.PAUSED
    fewer = data | {"train": kit.samples(8, 1)}
    assert loop.train(wanted, folder, fewer, resume=True) == loop.FINISHED


def test_a_stop_between_the_epochs_of_the_heads_and_the_others(
    straight: dict, data: dict, tmp_path: Path
) -> None:
    architecture, more = dict(zip(NAMES, KINDS, strict=True))[NAMES[1]]
    wanted, folder = kit.config(architecture, **more), tmp_path / "run"
    assert loop.train(wanted, folder, data, until=wanted.head_epochs) == loop.PAUSED
    assert loop.train(wanted, folder, data, resume=True) == loop.FINISHED
    same(RunFolder(folder), straight[NAMES[1]])


def test_killed_in_the_third_epoch_at_most_that_one_is_repeated(
    straight: dict, data: dict, trainer: kit.Zygote, tmp_path: Path
) -> None:
    name, (architecture, more) = NAMES[1], KINDS[1]
    wanted, folder = kit.config(architecture, **more), RunFolder(tmp_path / "run")
    assert trainer.wait(trainer.train(wanted, folder.root, die_in=2)) == -9
    assert resume_state.read(folder.state).epoch == 2
    assert loop.train(wanted, folder.root, data, resume=True) == loop.FINISHED
    same(folder, straight[name])


def test_the_best_network_can_be_opened_whenever_it_is_killed(
    trainer: kit.Zygote, data: dict, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Three kills as a rule, ``--kills 30`` in ``make stress``; the moments are drawn by chance."""
    folder = RunFolder(tmp_path / "run")
    wanted = kit.config(**QUICK, epochs=1000, schedule="constant")
    draw = random.Random(request.config.getoption("--seed"))
    pid = trainer.train(wanted, folder.root)
    assert kit.wait_until(folder.best.exists, pid)
    for _ in range(request.config.getoption("--kills")):
        before = len(folder.epochs())
        after, late = before + draw.randint(0, 2), draw.random() * 0.3
        kit.wait_until(lambda: len(folder.epochs()) >= after, pid)  # noqa: B023
        kit.wait_until(_later(late), pid)
        kit.kill(pid)
        assert trainer.wait(pid) == -9
        network = keras.saving.load_model(folder.best, compile=False)
        assert network.predict_on_batch(data["validation"].pixels.astype("float32"))
        saved = resume_state.read(folder.state).epoch if folder.state.exists() else 0
        assert saved >= before - 1
        begun = len(folder.sessions())
        pid = trainer.train(wanted, folder.root, resume=True)
        kit.wait_until(lambda: len(folder.sessions()) > begun, pid)  # noqa: B023
    kit.kill(pid)
    trainer.wait(pid)


def _later(seconds: float):
    limit = time.monotonic() + seconds
    return lambda: time.monotonic() >= limit


def test_counters_and_the_best_cross_a_resume(data: dict, tmp_path: Path) -> None:
    """With a least gain that is never reached, patience runs across the bursts."""
    wanted = kit.config(
        **QUICK, schedule="constant", early_stopping=3, early_stopping_min_delta=1.0, reduce_lr=2,
        reduce_lr_factor=0.5, epochs=9,
    )  # fmt: skip
    folder = RunFolder(tmp_path)
    for until in (1, 2, 3):
        assert loop.train(wanted, tmp_path, data, resume=until > 1, until=until) == loop.PAUSED
    before = resume_state.read(folder.state).counters
    assert (before["EarlyStopping"]["wait"], before["ReduceLROnPlateau"]["wait"]) == (2, 0)
    best = before["BestModel"]
    assert loop.train(wanted, tmp_path, data, resume=True) == loop.FINISHED
    lines = folder.epochs()
    assert [line["epoch"] for line in lines] == [0, 1, 2, 3]
    rates = [line["learning_rate"] for line in lines]
    assert rates == pytest.approx([2e-3, 2e-3, 2e-3, 1e-3])
    after = resume_state.read(folder.state)
    assert after.stopped
    assert after.counters["BestModel"]["best"] >= best["best"]
    top = max(line["val_accuracy"] for line in lines)
    assert after.counters["BestModel"]["best"] == pytest.approx(top, abs=1e-5)
    assert loop.train(wanted, tmp_path, data, resume=True) == loop.FINISHED
    assert len(folder.epochs()) == 4, "a run that EarlyStopping ended stays ended"
    folder.extend(wanted, 6)
    assert loop.train(kit.config(**{**_of(wanted), "epochs": 6}), tmp_path, data, resume=True)
    assert len(folder.epochs()) == 6, "unless more epochs were asked for"


def _of(wanted) -> dict:
    return {
        name: getattr(wanted, name)
        for name in wanted.to_dict()
        if name not in ("version", "architecture")
    }


def test_more_epochs_than_planned_at_a_constant_rate_are_as_if_planned(
    straight: dict, data: dict, tmp_path: Path
) -> None:
    _, more = KINDS[1]
    folder = RunFolder(tmp_path)
    short, long = kit.config(**more, epochs=2), kit.config(**more)
    assert loop.train(short, tmp_path, data) == loop.FINISHED
    folder.extend(short, 4)
    assert loop.train(long, tmp_path, data, resume=True) == loop.FINISHED
    same(folder, straight["small-every-callback"])


def test_more_epochs_stretch_the_cosine(straight: dict, data: dict, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    short, long = (kit.config(schedule="cosine", epochs=n, optimizer="sgd") for n in (2, 4))
    loop.train(short, tmp_path, data)
    assert folder.epochs()[-1]["learning_rate"] == pytest.approx(2e-6, rel=0.01)
    folder.extend(short, 4)
    loop.train(long, tmp_path, data, resume=True)
    rates = [line["learning_rate"] for line in folder.epochs()[2:]]
    assert rates == [line["learning_rate"] for line in straight["small"].epochs()[2:]]


@pytest.mark.parametrize("change", [
    {"learning_rate": 0.5}, {"label_smoothing": 0.5, "seed": 99}, {"loss": "focal"},
    {"ema": 0.9}, {"monitor": "val_loss"}, {"schedule": "cosine"}, {"class_weights": "balanced"},
    {"augmentation": Augmentation(rotation=1.0)},
])  # fmt: skip
def test_a_run_is_not_resumed_with_another_config(
    change: dict, data: dict, tmp_path: Path, once: RunFolder
) -> None:
    shutil.copytree(once.root, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    whole = folder.state.read_bytes(), folder.config.read_bytes(), folder.metrics.read_bytes()
    other = replace(kit.config(**ONCE), **change)
    name = next(iter(change))
    with pytest.raises(TrainingError, match=rf"{name}.* from .* to .*undo the change"):
        loop.train(other, folder.root, data, resume=True)
    assert whole == (
        folder.state.read_bytes(), folder.config.read_bytes(), folder.metrics.read_bytes()
    )  # fmt: skip


ONCE = {**QUICK, "epochs": 3, "schedule": "constant"}


@pytest.fixture(scope="module")
def once(data: dict, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that was paused after its first epoch."""
    folder = RunFolder(tmp_path_factory.mktemp("once") / "run")
    assert loop.train(kit.config(**ONCE), folder.root, data, until=1) == loop.PAUSED
    return folder


def test_what_may_change_between_sessions_is_noted(
    data: dict, tmp_path: Path, once: RunFolder
) -> None:
    shutil.copytree(once.root, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    other = kit.config(**ONCE | {"epochs": 2, "early_stopping": 3, "batch_size": 8})
    assert loop.train(other, folder.root, data, resume=True) == loop.FINISHED
    note = folder.sessions()[-1]["note"]
    assert "early_stopping from 0 to 3" in note
    assert "batch_size from 16 to 8" in note
    saved = TrainConfig.load(folder.config).learning_rate
    assert [line["learning_rate"] for line in folder.epochs()] == pytest.approx([saved] * 2)


def test_a_state_of_version_0_1_is_resumed(data: dict, tmp_path: Path, once: RunFolder) -> None:
    """It names the session ``burst`` and holds no config to compare with."""
    shutil.copytree(once.root, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    with np.load(folder.state) as stored:
        arrays = dict(stored)
    about = json.loads(arrays["about"].tobytes())
    about["burst"] = about.pop("session")
    del about["config"]
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(folder.state, **arrays)
    lines = folder.metrics.read_text().replace('"session"', '"burst"')
    folder.metrics.write_text(lines.replace('"predicted"', '"answer"'))
    assert loop.train(kit.config(**ONCE), folder.root, data, resume=True) == loop.FINISHED
    assert [line["session"] for line in folder.epochs()] == [0, 1, 1]
    assert all("predicted" in mistake for line in folder.epochs() for mistake in line["mistakes"])


def test_a_full_gpu_halves_the_batch_once(
    data: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    run_epoch, most = loop.Session.run_epoch, [4]

    def small(self, request):
        if self.config.batch_size > most[0]:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return run_epoch(self, request)

    monkeypatch.setattr(loop.Session, "run_epoch", small)
    wanted = kit.config(epochs=1, optimizer="sgd")
    assert loop.train(wanted, tmp_path / "fits", data) == loop.FINISHED
    folder = RunFolder(tmp_path / "fits")
    assert "batches of 8; now they have 4" in folder.sessions()[-1]["note"]
    assert "batch_size: 4" in folder.config.read_text()
    most[0] = 2
    with pytest.raises(TrainingError, match="even for batches of 4"):
        loop.train(wanted, tmp_path / "never", data)


def test_another_batch_keeps_its_place_in_the_schedule(data: dict, tmp_path: Path) -> None:
    loop.train(kit.config(**QUICK, epochs=2), tmp_path, data, until=1)
    loop.train(kit.config(**QUICK | {"batch_size": 8}, epochs=2), tmp_path, data, resume=True)
    assert RunFolder(tmp_path).epochs()[-1]["learning_rate"] == pytest.approx(2e-6, rel=0.01)


def test_a_full_disk_costs_at_most_an_epoch(
    straight: dict, data: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saved = resume_state.save, []

    def full(file, model, place):
        if len(saved) == 2:
            raise OSError(28, "No space left on device")
        saved.append(place.epoch)
        save(file, model, place)

    wanted = kit.config(schedule="cosine")
    with monkeypatch.context() as patch:
        patch.setattr(resume_state, "save", full)
        with pytest.raises(OSError, match="No space left"):
            loop.train(wanted, tmp_path, data)
    assert resume_state.read(RunFolder(tmp_path).state).epoch == 2
    assert loop.train(wanted, tmp_path, data, resume=True) == loop.FINISHED
    same(RunFolder(tmp_path), straight["small"])


def test_a_loss_that_is_no_number_keeps_the_best(
    data: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(loop.HeadLoss):
        def call(self, y_true, y_pred):
            return super().call(y_true, y_pred) * float("nan")

    folder, wanted = RunFolder(tmp_path), kit.config(**QUICK, schedule="constant")
    loop.train(wanted, tmp_path, data, until=1)
    best = folder.best.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "HeadLoss", Broken)
        with pytest.raises(TrainingError, match=r"The loss is NaN.*ten times lower"):
            loop.train(wanted, tmp_path, data, resume=True)
    assert (folder.best.read_bytes(), len(folder.epochs())) == (best, 1)
    assert resume_state.read(folder.state).epoch == 1


def test_tensorboard_has_every_epoch(straight: dict) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = straight["small-every-callback"]
    seen = EventAccumulator(str(folder.root / "tensorboard" / "train")).Reload()
    steps = sorted(event.step for event in seen.Tensors("epoch_loss"))  # files of one second
    assert steps == [0, 1, 2, 3]
    lines = folder.history.read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch", "0", "1", "2", "3"]


def test_metrics_with_half_a_last_line_are_read(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    whole = [{"epoch": n, "session": 0, "loss": 1.0 / (n + 1)} for n in range(3)]
    text = "".join(json.dumps(line) + "\n" for line in whole)
    for cut in (1, 10, len(json.dumps(whole[-1]))):
        folder.metrics.write_text(text[:-cut] if cut > 1 else text + '{"epoch": 3, "bu')
        assert [line["epoch"] for line in folder.epochs()] in ([0, 1], [0, 1, 2])
    folder.metrics.write_bytes(text.encode() + b"\xff\xfe\n[]\nnull\n")
    assert folder.epochs() == whole
