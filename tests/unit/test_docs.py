"""The documents say what is so: generated pages, links, and the tutorial's commands."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
import pytest

from fer_core.cli.main import parser
from pages._components import glossary
from tests.conftest import ROOT, environment_of_tests

FINDINGS = sorted((ROOT / "findings").glob("*.sh"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("findings/*.md")])


def generated() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


@pytest.mark.parametrize("name", ["commands.md", "config.md"])
def test_the_reference_is_what_the_code_says(name: str) -> None:
    assert (ROOT / "docs" / name).read_text("utf-8") == generated()[name], "run: make docs"


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.name)
def test_links_lead_somewhere(file: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", file.read_text("utf-8"))
    missing = [link for link in links if not (file.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.name)
def test_links_to_headings_name_a_heading(file: Path) -> None:
    """As GitHub makes anchors: lower case, dashes for blanks, no punctuation."""
    for link, anchor in re.findall(r"\]\(([\w./-]+\.md)#([\w-]+)\)", file.read_text("utf-8")):
        text = (file.parent / link).read_text("utf-8")
        titles = [re.sub(r"[^\w -]", "", title) for title in re.findall(r"^#+ (.+)$", text, re.M)]
        anchors = {title.lower().replace(" ", "-") for title in titles}
        assert anchor in anchors | set(re.findall(r'<a id="([\w-]+)">', text)), f"{link}#{anchor}"


def test_every_finding_is_in_the_table_and_can_be_run() -> None:
    table = (ROOT / "findings" / "README.md").read_text("utf-8")
    assert sorted(re.findall(r"^\| \[(\w+)\]", table, re.M)) == [file.stem for file in FINDINGS]
    for file in FINDINGS:
        text = file.read_text("utf-8")
        assert "fer_core" not in text, file.name
        assert "set -euo pipefail" in text, file.name
        checked = subprocess.run(["bash", "-n", file], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


def test_the_example_in_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    shutil.copy(ROOT / "docs" / "images" / "astronaut.jpg", tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    exec(textwrap.dedent(code), {})
    assert "happy" in capsys.readouterr().out


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 110


def test_every_line_of_the_glossary_is_a_definition_of_its_own() -> None:
    lines = [line for line in glossary.FILE.read_text("utf-8").splitlines() if line[:1] == "-"]
    assert len(glossary.definitions()) == len(lines) >= 15


def test_help_texts_name_entries_of_the_glossary() -> None:
    code = "".join(file.read_text("utf-8") for file in (ROOT / "pages").rglob("*.py"))
    calls = re.findall(r"\bdefinition\(([^)]*)\)", code)
    anchors = {name for call in calls for name in re.findall(r'"([^"]+)"', call)}
    assert anchors
    assert anchors <= set(glossary.definitions())


def test_the_tutorial_works_as_it_stands(tmp_path: Path) -> None:
    """Its commands, one after the other in one shell that stops at the first failure."""
    text = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
    script = "\n".join(["set -eu", *re.findall(r"```sh\n(.*?)```", text, re.DOTALL)])
    script = script.replace("docs/images", str(ROOT / "docs" / "images"))
    python = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    more = {"PATH": python, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=os.environ | environment_of_tests(tmp_path) | more,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    before, after = (pd.read_csv(tmp_path / name) for name in ("faces.csv", "again.csv"))
    assert before.emotion.tolist() == ["happy"]
    assert abs(before.confidence[0] - after.confidence[0]) > 0.01  # another model answered
    assert json.loads((tmp_path / "figures.json").read_text())
    assert (tmp_path / "home" / "datasets" / "balanced" / "manifest.parquet").is_file()


@pytest.mark.parametrize("name", ["tutorial", "dataset", "evaluate", "live", "train", "video"])
def test_labels_in_italics_stand_on_the_pages(name: str) -> None:
    """A label of the app is written ``*Open the demo*``; other words in italics are small."""
    folders = [ROOT / "pages", ROOT / "fer_core" / "training"]
    code = "".join(
        file.read_text("utf-8")
        for folder in folders
        for kind in ("*.py", "*.js")
        for file in folder.rglob(kind)
    )
    router = (ROOT / "streamlit_app.py").read_text("utf-8")
    text = re.sub(r"```.*?```", "", (ROOT / "docs" / f"{name}.md").read_text("utf-8"), flags=re.S)
    labels = {
        " ".join(label.split())
        for label in re.findall(r"(?<![*\w])\*([A-Z][^*]{2,60})\*(?!\*)", text)
    }
    assert not [label for label in sorted(labels) if label not in code + router]


def commands() -> list[str]:
    """Return the lines of all fenced blocks that call the command line, without comments."""
    blocks = [
        block
        for file in DOCUMENTS
        for block in re.findall(r"```(?:sh)?\n(.*?)```", file.read_text("utf-8"), re.DOTALL)
    ]
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("python -m fer_core ") and "\\" not in line]


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_commands_in_documents_are_understood(line: str) -> None:
    parser().parse_args(shlex.split(re.sub(r"[][]", "", line), comments=True)[3:])


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.name)
def test_paths_in_documents_exist(file: Path) -> None:
    """Files of this repository, but for the changes, which name those of earlier versions."""
    text = "" if file.name == "CHANGELOG.md" else file.read_text("utf-8")
    paths = re.findall(
        r"(?<![\w/.$-])((?:fer_core|pages|tests|benchmarks|scripts|findings|models)/[\w./-]*\w)",
        text,
    )
    assert not [path for path in sorted(set(paths)) if not (ROOT / path).exists()]
