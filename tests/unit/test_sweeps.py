"""Sweeps: what is drawn, what is refused, trials as ordinary runs, and Ray Tune over them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from fer_core import EMOTIONS
from fer_core.cli.main import main
from fer_core.cluster import connection
from fer_core.cluster.sweeps import run as sweep_run
from fer_core.cluster.sweeps import store
from fer_core.cluster.sweeps import trial_runner as follower
from fer_core.cluster.sweeps.config import Range, SweepConfig
from fer_core.cluster.sweeps.trial_runner import Follower
from fer_core.dataset.source import DatasetSource
from fer_core.errors import DatasetError, JobError, TrainingError
from fer_core.system.jobs import State, job, process_lock
from fer_core.system.jobs.job import RUNNING
from fer_core.training import runs
from fer_core.training.config import TrainConfig
from tests.pictures_kit import few_of
from tests.run_kit import made

TINY = {
    "architecture": "fernet", "start": "scratch", "input_size": 32, "heads": ["fer2013"],
    "epochs": 2, "batch_size": 32,
}  # fmt: skip
DRAWN = {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "batch_size": [16, 32]}


def config(**more) -> SweepConfig:
    return SweepConfig.from_dict({"data": "demo", "base": TINY, "fields": DRAWN} | more)


def test_what_is_drawn_is_within_its_limits_and_the_same_again() -> None:
    wanted = config(
        fields={
            "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
            "batch_size": {"low": 8, "high": 64},
            "augmentation.rotation": {"low": 5, "high": 15},
            "optimizer": ["adamw", "sgd"],
        },
        trials=200,
    )
    values = wanted.values()
    assert values == wanted.values()
    assert values != replace(wanted, seed=8).values()
    rates = sorted(one["learning_rate"] for one in values)
    assert 1e-4 <= rates[0] < 2e-4
    assert 8e-4 < rates[100] < 1.25e-3  # the middle of the orders of magnitude
    assert {type(one["batch_size"]) for one in values} == {int}
    assert all(5 <= one["augmentation.rotation"] <= 15 for one in values)
    assert {one["optimizer"] for one in values} == {"adamw", "sgd"}
    first = wanted.configs()[0]
    assert first.augmentation.rotation == values[0]["augmentation.rotation"]
    assert first.input_size == 32


def test_lists_alone_give_every_combination_once() -> None:
    wanted = config(fields={"batch_size": [16, 32], "optimizer": ["adamw", "sgd"]}, trials=8)
    assert len(wanted.values()) == 4
    assert len({tuple(one.values()) for one in wanted.values()}) == 4
    few = replace(wanted, trials=3).values()
    assert len({tuple(one.values()) for one in few}) == 3


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"fields": {"learning_rat": [1e-3]}}, "no field learning_rat to try. Fields: .*learning_rate"),
        ({"fields": {"augmentation.rotate": [1]}}, "no field augmentation.rotate"),
        ({"fields": {"augmentation": [1]}}, "no field augmentation to try"),
        ({"fields": {}}, "at least one field"),
        ({"fields": {"epochs": 3}}, "fields.epochs must be a list, or low and high"),
        ({"fields": {"epochs": {"low": 1, "hgih": 3}}}, "fields.epochs must be"),
        ({"fields": {"learning_rate": {"low": 0, "high": 1, "log": True}}}, "above 0"),
        ({"fields": {"optimizer": {"low": 0, "high": 1}}}, "its values are no numbers"),
        ({"fields": {"epochs": [0]}}, "epochs must be a whole number from 1"),
        ({"fields": {"optimizer": ["adam"]}}, "optimizer must be one of adamw, sgd"),
        ({"trials": 0}, "trials must be a whole number from 1"),
        ({"trials": "many"}, "trials must be a whole number"),
        ({"gpus": -1}, "gpus must be"),
        ({"tries": 3}, "no field tries of a sweep. Fields: .*trials"),
        ({"data": ""}, "data must name a dataset"),
        ({"base": {"epoch": 3}}, "no field epoch. Fields"),
    ],
)  # fmt: skip
def test_what_a_sweep_cannot_do_is_named(more: dict, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        config(**more)


def test_it_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    wanted = config(parallel_trials=2, gpus=0.5, votes="/votes.csv")
    wanted.save(tmp_path / "sweep.yaml")
    assert SweepConfig.load(tmp_path / "sweep.yaml") == wanted
    assert wanted.fields["learning_rate"] == Range(1e-4, 1e-2, log=True)


def test_a_sweep_of_version_0_1_is_read() -> None:
    assert config(at_once=3).parallel_trials == 3


def test_a_base_may_be_a_recipe(tmp_path: Path) -> None:
    assert config(base="fernet").base["learning_rate"] == 0.002
    (tmp_path / "list.yaml").write_text("[1, 2]")
    with pytest.raises(TrainingError, match="must hold fields"):
        SweepConfig.load(tmp_path / "list.yaml")


@pytest.fixture
def few_pictures(drawn: Path, tmp_path: Path) -> Path:
    return few_of(drawn, tmp_path / "few", train=6, validation=3)


def test_folders_of_other_names_stand_for_what_the_sweep_says(
    few_pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for split in few_pictures.iterdir():
        for folder in list(split.iterdir()):
            folder.rename(split / f"{folder.name}-faces")
    names = {f"{emotion}-faces": emotion for emotion in EMOTIONS}
    wanted = config(title="Mapped", data=str(few_pictures))
    name = store.create(
        replace(wanted, source=DatasetSource(str(few_pictures), classes=names))
    ).name

    def connected(_: object) -> None:
        raise TrainingError("as far as Ray")

    monkeypatch.setattr(sweep_run, "connected", connected)
    work = SimpleNamespace(report=lambda *_: None)
    with pytest.raises(TrainingError, match="as far as Ray"):
        sweep_run.run(name, work)


@pytest.mark.parametrize(
    ("source", "says"),
    [({"votes": "votse.csv"}, "votse.csv"), ({"decisions": "gone.csv"}, "no such file of dec")],
)
def test_what_a_sweep_learns_from_is_looked_at_first(
    few_pictures: Path, source: dict, says: str
) -> None:
    wanted = config(title="Mistyped", data=str(few_pictures))
    name = store.create(replace(wanted, source=DatasetSource(str(few_pictures), **source))).name
    with pytest.raises(DatasetError, match=says):
        sweep_run.run(name, SimpleNamespace(report=lambda *_: None))


def test_a_sweep_without_a_figure_has_failed() -> None:
    sweep = sweep_with_runs(State.FINISHED)
    sweep_run._check_trained(sweep.job.name)
    run = sweep.trials()[0].run.folder
    run.metrics.unlink()
    with pytest.raises(TrainingError, match="No trial has trained an epoch"):
        sweep_run._check_trained(sweep.job.name)


def sweep_with_runs(*states: State, stopped_early: int | None = None) -> store.Sweep:
    """A sweep whose trials have trained two epochs each and then were left in these states."""
    name = store.create(config(title="Rates", trials=len(states) + 1)).name
    for number, state in enumerate(states):
        run = made(store.run_name(name, number), epochs=2, state=state, input_size=32)
        store.note_trial(run.job.folder, name, number, stopped_early=number == stopped_early)
    return store.load(name)


def test_a_sweep_is_not_resumed_with_another_config() -> None:
    """A trial's figure would stand beside values that it was never trained with."""
    name = store.create(config(title="Rates", trials=2)).name
    sweep = store.load(name)
    first = sweep.config.configs()[0]
    folder = made(store.run_name(name, 0), epochs=2).folder
    replace(first, batch_size=8).save(folder.config)  # halved by a small GPU
    sweep_run._check_config(store.load(name))
    file = sweep.job.folder / store.CONFIG
    file.write_text(file.read_text().replace("low: 0.0001", "low: 0.001"))
    with pytest.raises(TrainingError, match=r"Rates: sweep\.yaml has changed.*learning_rate from"):
        sweep_run.run(name, None)
    replace(sweep.config, base=sweep.config.base | {"dropout": 0.5}).save(file)
    with pytest.raises(TrainingError, match=r"dropout from .* to 0\.5.*start a new sweep"):
        sweep_run._check_config(store.load(name))


