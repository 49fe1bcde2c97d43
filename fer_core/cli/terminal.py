"""Write to the terminal: progress bars, and text in which no control code acts."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

from fer_core.system.text import terminal

if TYPE_CHECKING:
    from tqdm import tqdm

BAR_FORMAT = "{desc}{percentage:3.0f}% |{bar:24}| {n:,.0f} of {total:,.0f} [{remaining}]{postfix}"

STDERR: Final = 2
NOTICE: Final = b"INFO: Created TensorFlow Lite XNNPACK delegate"


class Bar:
    """A progress bar with the time left; nothing where stderr is no terminal.

    Args:
        title: Text before the bar.
    """

    def __init__(self, title: str = "") -> None:
        self._title = f"{title}: " if title else ""
        self._bar: tqdm[Any] | None = None

    def show(self, done: float, total: float, note: str = "") -> None:
        """Draw it, a few times a second.

        Args:
            done: Steps done, those of an earlier call too.
            total: All steps.
            note: Current step; may hold text from outside.
        """
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(
                total=total, initial=done, desc=self._title, disable=None, file=sys.__stderr__,
                bar_format=BAR_FORMAT, dynamic_ncols=True, mininterval=0.2,
            )  # fmt: skip
        self._bar.total = total
        self._bar.set_postfix_str(terminal(note), refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """End its line."""
        if self._bar is not None:
            self._bar.close()


def progress_bar(title: str) -> Callable[[int, int], None]:
    """Return a function that draws a bar for done and total, and ends its line at the end."""
    bar = Bar(title)

    def show(done: int, total: int) -> None:
        bar.show(done, total)
        if done >= total:
            bar.close()

    return show


@contextmanager
def without_runtime_notice() -> Iterator[None]:
    """Drop the line on its kernels that LiteRT prints when a process first runs a network.

    It has no switch for that, so the block's stderr goes through a file; other lines come after it.
    For the main thread before others start.
    """
    stderr = os.dup(STDERR)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), STDERR)
        try:
            yield
        finally:
            os.dup2(stderr, STDERR)
            os.close(stderr)
            caught.seek(0)
            for line in caught:
                if not line.startswith(NOTICE):
                    os.write(STDERR, line)


class _Escaping:
    r"""A text stream that writes control codes as ``\x1b`` and the like; line ends stay."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write ``text``; names of files may come from strangers."""
        self._stream.write("\n".join(map(terminal, text.split("\n"))))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def escaped_output() -> Iterator[None]:
    """Have no control code in what is printed act on the terminal while the block runs."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_Escaping, streams)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
