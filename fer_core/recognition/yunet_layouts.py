"""YuNet's network in LiteRT, laid out in memory for the sizes of images in use."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from fer_core.system.memory import release_free

MOST_PIXELS: Final = 800_000
"""Images of the sizes last used, together, for which memory stays laid out, 85 bytes a pixel; and
one larger image. A new size takes as long as a search, most of it for the memory's pages."""

LIVE_PIXELS: Final = 110_000
"""Images up to this size stay laid out when they rest: those of live video, at 320 pixels."""

REST_S: Final = 10.0
"""Larger sizes are forgotten when no image of them has come for so long."""

Size = tuple[int, int]
"""Height and width in pixels."""


@dataclass(slots=True)
class Layout:
    """An interpreter for images of one size, its lock, and when it was last asked for."""

    interpreter: Any
    lock: threading.Lock
    used_s: float = 0.0


class Layouts:
    """The layouts of one network. Safe to share between threads.

    Args:
        data: The LiteRT file, whose input may be resized.

    Raises:
        ValueError: ``get`` raises it where the file is damaged.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._lock = threading.Lock()
        self._layouts: OrderedDict[Size, Layout] = OrderedDict()
        self._is_watched = False

    @property
    def sizes(self) -> list[Size]:
        """The sizes that are laid out, the one used last at the end."""
        return list(self._layouts)

    def get(self, size: Size) -> Layout:
        """Return the layout for images of a size; its lock is for running the interpreter."""
        with self._lock:
            if size not in self._layouts:
                self._make_room(size[0] * size[1])
                self._layouts[size] = self._new(size)
            self._layouts.move_to_end(size)
            layout = self._layouts[size]
            layout.used_s = time.monotonic()
            if _may_rest(size) and not self._is_watched:
                self._watch(REST_S)
            return layout

    def _new(self, size: Size) -> Layout:
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_content=self._data, num_threads=1)
        interpreter.resize_tensor_input(input_index(interpreter), (1, *size, 3))
        interpreter.allocate_tensors()
        return Layout(interpreter, threading.Lock())

    def _make_room(self, pixels: int) -> None:
        """Forget sizes that were not used for longest."""
        is_large = pixels > MOST_PIXELS
        areas = {size: size[0] * size[1] for size in self._layouts}
        peers = [size for size in areas if (areas[size] > MOST_PIXELS) == is_large]
        while peers and (is_large or sum(areas[p] for p in peers) + pixels > MOST_PIXELS):
            del self._layouts[peers.pop(0)]

    def _watch(self, seconds: float) -> None:
        """Look for resting layouts after a time."""
        self._is_watched = True
        timer = threading.Timer(seconds, self._forget_resting)
        timer.name, timer.daemon = "yunet-layouts", True
        timer.start()

    def _forget_resting(self) -> None:
        """Return the memory of layouts that rest; look again while others do not."""
        with self._lock:
            now = time.monotonic()
            ends_s = {
                size: layout.used_s + REST_S
                for size, layout in self._layouts.items()
                if _may_rest(size)
            }
            resting = [size for size, end_s in ends_s.items() if end_s <= now]
            for size in resting:
                del self._layouts[size], ends_s[size]
            self._is_watched = False
            if ends_s:
                self._watch(min(ends_s.values()) - now)
        if resting:
            release_free()


def input_index(interpreter: Any) -> int:
    """Return the number of the interpreter's one input."""
    return int(interpreter.get_input_details()[0]["index"])


def _may_rest(size: Size) -> bool:
    return size[0] * size[1] > LIVE_PIXELS