def test_trials_are_read_from_their_runs() -> None:
    sweep = sweep_with_runs(State.FINISHED, State.CANCELLED, State.FAILED, stopped_early=1)
    words = [one.word for one in sweep.trials()]
    assert words == ["finished", "stopped early", "failed", "waiting"]
    assert [one.best for one in sweep.trials()] == pytest.approx([0.34, 0.34, 0.34, None])
    assert [store.is_over(one) for one in sweep.trials()] == [True, True, True, False]
    assert len(runs.all_runs()) == 3


def test_a_run_that_is_over_is_handed_on_and_not_trained_again(tmp_path: Path) -> None:
    sweep = sweep_with_runs(State.FINISHED)
    home = str(tmp_path / "home")
    follower = Follower(home, sweep.job.name, 0)
    first, last = follower.next(), follower.next()
    assert first == {"val_accuracy": pytest.approx(0.3), "epochs": 1, "done": False}
    assert last == {"val_accuracy": pytest.approx(0.34), "epochs": 2, "done": True}
    follower.close()
    assert store.load(sweep.job.name).trials()[0].word == "finished"


def test_a_trial_whose_process_was_killed_is_tried_again(tmp_path: Path) -> None:
    sweep = sweep_with_runs(State.FINISHED)
    follower = Follower(str(tmp_path / "home"), sweep.job.name, 0)
    assert follower.next()["epochs"] == 1
    run = store.load(sweep.job.name).trials()[0].run
    process_lock.write(run.job.folder / "owner.json", process_lock.Owner(2**22 + 1, "long ago"))
    job.set_state(run.job.folder, State.RUNNING)
    with pytest.raises(TrainingError, match="ended without a word"):
        follower.next()
    assert not store.is_over(store.load(sweep.job.name).trials()[0])


