"""Fixtures of the pages' tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fer_core.dataset import demo, store
from fer_core.training import estimate, runs
from tests.page_kit import open_page


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


@pytest.fixture
def app(drawn: Path) -> AppTest:
    """The dataset page with the demo open."""
    shutil.copytree(drawn, store.default_home() / demo.NAME)
    return open_page("dataset")
