"""What must be known before the first page: the settings in the secrets."""

import json
from pathlib import Path

import plotly.graph_objects as go
import pytest
import streamlit as st
from plotly.validator_cache import ValidatorCache
from streamlit import config
from streamlit.testing.v1 import AppTest

from fer_core.system.settings import settings
from pages._server import plotly_descriptions
from tests.conftest import ROOT


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)


def test_true_in_the_secrets_makes_a_link_public(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_PUBLIC", "0")
    settings.cache_clear()
    app.secrets["FER_PUBLIC"] = True
    assert not app.run().exception
    assert settings().public


def test_settings_below_a_section_are_not_passed_over(app: AppTest) -> None:
    app.secrets["webrtc"] = {"urls": "stun:stun.example.org", "FER_PUBLIC": "1"}
    app.run()
    (error,) = app.error
    assert "above the first [section]" in error.value.replace("\\", "")
    assert not app.title


def test_nothing_is_shown_while_the_secrets_cannot_be_read(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "secrets.toml"
    broken.write_text("FER_PUBLIC = yes\n")
    usual = config.get_option
    monkeypatch.setattr(
        config, "get_option", lambda key: [str(broken)] if key == "secrets.files" else usual(key)
    )
    app.run()
    (error,) = app.error
    assert 'FER_PUBLIC = "1"' in error.value.replace("\\", "")
    assert not app.title


def test_garbage_is_collected_every_two_seconds_at_most(monkeypatch) -> None:
    from streamlit.runtime.scriptrunner import script_runner

    from pages._server import garbage

    monkeypatch.setattr(script_runner, "gc", script_runner.gc)
    calls: list[int] = []
    returned: list[float] = []
    now = [100.0]
    monkeypatch.setattr(garbage.gc, "collect", lambda generation: calls.append(generation) or 7)
    monkeypatch.setattr(garbage.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(garbage, "release_free", lambda: returned.append(now[0]))
    garbage.limit_collections()
    assert [script_runner.gc.collect(2), script_runner.gc.collect(2)] == [7, 0]
    now[0] += garbage.EVERY_S
    assert script_runner.gc.collect(2) == 7
    assert calls == [2, 2]
    for _ in range(20):
        now[0] += 1
        script_runner.gc.collect(2)
    assert returned == [100.0, 110.0, 120.0]


@pytest.mark.parametrize(("space", "protected"), [("", True), ("me/fer-studio", False)])
def test_a_space_takes_uploads_in_the_frame_of_another_site(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, space: str, protected: bool
) -> None:
    monkeypatch.setenv("SPACE_ID", space)
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    st.cache_resource.clear()
    names = ("server.enableXsrfProtection", "server.maxUploadSize", "client.showErrorDetails")
    before = {name: config.get_option(name) for name in names}
    try:
        config.set_option(names[0], True)
        assert not app.run().exception
        assert config.get_option(names[0]) is protected
    finally:
        for name, value in before.items():
            config.set_option(name, value)
        st.cache_resource.clear()


def test_plotly_reads_the_same_descriptions_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    every = json.loads(plotly_descriptions.FILE.read_text("utf-8"))
    descriptions = plotly_descriptions.Descriptions()
    assert len(every) > 10_000
    assert {name: descriptions.get(name) for name in every} == every
    assert descriptions.get("layout.no such property") is None
    monkeypatch.setattr(ValidatorCache, "_json_cache", None)
    monkeypatch.setattr(ValidatorCache, "_cache", {})
    plotly_descriptions.read_when_needed()
    assert isinstance(ValidatorCache._json_cache, plotly_descriptions.Descriptions)
    figure = go.Figure(go.Bar(x=[1, 2], y=[3, 4])).update_layout(xaxis2={"visible": False})
    assert figure.layout.xaxis2.visible is False
    with pytest.raises(ValueError, match="height"):
        figure.update_layout(height=3)
    with pytest.raises(ValueError, match="hight"):
        figure.update_layout(hight=300)
    plotly_descriptions.read_when_needed()  # it is there already


def test_plotly_keeps_what_it_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ValidatorCache, "_json_cache", {"layout": {}})
    plotly_descriptions.read_when_needed()
    assert ValidatorCache._json_cache == {"layout": {}}
