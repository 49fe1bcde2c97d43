"""Fixtures of the pages' tests."""

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from fer_core.system.settings import settings
from fer_core.training import estimate, runs
from pages._components import notify
from tests.page_kit import draw_demo_from, lay_demo, open_page


@pytest.fixture(scope="session", autouse=True)
def packages_are_scanned_once() -> Iterator[None]:
    """Streamlit looks for components in all installed packages anew for every ``AppTest``.

    That takes half a second of each test.
    """
    patch = pytest.MonkeyPatch()
    scan = functools.cache(manifest_scanner.scan_component_manifests)
    patch.setattr(manifest_scanner, "scan_component_manifests", scan)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def fresh_caches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clear caches. Nothing starts TensorFlow: the cost of training is measured already, and no
    process waits for a run.
    """
    monkeypatch.setattr(runs, "prepare", lambda: None)
    measured = estimate.Estimate(1_100_000, 500.0, 2000.0, 900, 2304)
    monkeypatch.setattr(estimate, "cached", lambda config: measured)
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture(autouse=True)
def messages_are_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test runs a page again sooner than anybody could."""
    monkeypatch.setattr(notify, "AGAIN_S", 0.0)


@pytest.fixture(autouse=True)
def demo_is_drawn_once(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_demo_from(drawn, monkeypatch)


@pytest.fixture(scope="session")
def predictions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("predictions")


@pytest.fixture
def shared_predictions(predictions: Path) -> None:
    """One cache of predictions for the tests that ask for it: their images are the same."""
    settings().cache.mkdir(parents=True, exist_ok=True)
    (settings().cache / "predictions").symlink_to(predictions)


@pytest.fixture
def app(drawn: Path) -> AppTest:
    """The dataset page with the demo open."""
    lay_demo(drawn)
    return open_page("dataset")
