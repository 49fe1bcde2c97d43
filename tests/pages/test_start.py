"""What must be known before the first page: the settings in the secrets."""

from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from fer_core.system.settings import settings
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