def test_a_trial_that_cannot_be_ended_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = sweep_with_runs(State.FINISHED)
    run = store.load(sweep.job.name).trials()[0].run.job
    process_lock.write(run.folder / "owner.json", process_lock.Owner(1, "then", "another machine"))
    job.set_state(run.folder, State.RUNNING)
    monkeypatch.setattr(follower, "END_S", 0.1)
    with pytest.raises(TrainingError, match="does not end"):
        follower.end(runs.store(), run)


def test_a_trial_pauses_when_its_sweep_was_killed(few_pictures: Path) -> None:
    pytest.importorskip("tensorflow")
    sweep = store.create(config(title="Killed", data=str(few_pictures)))
    process_lock.write(sweep.folder / "owner.json", process_lock.Owner(2**22 + 1, "long ago"))
    job.set_state(sweep.folder, State.RUNNING)
    recipe = few_pictures.parent / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({**TINY, "epochs": 300}))
    run = runs.store().root / store.run_name(sweep.name, 0)
    command = ["train", "--run", str(run), "--data", str(few_pictures), "--config", str(recipe)]
    assert main([*command, "--sweep", sweep.name]) == 3
    assert runs.load(run.name).job.state is State.PAUSED


def test_nothing_else_trains_meanwhile() -> None:
    run = made("Mine")
    process_lock.write(run.job.folder / "owner.json", process_lock.Owner.of(os.getppid()))
    job.set_state(run.job.folder, State.RUNNING)
    with pytest.raises(JobError, match="Mine is training"):
        store.start(config())
    job.set_state(run.job.folder, State.FINISHED)
    assert store.store().list() == ()


