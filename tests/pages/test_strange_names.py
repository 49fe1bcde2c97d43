"""Names that are Markdown, HTML or control codes are shown on every page and do nothing."""

import ast
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer_core import collect
from fer_core.collect import Face, labels
from fer_core.collect.collection import Suggester
from fer_core.images import encode
from fer_core.images.boxes import Box
from fer_core.models import registry
from fer_core.models import store as model_store
from fer_core.recognition import Detection
from fer_core.system.jobs import Jobs, State, job
from fer_core.system.settings import settings
from tests.conftest import ROOT
from tests.page_kit import choose, entry, open_page, open_ways, press, settle, texts

NAME = "![x](http:&#47;&#47;127.0.0.1:1&#47;seen.png) :red[x] \x1b[31m <b>"
MARKDOWN_ELEMENTS = ("title", "header", "subheader", "markdown", "caption", "info", "success",
                     "warning", "error")  # fmt: skip
ACTIVE = re.compile(r"(?<!\\)!\[x|(?<!\\)\]\(http|(?<!\\)&#47;|(?<!\\):red\[x|\x1b|(?<!\\)<b>")


@pytest.fixture(autouse=True)
def no_session_of_the_player(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest's runtime has no sessions for the live page's player to look up."""
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)


def check(app) -> None:
    """No element that is read as Markdown has the name without its escapes; one has it."""
    assert not app.exception, app.exception
    elements = [element for kind in MARKDOWN_ELEMENTS for element in getattr(app, kind)]
    texts = [str(element.value) for element in elements]
    texts += [element.label for kind in ("button", "expander", "tabs", "checkbox", "toggle")
              for element in getattr(app, kind)]  # fmt: skip
    for text in texts:
        assert not ACTIVE.search(text), text


def test_a_dataset_and_its_files(tree: Path) -> None:
    root = tree.rename(tree.with_name(NAME))
    image = next((root / "train" / "happy").iterdir())
    (root / "train" / "happy" / f"{NAME}.png").write_bytes(b"no image")
    (root / "train" / NAME).mkdir()
    shutil.copy(image, root / "train" / NAME / "a.png")
    app = open_ways("dataset", "Folder")
    app.text_input(key="dataset_path").set_value(str(root))
    app = press(app.run(), "Open the folder")
    check(app)
    for page in ("home", "train", "evaluate", "upload", "live"):
        check(app.switch_page(f"pages/{page}.py").run())


def test_a_folder_that_is_not_there() -> None:
    app = open_ways("dataset", "Folder")
    app.text_input(key="dataset_path").set_value(f"/gone/{NAME}")
    app = press(app.run(), "Open the folder")
    check(app)
    assert any("there is no such folder" in error.value for error in app.error)


@pytest.mark.parametrize("kind", ["video", "files"])
def test_a_job_that_failed(kind: str) -> None:
    jobs = Jobs(settings().home / "jobs")
    failed = jobs.create(NAME, kind)
    job.set_state(failed.folder, State.FAILED, f"{NAME}: cannot be read.")
    app = open_page("upload")
    check(app)
    app.query_params["job"] = failed.name
    check(app.run())


def test_a_model(tmp_path: Path) -> None:
    folder = model_store.own_home() / "strange"
    shutil.copytree(registry.SHIPPED / "fernet", folder)
    card = folder / "card.json"
    card.write_text(
        card.read_text().replace('"title": "', '"title": "<b>![x](http:&#47;&#47;a) ', 1)
    )
    registry.promote("strange")
    for page in ("home", "evaluate", "upload", "live", "train", "dataset", "models"):
        check(open_page(page))


def test_a_collection_its_files_and_its_persons(picture) -> None:
    collection = collect.open_or_create(NAME)
    even, detection = np.full(7, 1 / 7, np.float32), Detection(Box(0, 0, 90, 90), 0.9)
    faces = [Face(picture(n), "photo", f"{NAME}-{n}.jpg", f"{NAME}-{n}", detection, even)
             for n in range(8)]  # fmt: skip
    added = collection.add(faces, Suggester(NAME, "fer2013", "yunet")).files
    labels.add(collection, [labels.Entry(file, "happy", by=NAME) for file in added])
    app = entry("dataset")
    app.session_state["collection"] = collection
    check(app.run())
    for step in ("Label", "Finish"):
        check(choose(app, "make_part", step))
    app = press(app, "Write the dataset")
    check(app)
    check(press(app, "Look at it"))
    app.session_state["collection"] = collection
    check(app.switch_page("pages/dataset.py").run())
    app = press(app, "Delete the collection")
    check(app)
    assert "is deleted" in texts(app)


def test_what_is_uploaded_to_make_a_dataset(astronaut) -> None:
    """Names that come back in the sentence on what was added."""
    app = entry("dataset")
    app.session_state["collection"] = collect.open_or_create("mine")
    app.run()
    files = [(f"{NAME}.png", encode(astronaut[:40, :40], ".png"), "image/png")]
    app.file_uploader(key="make_photos").set_value(files)
    app = press(app.run(), "Add the faces")
    check(app)
    assert "gave no face" in texts(app)


def test_groups_and_the_table_that_names_them(tree: Path) -> None:
    app = open_ways("dataset", "Folder")
    app.text_input(key="dataset_path").set_value(str(tree))
    press(app.run(), "Open the folder")
    app = settle(app.switch_page("pages/evaluate.py").run())
    files = [file.relative_to(tree).as_posix() for file in tree.rglob("*.png")]
    groups = pd.DataFrame({"file": files, "group": NAME}).to_csv(index=False).encode()
    app.file_uploader(key="labels_file").set_value((f"{NAME}.csv", groups, "text/csv"))
    app = press(app.run(), "Add")
    check(app)
    assert "is imported" in texts(app)


def test_a_run_and_a_sweep() -> None:
    for folder, kind in (("runs", "train"), ("sweeps", "sweep")):
        made = Jobs(settings().home / folder).create(NAME, kind)
        job.set_state(made.folder, State.FAILED, f"{NAME}: cannot be read.")
    app = open_page("train")
    check(app)
    for part in app.button_group(key="train_part").options:
        check(choose(app, "train_part", getattr(part, "content", part)))


def test_no_page_shows_an_error_without_the_escapes() -> None:
    """``st.error(str(error))`` and the like: a message names files."""
    calls = (
        (file, node)
        for file in (ROOT / "pages").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and node.args
    )
    assert [
        f"{file.name}:{node.lineno}"
        for file, node in calls
        if ast.unparse(node.func)
        in {f"st.{kind}" for kind in (*MARKDOWN_ELEMENTS, "toast", "write")}
        and re.match(r"str\(|(visitor_jobs\.)?public_message\(", ast.unparse(node.args[0]))
    ] == []
