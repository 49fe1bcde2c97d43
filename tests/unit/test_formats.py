"""Files that a later version must read say their format; one of a newer version is refused."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from fer_core import EMOTIONS
from fer_core.cluster.sweeps.config import SweepConfig
from fer_core.dataset import class_choices, import_record, scan, store, vote_table
from fer_core.dataset.decisions import Decision, Decisions
from fer_core.dataset.ferplus import table_bytes
from fer_core.dataset.import_record import ImportRecord
from fer_core.dataset.index import DatasetIndex
from fer_core.errors import FerError
from fer_core.models import registry
from fer_core.system.files import parquet_bytes
from fer_core.system.jobs import Jobs, job
from fer_core.system.settings import settings
from fer_core.training.config import TrainConfig

Read = Callable[[], object]
"""Reads the file of the test and returns something that is neither None nor empty."""


def card(folder: Path, _: DatasetIndex) -> tuple[Path, Read]:
    shutil.copytree(registry.SHIPPED / "fernet", folder / "model")
    return folder / "model" / "card.json", lambda: registry.load_card(folder / "model")


def default(folder: Path, _: DatasetIndex) -> tuple[Path, Read]:
    registry.promote("fernet")
    return settings().home / "default.json", registry.default_model


def a_job(folder: Path, _: DatasetIndex) -> tuple[Path, Read]:
    made = Jobs(folder).create("Faces", "files")
    return made.folder / job.JOB, lambda: job.load(made.folder)


def version(_: Path, index: DatasetIndex) -> tuple[Path, Read]:
    (index.root / store.MANIFEST).write_bytes(parquet_bytes(index.table[["file"]]))
    store.write_about(index.root, {"source": "elsewhere"})
    return index.root / store.ABOUT, lambda: scan(index.root)


def imported(_: Path, index: DatasetIndex) -> tuple[Path, Read]:
    ImportRecord("photos.zip").save(index.root)
    return index.root / import_record.FILE, lambda: scan(index.root)


def classes(folder: Path, _: DatasetIndex) -> tuple[Path, Read]:
    class_choices.save(folder, {"joy": "happy"})
    return next(settings().home.rglob("classes.json")), lambda: class_choices.load(folder)


JSON = (card, default, a_job, version, imported, classes)


@pytest.fixture
def index(tree: Path) -> DatasetIndex:
    return scan(tree)


@pytest.mark.parametrize("make", JSON)
def test_a_json_file_says_its_format(make, tmp_path: Path, index: DatasetIndex) -> None:
    file, read = make(tmp_path, index)
    content = json.loads(file.read_text("utf-8"))
    number = content.pop("format")
    assert number >= 1
    assert read()
    file.write_text(json.dumps(content), "utf-8")  # as version 0.1 wrote it
    assert read()
    file.write_text(json.dumps({**content, "format": number + 1}), "utf-8")
    says = f"written by a newer version of FER Studio (format {number + 1}; this one reads up"
    with pytest.raises(FerError, match=re.escape(says)) as caught:
        read()
    assert file.name in str(caught.value)


def test_a_config_says_its_version() -> None:
    made = TrainConfig().to_dict()
    assert TrainConfig.from_dict({k: v for k, v in made.items() if k != "version"}) == TrainConfig()
    with pytest.raises(FerError, match=r"reads configs of version 1\. Received: 2\. Update"):
        TrainConfig.from_dict({**made, "version": 2})


def test_a_sweep_says_its_version(tmp_path: Path) -> None:
    fields = {"data": "demo", "fields": {"epochs": [1, 2]}}
    SweepConfig.from_dict(fields).save(tmp_path / "sweep.yaml")
    made = yaml.safe_load((tmp_path / "sweep.yaml").read_text())
    assert made.pop("version") == 1
    assert SweepConfig.from_dict(made) == SweepConfig.from_dict(fields)
    with pytest.raises(FerError, match=r"reads sweeps of version 1\. Received: 2\. Update"):
        SweepConfig.from_dict({**made, "version": 2})


def test_decisions_of_a_newer_version_are_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "decisions.csv"
    Decisions(file).add([Decision("a.png", "sad", "keep")])
    head, row = file.read_text().splitlines()
    newer = f"{head},format\n{row},2\n"
    file.write_text(newer)
    with pytest.raises(FerError, match="newer version of FER Studio"):
        Decisions(file)
    assert file.read_text() == newer


def test_votes_of_a_newer_version_are_refused() -> None:
    data = table_bytes(pd.DataFrame(1, [0], [*EMOTIONS, "other"]), ["a.png"])
    assert vote_table.parse(data, "votes.csv").format == 2
    newer = data.replace(b",2,", b",3,", 1)
    with pytest.raises(FerError, match=r"votes\.csv was written by a newer version"):
        vote_table.parse(newer, "votes.csv")
