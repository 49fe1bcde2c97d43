"""The wheel holds the whole program: built, unpacked or installed, and driven in the browser."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import Parser
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.conftest import ROOT, _wait, environment_of_tests

TRAINING = ("h5py", "keras", "tensorboard", "tensorflow", "tensorflow-cpu")
MAX_MEGABYTES = 1230
"""Of an environment that recognizes and does not train: 1,205 measured, 173 of them bytecode."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="no hatchling; install it: requirements-dev.txt")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(folder), str(ROOT)], check=True)
    return next(folder.glob("fer_studio-*.whl"))


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files as in ``site-packages``; the packages are those of this environment."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(python: str, *words: str, folder: Path, site: Path | None = None) -> str:
    """Return what a command prints, run far from the checkout."""
    environment = os.environ | environment_of_tests(folder)
    environment |= {"PYTHONPATH": str(site)} if site else {}
    done = subprocess.run(
        [python, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def documents_of_pages() -> set[str]:
    """Files below ``docs`` that pages read, as their code names them."""
    text = "".join(file.read_text("utf-8") for file in (ROOT / "pages").rglob("*.py"))
    found = re.findall(r'"docs"((?: / "[\w.]+")+)', text)
    return {"docs/" + "/".join(re.findall(r'"([\w.]+)"', path)) for path in found}


def test_the_container_holds_what_pages_read() -> None:
    dockerfile, sent = ((ROOT / name).read_text() for name in ("Dockerfile", ".dockerignore"))
    for name in documents_of_pages():
        assert f" {name} " in dockerfile.replace("\n", " ")
        assert f"!{name}\n" in sent


def test_a_space_takes_the_dockerfile_as_it_is() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    _, front, _ = (ROOT / "deploy" / "huggingface" / "README.md").read_text("utf-8").split("---\n")
    settings = yaml.safe_load(front)
    assert settings["sdk"] == "docker"
    assert f"EXPOSE {settings['app_port']}\n" in dockerfile
    assert f"--server.port={settings['app_port']}" in dockerfile
    assert "USER 1000\n" in dockerfile, "Spaces run as user 1000"


def test_every_file_of_the_program_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "fer_core", "pages", "models", "streamlit_app.py"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout.split()  # fmt: skip
    if not tracked:
        pytest.skip("no git here to tell which files belong to the program")
    places = {name if name.startswith("fer_core/") else f"fer_studio/{name}" for name in tracked}
    assert places <= names
    documents = documents_of_pages()
    assert {"docs/images/astronaut.jpg", "docs/images/example.mp4", "docs/glossary.md"} == documents
    assert {f"fer_studio/{name}" for name in documents} <= names
    assert {name.split("/")[0] for name in names} == {
        "fer_core", "fer_studio", f"{'-'.join(wheel.name.split('-')[:2])}.dist-info",
    }  # fmt: skip


def pin(requirement: str) -> str:
    """Name and version, without the condition behind them."""
    return requirement.partition(";")[0].strip().lower()


def test_its_requirements_are_the_pins_split_into_extras(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    needs = metadata.get_all("Requires-Dist") or []
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = {pin(line) for line in lines if re.match(r"\w", line)}
    base = {pin(need) for need in needs if "extra ==" not in need}
    training = {pin(need) for need in needs if "extra == 'train'" in need}
    assert {need for need in base if need.startswith(TRAINING)} == set()
    assert base | training == pins
    assert {pin.partition("==")[0] for pin in training} == set(TRAINING)
    assert any(need.startswith("ray") and "extra == 'cluster'" in need for need in needs)


def test_the_command_line_works_far_from_a_checkout(unpacked: Path, tmp_path: Path) -> None:
    python, photo = sys.executable, unpacked / "fer_studio" / "docs" / "images" / "astronaut.jpg"
    listed = run(python, "-m", "fer_core", "models", "list", folder=tmp_path, site=unpacked)
    assert str(unpacked / "fer_studio" / "models" / "mobilenetv2") in listed
    out = tmp_path / "faces.csv"
    run(python, "-m", "fer_core", "classify", str(photo), "--out", str(out), folder=tmp_path,
        site=unpacked)  # fmt: skip
    assert pd.read_csv(out)["emotion"].notna().any()


@contextmanager
def served(command: list[str], folder: Path, site: Path | None) -> Iterator[str]:
    """Address of the dashboard, started by ``fer-studio`` as a user starts it."""
    environment = os.environ | environment_of_tests(folder)
    environment |= {"PYTHONPATH": str(site)} if site else {}
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "app", "--no-browser"], cwd=folder, env=environment, stdout=out, stderr=out
        )
    try:
        for _ in range(600):
            if address := re.search(r"http://localhost:\d+", log.read_text()):
                break
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.1)
        assert address, log.read_text()
        yield _wait(address[0], process, log)
    finally:
        process.terminate()
        process.wait(20)


def drive(address: str, browser, photo: Path, trains: bool) -> None:
    """Read the example photo, and look at the training page."""
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{address}/upload")
    page.locator("input[type=file]").first.wait_for(state="attached")
    page.set_input_files("input[type=file]", photo)
    page.get_by_text("1 photo, 1 face").first.wait_for()
    page.goto(f"{address}/train")
    hint = page.get_by_text(".[train]")
    if trains:
        page.get_by_text("New run").first.wait_for()
        assert hint.count() == 0
    else:
        hint.first.wait_for()
    page.close()


@pytest.mark.browser
def test_the_dashboard_of_the_wheel_reads_a_photo(unpacked: Path, tmp_path: Path, browser) -> None:
    photo = unpacked / "fer_studio" / "docs" / "images" / "astronaut.jpg"
    with served([sys.executable, "-m", "fer_core"], tmp_path, unpacked) as address:
        drive(address, browser, photo, trains=True)


@pytest.mark.browser
@pytest.mark.skipif("not config.getoption('--bare-venv')", reason="make stress asks for it")
def test_an_installed_wheel_is_small_and_reads_a_photo(
    wheel: Path, tmp_path: Path, browser
) -> None:
    """In an environment of its own, without TensorFlow; needs a package index."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python, command = str(venv / "bin" / "python"), str(venv / "bin" / "fer-studio")
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    size = sum(file.lstat().st_size for file in venv.rglob("*") if file.is_file()) / 1e6
    assert size <= MAX_MEGABYTES
    assert run(command, "--help", folder=tmp_path).startswith("usage: fer-studio")
    photo = next(venv.glob("lib/*/site-packages/fer_studio/docs/images/astronaut.jpg"))
    with served([command], tmp_path, None) as address:
        drive(address, browser, photo, trains=False)
