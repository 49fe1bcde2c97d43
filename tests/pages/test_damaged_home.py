"""Damaged files in ``FER_HOME``: every page still opens, whatever a crash or a hand left there.

``make test`` tries a few states, ``make stress`` all of them (``--states``).
"""

import copy
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer_core import collect
from fer_core.collect import Face, labels
from fer_core.collect.collection import Suggester
from fer_core.dataset import class_choices, decisions, recent
from fer_core.dataset.source import DatasetSource
from fer_core.images.boxes import Box
from fer_core.models import registry
from fer_core.models.card import parse_card
from fer_core.recognition import Detection
from fer_core.system.jobs import Jobs, State, job
from fer_core.system.settings import settings
from tests.conftest import ROOT
from tests.page_kit import choose, open_page, settle
from tests.run_kit import made
from tests.unit.test_registry import STRANGE, paths

PAGES: Final = {
    "default.json": ("home", "models", "upload", "live", "evaluate"),
    "models": ("home", "models", "upload", "evaluate", "train"),
    "runs": ("train", "models", "evaluate"),
    "sweeps": ("train",),
    "jobs": ("upload",),
    "datasets": ("dataset", "train", "evaluate"),
    "decisions": ("dataset",),
    "collections": ("dataset",),
    "recent_datasets.json": ("dataset", "train", "evaluate"),
}
"""First part of a file's path to the pages that read it."""

FILES: Final = (
    "default.json", "recent_datasets.json", "models/mine/card.json", "models/mine/model.tflite",
    "runs/Mine/config.yaml", "runs/Mine/dataset.json", "runs/Mine/metrics.jsonl",
    "runs/Mine/job.json", "runs/Mine/state.json", "runs/Mine/model/card.json",
    "jobs/one/job.json", "jobs/one/state.json", "sweeps/one/job.json", "sweeps/one/state.json",
    "datasets/balanced/version.json", "datasets/balanced/manifest.parquet",
    "datasets/balanced/votes.csv", "decisions/*/decisions.csv", "decisions/*/classes.json",
    "collections/mine/collection.json",
    "collections/mine/faces.jsonl", "collections/mine/labels.jsonl",
    "collections/mine/sources.jsonl",
)  # fmt: skip


DAMAGES: Final = ("empty", "cut", "noise", "list", "folder", "null", "nulls", "texts")
STATES: Final = [
    (file, damage)
    for file in FILES
    for damage in DAMAGES
    if file.endswith((".json", ".jsonl")) or damage in {"empty", "cut", "noise", "list", "folder"}
]
STATES += [("models/mine/card.json", f"strange {number}") for number in range(len(STRANGE))]


def strange_card(data: bytes, other: object) -> bytes:
    """Return the card with ``other`` for every single value with which it still loads."""
    card = json.loads(data)
    for path in list(paths(card)):
        inner: Any = card
        for key in path[:-1]:
            inner = inner[key]
        if not path or isinstance(inner[path[-1]], (dict, list)):
            continue
        before, inner[path[-1]] = inner[path[-1]], other
        try:
            parse_card(Path("mine"), copy.deepcopy(card))
        except (ValueError, KeyError, TypeError, AttributeError):
            inner[path[-1]] = before
    assert card != json.loads(data)
    return json.dumps(card).encode()


def strange(value: object, other: object) -> object:
    """Return JSON of the same form in which every value is another."""
    if isinstance(value, dict):
        return {key: strange(inner, other) for key, inner in value.items()}
    return [strange(inner, other) for inner in value] if isinstance(value, list) else other


def damaged(data: bytes, damage: str) -> bytes:
    if damage.startswith("strange"):
        return strange_card(data, STRANGE[int(damage[-1])])
    if damage in {"nulls", "texts"}:
        lines = data.decode().splitlines() if data[-2:] == b"}\n" and b"\n{" in data else [data]
        other = None if damage == "nulls" else "![x](y)"
        return b"\n".join(json.dumps(strange(json.loads(line), other)).encode() for line in lines)
    contents = {
        "empty": b"", "cut": data[: len(data) // 2], "list": b"[]\n", "null": b"null\n",
        "noise": np.random.default_rng(1).bytes(300),
    }  # fmt: skip
    return contents[damage]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "state" in metafunc.fixturenames:
        count = metafunc.config.getoption("--states")
        states = STATES[:: max(len(STATES) // count, 1)][:count]
        metafunc.parametrize("state", states, ids=[f"{file} {damage}" for file, damage in states])


@pytest.fixture(autouse=True)
def no_session_of_the_player(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest's runtime has no sessions for the live page's player to look up."""
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)


@pytest.fixture
def home() -> Path:
    """``FER_HOME`` with one of everything; the dataset is one that 0.1.0 balanced."""
    home = settings().home
    shutil.copytree(registry.SHIPPED / "fernet", home / "models" / "mine", copy_function=os.link)
    registry.promote("mine")
    made("Mine", model=True)
    for folder, kind in (("jobs", "video"), ("sweeps", "sweep")):
        made_job = Jobs(home / folder).create("Mine", kind, name="one")
        job.set_state(made_job.folder, State.FAILED, "It cannot be read.")
    with tarfile.open(ROOT / "tests" / "data" / "v0_1_0" / "home.tar.xz") as archive:
        names = [name for name in archive.getnames() if name.startswith("home/datasets/balanced")]
        archive.extractall(home.parent, [archive.getmember(name) for name in names], filter="data")
    dataset = home / "datasets" / "balanced"
    recent.remember(DatasetSource(str(dataset)))
    class_choices.save(dataset, {"grinning": "happy"})
    decisions.file_for(dataset).write_text(
        "file,given,action,label,reason\ntest/sad/test-0005-sad.png,sad,relabel,angry,label\n"
    )
    collection = collect.open_or_create("mine")
    even, detection = np.full(7, 1 / 7, np.float32), Detection(Box(0, 0, 90, 90), 0.9)
    faces = [Face(np.full((48, 48), n, np.uint8), "photo", f"{n}.jpg", f"{n}", detection, even)
             for n in range(4)]  # fmt: skip
    added = collection.add(faces, Suggester("mine", "fer2013", "haar")).files
    labels.add(collection, [labels.Entry(file, "happy", by="me") for file in added])
    collection.note_sources("photo", [("0.jpg", 0, "no face")])
    return home


def test_every_page_opens(home: Path, state: tuple[str, str]) -> None:
    name, damage = state
    (file,) = home.glob(name)
    data = file.read_bytes()
    file.unlink()
    file.mkdir() if damage == "folder" else file.write_bytes(damaged(data, damage))
    for page in PAGES[name.partition("/")[0]]:
        app = open_page(page)
        assert app.title or app.error
        if name.startswith("jobs/"):
            app.query_params["job"] = "one"
            assert not app.run().exception
        if name.startswith("collections/"):
            check_collection(app)
        if name.startswith("sweeps/"):
            for part in app.button_group(key="train_part").options:
                choose(app, "train_part", getattr(part, "content", part))


def check_collection(app: AppTest) -> None:
    app.session_state["collection"] = collect.Collection(settings().home / "collections" / "mine")
    settle(app.run())
    if any("cannot be read" in error.value for error in app.error):
        return  # then it can be closed or deleted, and nothing else
    for step in ("Label", "Finish"):
        choose(app, "make_part", step)
