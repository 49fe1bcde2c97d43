"""Let work in the background give way to whoever waits for a page."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

NICE: Final = 10
"""Of a processor that both want, the server gets nine times as much as such a process."""


def lower(pid: int) -> None:
    """Take part in the processors' time only as far as others leave it, where the system can.

    Linux on a desktop shares the time among sessions before it looks at processes, and a job is a
    session of its own, so the session is told as well (sched(7), autogroup).
    """
    with suppress(OSError, AttributeError):  # Windows has no such call
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
        Path(f"/proc/{pid}/autogroup").write_text(str(NICE))
