"""Files that version 0.1.0 wrote still open, with the values they had; see tests/data/v0_1_0."""

import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer_core import EMOTIONS, EmotionClassifier, Recognizer
from fer_core.balance import write
from fer_core.cli.main import main
from fer_core.dataset import store as datasets
from fer_core.dataset.decisions import Decisions
from fer_core.dataset.source import DatasetSource
from fer_core.evaluation import Evaluation
from fer_core.evaluation.model_card import model_card
from fer_core.images.codec import decode
from fer_core.models import registry
from fer_core.models import store as models
from fer_core.recognition.results import RESULT_COLUMNS
from fer_core.system.jobs import Jobs, State
from fer_core.training import run_archive, runs
from fer_core.training.config import TrainConfig
from tests.conftest import ROOT

OLD = ROOT / "tests" / "data" / "v0_1_0"
PLACE = "/tmp/old"
CHANCES = [f"p_{name}" for name in EMOTIONS]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """``FER_HOME`` as 0.1.0 left it, with the finished run's model among the user's."""
    with tarfile.open(OLD / "home.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    for file in [*tmp_path.rglob("*.json"), *tmp_path.rglob("*.yaml")]:
        file.write_text(file.read_text("utf-8").replace(PLACE, str(tmp_path)), "utf-8")
    shutil.copytree(tmp_path / "home/runs/finished/model", tmp_path / "home/models/tiny")
    return tmp_path / "home"


def test_a_model_folder_opens(home: Path) -> None:
    card = registry.load_card("tiny")
    assert "readings" in json.loads((card.folder / "card.json").read_text())  # as it was written
    assert (list(card.heads), card.default_head) == (["fer2013", "ferplus"], "fer2013")
    assert (card.input_size, card.channels) == (48, 1)
    test = Evaluation.from_dict(card.head("fer2013").figures["test"])
    assert (test.metrics.accuracy, test.coverage, test.metrics.n) == (0.1429, 1.0, 7)
    assert test.confusion.sum() == 7


def test_its_default_and_the_ones_before_are_known(home: Path) -> None:
    assert registry.default_model() == "tiny"
    assert registry.roll_back() == "fernet"


@pytest.mark.parametrize(("head", "table"), [(None, "crops.csv"), ("ferplus", "crops_ferplus.csv")])
def test_a_model_predicts_what_it_did(home: Path, head: str | None, table: str) -> None:
    expected = pd.read_csv(OLD / table)
    files = [home / "datasets/small" / name for name in expected["source"]]
    crops = np.stack([decode(file.read_bytes(), file.name) for file in files])
    found = EmotionClassifier.load(head=head).predict(crops)
    np.testing.assert_allclose(found, expected[CHANCES], atol=2e-4)


def test_a_threshold_is_saved_where_it_is_read(home: Path) -> None:
    models.save_threshold(registry.load_card("tiny"), "ferplus", 0.33)
    assert registry.load_card("tiny").head("ferplus").abstain_below == 0.33


@pytest.mark.parametrize("load", [Recognizer.load, EmotionClassifier.load])
def test_the_old_name_of_a_head_is_understood_with_a_warning(home: Path, load) -> None:
    with pytest.warns(DeprecationWarning, match="head"):
        one = load(reading="ferplus")
    assert getattr(one, "classifier", one).head == "ferplus"


def test_the_old_option_of_a_head_is_understood_with_a_warning(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "again.csv"
    folder = str(home / "datasets/small")
    command = ["classify", f"{folder}/test", "--crop", "--below", folder]
    assert main([*command, "--head", "ferplus", "--out", str(tmp_path / "new.csv")]) == 0
    assert "--reading" not in capsys.readouterr().err
    assert main([*command, "--reading", "ferplus", "--out", str(out)]) == 0
    assert "--head" in capsys.readouterr().err
    again, before = pd.read_csv(out), pd.read_csv(OLD / "crops_ferplus.csv")
    assert again["source"].tolist() == before["source"].tolist()
    assert set(before) <= set(again)
    pd.testing.assert_frame_equal(again, pd.read_csv(tmp_path / "new.csv"))


@pytest.mark.parametrize("name", ["faces.csv", "faces.json", "faces.parquet", "recording.csv"])
def test_tables_of_results_have_the_columns_of_today(name: str) -> None:
    read = {".csv": pd.read_csv, ".json": pd.read_json, ".parquet": pd.read_parquet}
    table = read[Path(name).suffix](OLD / name)
    assert [column for column in table.columns if column != "time"] == list(RESULT_COLUMNS)
    assert table["emotion"].dropna().tolist() == ["surprise", "surprise"]


def test_a_stopped_bulk_job_goes_on_within_its_video(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(OLD / "bulk" / "inputs", tmp_path / "bulk" / "inputs")
    parts = Path(shutil.copytree(OLD / "bulk" / "parts", tmp_path / "bulk" / "faces.csv.parts"))
    plan = parts / "plan.json"
    plan.write_text(plan.read_text().replace(PLACE, str(tmp_path)))
    monkeypatch.chdir(tmp_path / "bulk")
    assert main(["classify", "inputs", "--detector", "haar", "--out", "faces.csv"]) == 0
    found, before = pd.read_csv("faces.csv"), pd.read_csv(OLD / "bulk" / "faces.csv")
    assert found["source"].tolist() == before["source"].tolist()
    assert found["frame"].tolist()[3:] == [*range(1, 31)]
    assert found["person"].tolist()[3:] == [1] * 30  # the person that was followed, not a new one
    old = slice(0, 3 + 20)  # rows of the parts
    np.testing.assert_allclose(found[CHANCES][old], before[CHANCES][old], atol=1e-5)
    np.testing.assert_allclose(found[CHANCES][3:], before[CHANCES][3:], atol=0.02)
    assert not parts.exists()


def test_a_balanced_version_opens_and_is_made_again(home: Path, tmp_path: Path) -> None:
    stored = {one.name: one.is_version for one in datasets.stored()}
    assert stored == {"small": False, "balanced": True}
    version = home / "datasets" / "balanced"
    index = DatasetSource(str(version)).open()
    assert index.split("train").table["label"].value_counts().to_dict() == dict.fromkeys(
        EMOTIONS, 4
    )
    assert index.votes is not None
    manifest = pd.read_parquet(version / datasets.MANIFEST)
    (tmp_path / "again").mkdir()
    write(manifest, home / "datasets" / "small", tmp_path / "again")
    for name in manifest["file"]:
        again = decode((tmp_path / "again" / name).read_bytes(), name)
        assert (again == decode((version / name).read_bytes(), name)).all(), name


def test_decisions_hold(home: Path) -> None:
    source = DatasetSource(str(home / "datasets" / "small"), decisions=str(OLD / "decisions.csv"))
    table = source.open().table.set_index("file")
    happy = [f"train/happy/train-000{n}-happy.png" for n in (5, 6, 7, 8)]
    assert happy[0] not in table.index
    assert table.loc[happy[1:], "label"].tolist() == ["neutral", "happy", "happy"]
    assert [one.action for one in Decisions(OLD / "decisions.csv").latest().values()] == [
        "exclude", "relabel", "keep",
    ]  # fmt: skip


def test_corrected_faces_are_added(home: Path) -> None:
    shutil.copytree(OLD / "corrections", home / "datasets" / "corrections")
    source = DatasetSource(str(home / "datasets" / "small"), corrections=True)
    counts = source.open().split("train").table["label"].value_counts()
    assert (counts["surprise"], counts.sum()) == (3, 17)


def test_the_model_card_shows_the_stored_robustness(home: Path) -> None:
    text = model_card(registry.load_card("tiny"), "tiny")
    noise = [line for line in text.splitlines() if line.startswith("| Noise") and " 15 " in line]
    assert len(noise) == 2  # a table for each head
    assert all("14.3%" in line for line in noise)


def test_configs_load() -> None:
    config = TrainConfig.load(OLD / "config.yaml")
    assert config.heads == ("fer2013", "ferplus")
    assert (config.alpha, config.epochs, config.train_from) == (0.35, 2, 1.0)


def test_runs_and_jobs_are_listed(home: Path) -> None:
    found = {run.job.name: run for run in runs.all_runs()}
    finished, paused = found["finished"], found["paused"]
    assert (finished.job.title, finished.job.state) == ("A finished run", State.FINISHED)
    assert (len(finished.epochs), finished.has_model) == (2, True)
    assert finished.best is not None
    assert finished.best["val_accuracy"] == pytest.approx(1 / 7, abs=1e-4)
    assert (paused.job.state, len(paused.epochs), paused.has_model) == (State.PAUSED, 1, False)
    job = Jobs(home / "jobs").get("0123456789abcdef" * 2)
    assert (job.title, job.kind, job.state) == ("talk.mp4", "video", State.CANCELLED)


def test_a_paused_run_ends_as_the_one_that_was_not_paused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tf = pytest.importorskip("tensorflow")
    from fer_core.training import loop

    train, run = loop.train, home / "runs" / "paused"

    def uncompiled(*given, **more) -> str:
        """Compiling takes ten times as long as this epoch does."""
        tf.config.run_functions_eagerly(True)
        try:
            return train(*given, **more)
        finally:
            tf.config.run_functions_eagerly(False)

    monkeypatch.setattr(loop, "train", uncompiled)
    assert main(["train", "--run", str(run), "--resume"]) == 0
    straight, resumed = runs.load("finished").epochs, runs.load("paused").epochs
    assert [line["epoch"] for line in resumed] == [0, 1]
    for name in ("loss", "val_loss", "val_accuracy", "val_macro_f1"):
        assert resumed[1][name] == pytest.approx(straight[1][name], rel=1e-3), name
    assert list(registry.load_card(run / "model").heads) == ["fer2013", "ferplus"]


@pytest.mark.usefixtures("in_this_process")
def test_a_run_packed_as_a_zip_comes_in(home: Path) -> None:
    buffer, folder = io.BytesIO(), home / "runs" / "finished"
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.name not in run_archive.PROCESS_FILES:
                archive.write(file, f"finished/{file.relative_to(folder).as_posix()}")
    run = runs.load(run_archive.import_run(buffer, "From elsewhere").name)
    assert (run.job.title, len(run.epochs), run.has_model) == ("From elsewhere", 2, True)
