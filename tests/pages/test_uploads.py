"""What was uploaded leaves the server's memory with its field."""

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from starlette.exceptions import HTTPException
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.testing.v1 import AppTest

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
