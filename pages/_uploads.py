"""Let go of uploads that no field holds any more: Streamlit keeps them until the tab is closed."""

from typing import Any

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

SEEN = "uploads_seen"


def let_go() -> None:
    """Remove what a field held at the last look and none holds now; called before each page.

    A file that has come but is not in its field yet was never seen, and stays.
    """
    now = {file.file_id for value in st.session_state.values() for file in _files(value)}
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        for gone in st.session_state.get(SEEN, set()) - now:
            context.uploaded_file_mgr.remove_file(context.session_id, gone)
    st.session_state[SEEN] = now


def _files(value: Any) -> list[UploadedFile]:
    every = value if isinstance(value, list) else [value]
    return [one for one in every if isinstance(one, UploadedFile)]
