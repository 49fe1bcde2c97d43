"""Uploads in the server's memory: how much a visitor may hold, and when they go.

Streamlit keeps them until the tab is closed, and takes as many as are sent, wanted or not. The
server below it writes those over 1 MB to a temporary file on their way in, and waits for ever for
the next byte.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from functools import wraps
from typing import Any

import streamlit as st
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from starlette.requests import Request
from streamlit.runtime import get_instance
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

SEEN = "uploads_seen"
COUNTED = "fer_studio.counted"
MOST_HELD, MOST_OF_ALL = 4, 16
"""Times the largest upload: what one visitor may hold in memory, and all together, uploads that
are under way included."""

LEAST_BYTES = 4096
"""What an empty file counts."""

FRAME_BYTES = 1_000_000
"""What a request may hold beside its file."""

REST_S = 60.0
"""An upload of which no byte has come for so long is given up."""

under_way: Counter[str] = Counter()
"""Bytes that have come of unfinished uploads, by session."""


def limit_upload_memory(most_bytes: int) -> None:
    """Keep uploads in memory alone, and refuse what would be too much; called once.

    Args:
        most_bytes: Size of the largest upload.
    """
    MultiPartParser.spool_max_size = most_bytes + FRAME_BYTES
    add_plainly: Any = _plain(MemoryUploadedFileManager.add_file)
    stream_plainly: Any = _plain(Request.stream)

    @wraps(add_plainly)
    def add_file(manager: Any, session_id: str, file: UploadedFileRec) -> None:
        _check(manager, session_id, most_bytes, _bytes([file]))
        add_plainly(manager, session_id=session_id, file=file)

    @wraps(stream_plainly)
    async def stream(request: Request) -> AsyncGenerator[bytes, None]:
        session_id = request.scope.get("path_params", {}).get("session_id")
        async with aclosing(stream_plainly(request)) as chunks:
            if session_id is None or COUNTED in request.scope:  # of a request within a request
                async for chunk in chunks:
                    yield chunk
                return
            request.scope[COUNTED] = True
            received = LEAST_BYTES
            under_way[session_id] += received
            try:
                while chunk := await _next(chunks):
                    received += len(chunk)
                    under_way[session_id] += len(chunk)
                    _check(get_instance().uploaded_file_mgr, session_id, most_bytes)
                    yield chunk
            finally:
                under_way[session_id] -= received
                if not under_way[session_id]:
                    del under_way[session_id]
        yield b""

    MemoryUploadedFileManager.add_file = add_file
    Request.stream = stream  # type: ignore[method-assign]


def _plain(patched: Any) -> Any:
    """Return the function itself where an earlier start of the pages has replaced it."""
    return getattr(patched, "__wrapped__", patched)


async def _next(chunks: AsyncGenerator[bytes, None]) -> bytes:
    """Return the next bytes of an upload, none at its end."""
    try:
        return await asyncio.wait_for(anext(chunks, b""), REST_S)
    except TimeoutError:
        raise HTTPException(408, "The upload has stopped. Try again.") from None


def _check(manager: Any, session_id: str, most_bytes: int, more: int = 0) -> None:
    """Raise ``HTTPException`` where a visitor, or all, hold too much with ``more`` bytes."""
    held: Mapping[str, Mapping[str, UploadedFileRec]] = getattr(manager, "file_storage", {})
    of_visitor = _bytes(list(held.get(session_id, {}).values())) + under_way[session_id]
    in_all = sum(_bytes(list(files.values())) for files in list(held.values()))
    in_all += under_way.total()
    if of_visitor + more > MOST_HELD * most_bytes or in_all + more > MOST_OF_ALL * most_bytes:
        raise HTTPException(413, "Too many uploads are held. Remove some and try again.")


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
