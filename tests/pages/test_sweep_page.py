"""The part of the training page that begins and shows sweeps."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_core.cluster import connection
from fer_core.cluster.sweeps import store
from fer_core.cluster.sweeps.config import Range, SweepConfig
from fer_core.system.jobs import CANCEL, State, job
from fer_core.training import runs
from pages._train import sweep_chart
from tests.page_kit import choose, lay_demo, open_page, press, settle, texts
from tests.run_kit import made

BASE = {"architecture": "fernet", "start": "scratch", "heads": ["fer2013"], "epochs": 4}
FIELDS = {
    "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "optimizer": ["adamw", "sgd"],
    "augmentation.rotation": {"low": 0, "high": 20},
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_leftovers() -> Iterator[None]:
    yield
    for one in store.store().list():
        store.store().kill(one.name)
    for one in runs.store().list():
        runs.discard(one.name)


def finished() -> str:
    """A sweep of four trials: two finished, one stopped early, one that never began."""
    wanted = SweepConfig.from_dict(
        {"title": "Rates", "data": "demo", "base": BASE, "fields": FIELDS, "trials": 4}
    )
    name = store.create(wanted).name
    for number, epochs in enumerate((4, 3, 1)):
        title = store.run_name(name, number)
        state = State.FINISHED if number < 2 else State.CANCELLED
        run = made(title, epochs, state)
        store.note_trial(run.job.folder, name, number, stopped_early=number == 2)
    job.set_state(store.store().root / name, State.CANCELLED)
    return name


def test_a_sweep_is_shown_with_its_trials_and_one_can_be_watched() -> None:
    name = finished()
    app = choose(open_page("train"), "train_part", "Sweep")
    (table,) = (one.value for one in app.dataframe if "trial" in one.value)
    assert table.trial.tolist() == [1, 2, 3, 4]  # best first, those without a figure last
    assert table.state.tolist() == ["finished", "finished", "stopped early", "waiting"]
    assert {"Learning rate", "Optimizer", "Rotation (degrees)"} <= set(table.columns)
    app.selectbox(key="sweep_trial").set_value(1).run()
    (button,) = [button for button in app.button if button.label == "Open"]
    app = settle(button.click().run())
    assert app.session_state["train_run"] == store.run_name(name, 1)
    assert "Best accuracy" in texts(app)


def test_a_sweep_just_begun_is_shown(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished()
    monkeypatch.setattr(connection, "is_installed", lambda: True)
    monkeypatch.setattr(store, "start", store.create)
    lay_demo(drawn)
    app = choose(open_page("train"), "train_part", "Sweep")
    app = press(app, "Start the sweep")
    newest = store.store().list()[0]
    assert newest.title == "Sweep on demo"
    assert app.selectbox(key="sweep_chosen").value == newest.name


def test_the_lines_of_the_chart_are_the_trials() -> None:
    sweep = store.load(finished())
    begun = [one for one in sweep.trials() if one.run]
    figure = sweep_chart.parallel(sweep.config, begun)
    rate, optimizer, rotation, best = figure.data[0].dimensions
    assert [10**x for x in rate["values"]] == pytest.approx(
        [one.tried["learning_rate"] for one in begun]
    )
    assert rate.range == (-4, -2)
    assert [optimizer.ticktext[x] for x in optimizer["values"]] == [
        one.tried["optimizer"] for one in begun
    ]
    assert all(0 <= x <= 20 for x in rotation["values"])
    assert best["values"] == pytest.approx((0.42, 0.38, 0.3))


def test_a_sweep_is_begun_with_what_was_chosen(drawn: Path) -> None:
    pytest.importorskip("ray", reason="no Ray: pip install -r requirements-cluster.txt")
    lay_demo(drawn)
    app = choose(open_page("train"), "train_part", "Sweep")
    app.number_input(key="sweep_trials").set_value(3)
    app.number_input(key="sweep-Quick look").set_value(2)
    app = app.multiselect(key="sweep_fields").set_value(["learning_rate", "optimizer"]).run()
    app = press(app, "Start the sweep")
    (begun,) = store.store().list()
    store.store().ask(begun.name, CANCEL)
    wanted = store.load(begun.name).config
    assert wanted.fields["learning_rate"] == Range(0.0004, 0.01, log=True)
    assert wanted.fields["optimizer"] == ("adamw", "sgd")
    assert (wanted.trials, wanted.base["epochs"], wanted.source.data) == (3, 2, "demo")
    assert begun.command == ("sweep", "--resume", begun.name)


def test_without_ray_the_page_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install -r requirements-cluster.txt" in texts(
        choose(open_page("train"), "train_part", "Sweep")
    )
