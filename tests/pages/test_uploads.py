"""What is uploaded stays in the server's memory, within limits, and leaves it with its field."""

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from starlette.requests import Request
from streamlit import config
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette.starlette_routes import create_upload_routes

from fer_core.dataset import vote_table
from fer_core.dataset.index import DatasetIndex, make_table
from pages._evaluate.extra_labels import _attach
from pages._server import uploads


def page() -> None:
    import streamlit as st

    from pages._server.uploads import drop_removed_uploads

    drop_removed_uploads()
    if not st.checkbox("Away", key="away"):
        st.file_uploader("One", key="one")
        st.file_uploader("Several", key="several", accept_multiple_files=True)


def test_files_go_when_no_field_holds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[str] = []
    monkeypatch.setattr(
        MemoryUploadedFileManager, "remove_file", lambda self, session, file: gone.append(file)
    )
    app = AppTest.from_function(page).run()
    file = ("a.txt", b"a", "text/plain")
    app.file_uploader(key="one").set_value(file)
    app.file_uploader(key="several").set_value([file, file])
    app.run().run()
    held = [app.session_state["one"], *app.session_state["several"]]
    assert gone == []
    app.checkbox(key="away").check().run().run()
    assert sorted(gone) == sorted(file.file_id for file in held)


def test_a_visitor_cannot_park_files_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryUploadedFileManager, "add_file", MemoryUploadedFileManager.add_file)
    uploads.limit_upload_memory(10_000)
    uploads.limit_upload_memory(10_000)  # a server that starts its pages anew
    manager = MemoryUploadedFileManager("/x")

    def put(session: str, name: str, size: int = 10_000) -> None:
        manager.add_file(session_id=session, file=UploadedFileRec(name, name, "", bytes(size)))

    for session in "abc":
        for number in range(4):
            put(session, str(number))
        with pytest.raises(HTTPException, match="Too many uploads"):
            put(session, "invented")
    manager.remove_file("a", "0")
    put("a", "another")
    for number in range(9):
        put("empty", str(number), 0)
    with pytest.raises(HTTPException):
        put("empty", "one more", 0)  # nothing is not for nothing
    with pytest.raises(HTTPException):
        put("e", "0")  # all together hold too much
    assert len(manager.get_files("a", ["another"])) == 1


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Streamlit's own route for uploads, as the app sets its limits, without a server around it."""
    manager = MemoryUploadedFileManager("/x")
    runtime = SimpleNamespace(is_active_session=lambda _: True, uploaded_file_mgr=manager)
    config.set_option("server.enableXsrfProtection", False)
    monkeypatch.setattr(uploads, "get_instance", lambda: runtime)
    monkeypatch.setattr(MemoryUploadedFileManager, "add_file", MemoryUploadedFileManager.add_file)
    monkeypatch.setattr(Request, "stream", Request.stream)
    monkeypatch.setattr(MultiPartParser, "spool_max_size", MultiPartParser.spool_max_size)
    app = Starlette(routes=create_upload_routes(runtime, manager, ""))
    yield SimpleNamespace(app=app, manager=manager)
    config.set_option("server.enableXsrfProtection", True)


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run it in a thread: Playwright leaves a running loop in that of a worker's tests."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


async def send(
    server: SimpleNamespace, session: str, name: str, chunks: AsyncIterator[bytes]
) -> int:
    """Send a file's bytes as a browser does; return the answer's status."""
    opening = f'--x\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n\r\n'.encode()
    status = []

    async def body() -> AsyncIterator[dict]:
        yield {"type": "http.request", "body": opening, "more_body": True}
        async for chunk in chunks:
            yield {"type": "http.request", "body": chunk, "more_body": True}
        yield {"type": "http.request", "body": b"\r\n--x--\r\n", "more_body": False}

    messages = body()

    async def note(message: dict) -> None:
        status.append(message.get("status"))

    scope = {
        "type": "http", "method": "PUT", "path": f"/_stcore/upload_file/{session}/{name}",
        "headers": [(b"content-type", b"multipart/form-data; boundary=x")], "query_string": b"",
    }  # fmt: skip
    await server.app(scope, lambda: anext(messages), note)
    return status[0]


async def parts(size: int, number: int, pause_s: float = 0.0) -> AsyncIterator[bytes]:
    for _ in range(number):
        await asyncio.sleep(pause_s)
        yield bytes(size)


def test_3_mb_come_in_without_a_file(server, monkeypatch: pytest.MonkeyPatch) -> None:
    rolled = []
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rolled.append)
    uploads.limit_upload_memory(200 * 2**20)
    assert run(send(server, "a", "photo.jpg", parts(100_000, 30))) == 204
    (held,) = server.manager.get_files("a", ["photo.jpg"])
    assert (len(held.data), rolled, dict(uploads.under_way)) == (3_000_000, [], {})


def test_what_is_on_its_way_counts(server) -> None:
    """Five of the largest uploads at once: one is refused before it has come whole."""
    uploads.limit_upload_memory(100_000)

    async def all_at_once() -> list[int]:
        sent = [send(server, "a", f"{n}", parts(10_000, 10, 0.001)) for n in range(5)]
        return await asyncio.gather(*sent)

    assert sorted(run(all_at_once()))[-1] == 413
    assert sum(len(file.data) for file in server.manager.file_storage["a"].values()) <= 400_000
    assert dict(uploads.under_way) == {}
    assert run(send(server, "b", "next", parts(10_000, 10))) == 204


def test_an_upload_that_rests_is_given_up(server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "REST_S", 0.05)
    uploads.limit_upload_memory(100_000)
    assert run(send(server, "a", "slow", parts(10, 8, 0.02))) == 204
    assert run(send(server, "a", "silent", parts(10, 2, 5))) == 408
    assert dict(uploads.under_way) == {}


def test_a_table_of_votes_overwrites_no_decisions(tmp_path: Path) -> None:
    decisions = tmp_path / "decisions.csv"
    decisions.write_text("file,given,action,label,reason\n")
    table = make_table({"file": ["a.png"], "split": "train", "label": "sad", "error": ""})
    index = DatasetIndex(tmp_path, table, np.zeros((1, 1, 1), np.uint8), ())
    found = SimpleNamespace(index=index, decisions=SimpleNamespace(file=decisions), votes_file=None)
    words = [*vote_table.NAMES.values(), *vote_table.OTHER]
    upload = io.BytesIO(
        f"file,{','.join('votes_' + w for w in words)}\na.png{',1' * 10}\n".encode()
    )
    upload.name = "decisions.csv"
    _attach(found, upload)
    assert decisions.read_text().startswith("file,given")
    assert vote_table.parse(found.votes_file.read_bytes(), "votes.csv").keys == ["a.png"]