def test_without_ray_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    config().save(tmp_path / "sweep.yaml")
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["sweep", "--config", str(tmp_path / "sweep.yaml")]) == 2
    assert "pip install -r requirements-cluster.txt" in capsys.readouterr().err
    assert store.store().list() == ()


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Whatever the test begins ends with it."""
    yield
    for one in store.store().list():
        store.store().kill(one.name)
    for one in runs.store().list():
        runs.discard(one.name)


def test_ctrl_c_while_ray_starts_counts_after_it(ctrl_c: None) -> None:
    started: list[bool] = []

    def start() -> None:
        with connection._own_signals():
            signal.raise_signal(signal.SIGINT)
            signal.signal(signal.SIGTERM, lambda *_: None)  # as Ray does
            started.append(True)

    with pytest.raises(KeyboardInterrupt):
        start()
    assert started
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_ends_a_sweep_and_its_trials(
    few_pictures: Path, ctrl_c: None, nothing_left: None
) -> None:
    """A terminal sends it to every process of the command at once."""
    pytest.importorskip("ray", reason="no Ray: pip install -r requirements-cluster.txt")
    file = few_pictures.parent / "sweep.yaml"
    fields = {"learning_rate": [2e-3]}
    config(data=str(few_pictures), base={**TINY, "epochs": 5000}, fields=fields).save(file)
    command = subprocess.Popen(
        [sys.executable, "-m", "fer_core", "sweep", "--config", str(file)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    limit = time.monotonic() + 300
    while not any(run.epochs for run in runs.all_runs()):
        assert command.poll() is None, command.communicate()
        assert time.monotonic() < limit, command.kill()
        time.sleep(0.1)
    os.killpg(command.pid, signal.SIGINT)
    said, errors = command.communicate(timeout=120)
    (name,) = (one.name for one in store.store().list())
    assert command.returncode == 130, errors
    assert f"Stopped. Go on with: python -m fer_core sweep --resume {name}" in said
    assert "Traceback" not in errors
    assert store.store().get(name).state is State.INTERRUPTED
    assert not any(run.job.state.is_active for run in runs.all_runs())
    assert process_lock.living(runs.store().root / RUNNING) is None


def test_a_sweep_is_stopped_and_goes_on_until_its_trials_are_over(
    few_pictures: Path, nothing_left: None
) -> None:
    """Two trials; the one that comes second to an epoch and is worse there is stopped early.

    The dataset has no votes, so the reading that needs them is left out.
    """
    pytest.importorskip("ray", reason="no Ray: pip install -r requirements-cluster.txt")
    wanted = config(
        title="Two rates", data=str(few_pictures),
        base={**TINY, "heads": ["fer2013", "ferplus"], "epochs": 3, "batch_size": 8},
        fields={"learning_rate": [2e-3, 1e-7]}, reduction=2,
    )  # fmt: skip
    name = store.start(wanted).name
    limit = time.monotonic() + 400

    def now() -> job.Job:
        return store.store().get(name)

    def trials() -> list[runs.Run]:
        return [one.run for one in store.load(name).trials() if one.run]

    def wait(what: Callable[[], bool]) -> None:
        while not what():
            assert time.monotonic() < limit, now().log()
            time.sleep(0.1)

    wait(lambda: len(trials()) == 2)
    with pytest.raises(JobError, match="training"):
        runs.start(TrainConfig(), DatasetSource("demo"), "Another")
    store.stop(name)
    wait(lambda: not now().state.is_active)
    assert now().state is State.CANCELLED, now().log()
    assert not any(one.job.state.is_active for one in trials())
    assert process_lock.living(runs.store().root / RUNNING) is None

    store.store().resume(name)
    wait(lambda: not now().state.is_active)
    assert now().state is State.FINISHED, now().log()
    ended = store.load(name).trials()
    assert {one.word for one in ended} <= {"finished", "stopped early"}
    best = next(one for one in ended if one.word == "finished")
    assert best.run.has_model
    assert len(best.run.epochs) == 3
    assert best.run.job.command == tuple(runs.command(best.run.job.folder))
    for one in ended:
        assert one.word == "finished" or 1 <= len(one.run.epochs) <= 3
    every = {one.job.name for one in runs.all_runs()}
    assert every == {store.run_name(name, number) for number in (0, 1)}
