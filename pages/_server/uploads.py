"""Uploads in the server's memory: how much a visitor may hold, and when they go.

Streamlit keeps them until the tab is closed, and takes as many as are sent, wanted or not.
"""

from collections.abc import Iterable, Mapping
from functools import wraps
from typing import Any

import streamlit as st
from starlette.exceptions import HTTPException
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

SEEN = "uploads_seen"
MOST_HELD, MOST_OF_ALL = 4, 16
"""Times the largest upload: what one visitor may hold in memory, and all together."""

LEAST_BYTES = 4096
"""What an empty file counts."""


def limit_upload_memory(most_bytes: int) -> None:
    """Refuse uploads of which a visitor, or all together, hold too much; called once.

    Args:
        most_bytes: Size of the largest upload.
    """
    plain = getattr(MemoryUploadedFileManager.add_file, "__wrapped__", None)
    plain = plain or MemoryUploadedFileManager.add_file

    @wraps(plain)
    def add_file(manager: Any, session_id: str, file: UploadedFileRec) -> None:
        held: Mapping[str, Mapping[str, UploadedFileRec]] = getattr(manager, "file_storage", {})
        of_visitor = _bytes([file, *list(held.get(session_id, {}).values())])
        in_all = _bytes(
            [file, *(item for files in list(held.values()) for item in list(files.values()))]
        )
        if of_visitor > MOST_HELD * most_bytes or in_all > MOST_OF_ALL * most_bytes:
            raise HTTPException(413, "Too many uploads are held. Remove some and try again.")
        plain(manager, session_id=session_id, file=file)

    MemoryUploadedFileManager.add_file = add_file


def _bytes(files: Iterable[UploadedFileRec]) -> int:
    return sum(max(len(file.data), LEAST_BYTES) for file in files)


def drop_removed_uploads() -> None:
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
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, UploadedFile)]
