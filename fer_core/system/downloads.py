"""Fetch one small file once, checked by its SHA-256."""

import hashlib
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Final

from fer_core.errors import DownloadError
from fer_core.system.files import digest, write_bytes

RETRY_AFTER_S: Final = 24 * 3600
"""After a failed fetch no other is tried for a day, in this process or another."""

MAX_BYTES: Final = 100_000_000


def fetch(url: str, sha256: str, target: Path, timeout_s: float = 3.0) -> Path:
    """Return ``target``, fetched from ``url`` unless a good copy is there already.

    Args:
        url: Where the file is.
        sha256: The file's digest in hexadecimal.
        target: Where to keep it. Written under a temporary name and renamed.
        timeout_s: Longest wait for a connection, and for the whole file ten times as long.

    Raises:
        DownloadError: No connection, too slow, the wrong file, or a fetch failed within the
            last day.
    """
    if _is_good(target, sha256):
        return target
    marker = target.with_name(target.name + ".failed")
    if _is_fresh(marker):
        raise DownloadError(
            f"{target.name} could not be downloaded lately; it is tried again after a day."
        )
    try:
        data = _read(url, timeout_s)
        actual = hashlib.sha256(data).hexdigest()
        if actual != sha256:
            raise DownloadError(
                f"The file downloaded as {target.name} is not the expected one "
                f"(SHA-256 {actual[:12]}…, expected {sha256[:12]}…)."
            )
        write_bytes(target, data)
    except (OSError, HTTPException, ValueError) as error:
        _remember(marker)
        raise DownloadError(
            f"{target.name} could not be downloaded ({_reason(error)}). It is tried again after a "
            "day."
        ) from error
    except DownloadError:
        _remember(marker)
        raise
    marker.unlink(missing_ok=True)
    return target


def _is_good(file: Path, sha256: str) -> bool:
    try:
        return digest(file) == sha256
    except OSError:  # not there, or it cannot be read: fetched anew
        return False


def _read(url: str, timeout_s: float) -> bytes:
    end = time.monotonic() + 10 * timeout_s
    parts: list[bytes] = []
    with urllib.request.urlopen(url, timeout=timeout_s) as response:
        while part := response.read1(1 << 16):
            parts.append(part)
            if time.monotonic() > end or sum(map(len, parts)) > MAX_BYTES:
                raise TimeoutError("the transfer took too long")
    return b"".join(parts)


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return "timed out" if isinstance(cause, TimeoutError) else str(cause)


def _remember(marker: Path) -> None:
    try:
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
    except OSError:
        pass  # a read-only cache: the next process tries again, nothing else is lost


def _is_fresh(marker: Path) -> bool:
    try:
        return time.time() - marker.stat().st_mtime < RETRY_AFTER_S
    except OSError:
        return False
