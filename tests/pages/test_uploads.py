"""What was uploaded leaves the server's memory with its field."""

import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from pages._uploads import let_go

    let_go()
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
