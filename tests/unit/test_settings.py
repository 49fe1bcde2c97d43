from pathlib import Path

import pytest

from fer_core.errors import SettingsError
from fer_core.system.settings import Settings


def test_defaults() -> None:
    found = Settings.from_environment({})
    assert (found.public, found.detector, found.yunet, found.threads) == (False, "auto", None, 2)
    assert found.home.is_absolute()


def test_switches_are_read() -> None:
    found = Settings.from_environment(
        {"FER_HOME": "~/fer", "FER_PUBLIC": "1", "FER_DETECTOR": "haar", "FER_YUNET": "/y.onnx",
         "FER_THREADS": "4", "FER_CACHE": "/c"}
    )  # fmt: skip
    assert found == Settings(
        Path.home() / "fer",
        Path("/c"),
        public=True,
        detector="haar",
        yunet=Path("/y.onnx"),
        threads=4,
        upload_mb=50,
    )
    assert Settings.from_environment({}).upload_mb == 200
    assert Settings.from_environment({"FER_PUBLIC": "1", "FER_UPLOAD_MB": "9"}).upload_mb == 9


def test_a_space_is_a_public_link_unless_it_says_otherwise() -> None:
    assert Settings.from_environment({"SPACE_ID": "me/fer-studio"}).public
    assert not Settings.from_environment({"SPACE_ID": "me/fer-studio", "FER_PUBLIC": "0"}).public


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FER_PUBLIC", "yes please"),
        ("FER_DETECTOR", "mtcnn"),
        ("FER_THREADS", "0"),
        ("FER_THREADS", "-1"),
        ("FER_THREADS", "many"),
        ("FER_THREADS", "65"),
        ("FER_JOB_HOURS", "0"),
    ],
)
def test_wrong_values_name_the_switch(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}.*{value}"):
        Settings.from_environment({name: value})


def test_reading_settings_creates_nothing(tmp_path: Path) -> None:
    Settings.from_environment(
        {"FER_HOME": str(tmp_path / "home"), "FER_CACHE": str(tmp_path / "c")}
    )
    assert list(tmp_path.iterdir()) == []
