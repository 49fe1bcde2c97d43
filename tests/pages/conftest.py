"""Fixtures of the pages' tests."""

from collections.abc import Iterator

import pytest
import streamlit as st

from fer_core.training import estimate


@pytest.fixture(autouse=True)
def fresh_caches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """And what training will cost is known: finding out starts a process with TensorFlow."""
    known = estimate.Estimate(1_100_000, 500.0, 2000.0, 900, 2304)
    monkeypatch.setattr(estimate, "known", lambda config: known)
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()
