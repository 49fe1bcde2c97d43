"""Work that outlives a rerun, a refresh and the server: one folder and one process each."""

from fer_core.system.jobs.job import CANCEL, PAUSE, Job, State
from fer_core.system.jobs.progress import Progress, duration
from fer_core.system.jobs.store import Jobs
from fer_core.system.jobs.worker import PausedError, Work, working

__all__ = [
    "CANCEL",
    "PAUSE",
    "Job",
    "Jobs",
    "PausedError",
    "Progress",
    "State",
    "Work",
    "duration",
    "working",
]
