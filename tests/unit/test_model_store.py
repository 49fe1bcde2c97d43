import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from fer_core.errors import ModelError, SettingsError
from fer_core.models import registry
from fer_core.models import store as model_store
from fer_core.models.registry import load_card
from fer_core.models.store import Entry
from fer_core.system.settings import settings
from tests.run_kit import made


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A model folder with an ordinary card and files that stand for weights."""
    folder = tmp_path / "small"
    folder.mkdir()
    shutil.copy(registry.SHIPPED / "mobilenetv2" / "card.json", folder)
    (folder / "model.tflite").write_bytes(b"x" * 100)
    return folder


@pytest.fixture
def mine(small: Path) -> Entry:
    folder = settings().home / "models" / "mine"
    shutil.copytree(small, folder)
    return entry("mine")


def entry(name: str) -> Entry:
    return {one.name: one for one in model_store.entries()}[name]


def test_shipped_own_and_runs_are_listed(mine: Entry, small: Path) -> None:
    run = settings().home / "runs" / "2026-a" / "model"
    shutil.copytree(small, run)
    found = {one.name: (one.kind, one.is_default) for one in model_store.entries()}
    assert found["mobilenetv2"] == ("shipped", True)
    assert found["mine"] == ("own", False)
    assert found["run 2026-a"] == ("run", False)
    kept = model_store.keep(entry("run 2026-a"), "best")
    assert load_card(kept).name == "best"
    assert mine.size > 100


def test_promote_roll_back_rename_delete(mine: Entry) -> None:
    registry.promote("mine")
    assert model_store.rename(entry("mine"), "better") == "better"
    assert registry.default_model() == "better"
    assert registry.roll_back() == "mobilenetv2"
    registry.promote("better")
    model_store.delete(entry("better"))
    assert registry.default_model() == "mobilenetv2"
    assert [one.name for one in model_store.entries() if one.kind == "own"] == []


def test_rolling_back_past_the_first_stays_there() -> None:
    assert registry.roll_back() == registry.roll_back() == registry.FIRST_CHOICE


@pytest.mark.parametrize("name", ["mobilenetv2", "a/b", "..", ""])
def test_names_that_cannot_be(mine: Entry, name: str) -> None:
    with pytest.raises(ModelError, match="is in use or holds characters"):
        model_store.rename(mine, name)
    assert entry("mine")


def test_shipped_models_stay_as_they_are() -> None:
    with pytest.raises(ModelError, match="shipped with the program"):
        model_store.delete(entry("mobilenetv2"))
    with pytest.raises(ModelError, match="shipped with the program"):
        model_store.rename(entry("mobilenetv2"), "x")


def test_a_threshold_goes_into_a_copy_of_a_shipped_card() -> None:
    shipped = load_card("mobilenetv2")
    before = shipped.head("ferplus")
    folder = model_store.save_threshold(shipped, "ferplus", 0.618)
    assert folder == settings().home / "models" / "mobilenetv2"
    now = load_card("mobilenetv2")
    assert (now.folder, now.head("ferplus").abstain_below) == (folder, 0.62)
    assert now.head("ferplus").temperature == before.temperature
    stored = json.loads((registry.SHIPPED / "mobilenetv2" / "card.json").read_text())
    assert stored["heads"]["ferplus"]["abstain_below"] == before.abstain_below
    model_store.save_threshold(now, "fer2013", 0.3)
    model_store.delete(entry("mobilenetv2"))
    assert load_card("mobilenetv2").folder == shipped.folder


def test_a_threshold_must_be_a_share(mine: Entry) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        model_store.save_threshold(load_card("mine"), "fer2013", 1.2)
    with pytest.raises(ModelError, match="heads"):
        model_store.save_threshold(load_card("mine"), "other", 0.2)


def test_packed_models_hold_their_files(mine: Entry) -> None:
    with zipfile.ZipFile(io.BytesIO(model_store.pack(mine))) as archive:
        assert set(archive.namelist()) == {"mine/card.json", "mine/model.tflite"}


def test_half_written_models_never_show(small: Path) -> None:
    def fill() -> None:
        with model_store.new_model("half") as folder:
            shutil.copy(small / "card.json", folder)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fill()
    assert [one.name for one in model_store.entries() if one.kind == "own"] == []
    assert list((settings().home / "models").iterdir()) == []


def test_public_links_change_nothing(mine: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    for change in (
        lambda: model_store.delete(mine),
        lambda: model_store.rename(mine, "x"),
        lambda: model_store.keep(mine, "x"),
        lambda: model_store.save_threshold(load_card("mine"), "fer2013", 0.3),
    ):
        with pytest.raises(SettingsError, match="public link"):
            change()


def test_public_links_list_no_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    made("Secret", model=True)
    assert "run Secret" in [one.name for one in model_store.entries()]
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    assert "run Secret" not in [one.name for one in model_store.entries()]


def test_what_cannot_be_written_is_said(mine: Entry) -> None:
    (settings().home / "default.json").mkdir()
    for change in (lambda: registry.promote("mine"), registry.roll_back):
        with pytest.raises(ModelError, match=r"default\.json cannot be written"):
            change()
    shutil.rmtree(mine.folder)
    with pytest.raises(ModelError, match=r"mine cannot be renamed \(No such file"):
        model_store.rename(mine, "better")
