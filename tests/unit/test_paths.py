"""What a person may type as a path, and what may be shown of one."""

from pathlib import Path

import pytest

from fer_core.cli.main import main
from fer_core.errors import DatasetError, SettingsError
from fer_core.system.paths import typed
from fer_core.system.settings import Settings
from fer_core.system.text import utf8

IMPOSSIBLE = ("~nobody-of-that-name/x", "x" * 5000, "a\0b")


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_what_no_file_can_be_called_is_an_error(text: str) -> None:
    with pytest.raises(DatasetError, match="this path cannot be used") as found:
        typed(text, DatasetError)
    assert len(str(found.value)) < 250


def test_a_path_need_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "file").touch()
    assert typed("~/none/deeper", DatasetError) == tmp_path / "none" / "deeper"
    assert typed("~/file/deeper", DatasetError) == tmp_path / "file" / "deeper"
    with pytest.raises(SettingsError, match="cannot be used"):
        Settings.from_environment({"FER_HOME": IMPOSSIBLE[0]})


@pytest.mark.parametrize("text", IMPOSSIBLE)
@pytest.mark.parametrize(
    "command",
    [["classify", "{}", "--out", "x.csv"], ["dataset", "scan", "{}"], ["dataset", "import", "{}"]],
)
def test_commands_answer_them(
    command: list[str], text: str, capsys: pytest.CaptureFixture, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([word.format(text) for word in command]) == 2
    assert "this path cannot be used" in capsys.readouterr().err


def test_names_that_are_not_utf_8_stay_apart() -> None:
    odd = [name.decode("utf-8", "surrogateescape") for name in (b"\xff.jpg", b"\xfe.jpg")]
    assert [utf8(name) for name in odd] == [r"\udcff.jpg", r"\udcfe.jpg"]
    assert utf8("ünïcode.jpg") == "ünïcode.jpg"
