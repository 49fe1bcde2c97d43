"""Limit how often Streamlit collects garbage, and return freed memory to the system beside it.

Streamlit 1.67 collects all generations after every run of every visitor, also after the small runs
of fragments. A collection stops all threads, and takes longer the more visitors there are: with 40
who refresh a panel once a second it took 40% of the server's time. The option
``runner.postScriptGC`` switches it off altogether; memory would then grow until Python's own turn.
"""

import gc
import time
from types import SimpleNamespace
from typing import Final

from streamlit.runtime.scriptrunner import script_runner

from fer_core.system.memory import release_free

EVERY_S: Final = 2.0
"""Least time between two collections."""

RETURN_EVERY_S: Final = 10.0
"""Least time between two looks for freed memory in pieces, which the C library retains."""


def limit_collections() -> None:
    """Have the end of a run collect only if the last collection is ``EVERY_S`` ago."""
    last_s = returned_s = float("-inf")

    def collect(generation: int = 2) -> int:
        nonlocal last_s, returned_s
        if time.monotonic() - last_s < EVERY_S:
            return 0
        last_s = time.monotonic()
        count = gc.collect(generation)
        if last_s - returned_s >= RETURN_EVERY_S:
            returned_s = last_s
            release_free()
        return count

    script_runner.gc = SimpleNamespace(collect=collect)
