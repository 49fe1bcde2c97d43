"""The ``FER_*`` switches, read once from the environment."""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import platformdirs

from fer_core.errors import SettingsError
from fer_core.system.paths import typed

DETECTORS = ("auto", "yunet", "haar")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment asks for.

    Attributes:
        home: ``FER_HOME``. Folder of the user's models, runs, datasets and jobs. Not created here.
        cache: ``FER_CACHE``. Folder for files that can be fetched again.
        public: ``FER_PUBLIC=1``. The app is open to strangers: nothing may be changed or stored.
        detector: ``FER_DETECTOR``. ``auto``, ``yunet`` or ``haar``.
        yunet: ``FER_YUNET``. Path to YuNet's ONNX file, or None to use the cache or fetch it.
        threads: ``FER_THREADS``. Threads of one classifier, 1 to 64.
        streams: ``FER_STREAMS``. Live views at the same time, 1 to 64.
        upload_mb: ``FER_UPLOAD_MB``. Largest file that is taken, in megabytes, 1 to 100,000; 200,
            or 50 on public links.
        job_hours: ``FER_JOB_HOURS``. Uploaded videos and their results are deleted after so many
            hours, 1 to 8,760.
    """

    home: Path
    cache: Path
    public: bool = False
    detector: str = "auto"
    yunet: Path | None = None
    threads: int = 2
    streams: int = 4
    upload_mb: int = 200
    job_hours: int = 24

    @classmethod
    def from_environment(cls, environ: dict[str, str]) -> "Settings":
        """Read the switches from ``environ``.

        Raises:
            SettingsError: A switch has a value that is not allowed.
        """
        detector = environ.get("FER_DETECTOR", "auto")
        if detector not in DETECTORS:
            raise SettingsError(
                f"FER_DETECTOR must be one of {', '.join(DETECTORS)}. Received: {detector!r}."
            )
        yunet = environ.get("FER_YUNET")
        public = _switch(environ, "FER_PUBLIC")
        return cls(
            home=_folder(environ, "FER_HOME", platformdirs.user_data_path("fer-studio")),
            cache=_folder(environ, "FER_CACHE", platformdirs.user_cache_path("fer-studio")),
            public=public,
            detector=detector,
            yunet=typed(yunet, SettingsError) if yunet else None,
            threads=_count(environ, "FER_THREADS", default=2, most=64),
            streams=_count(environ, "FER_STREAMS", default=4, most=64),
            upload_mb=_count(environ, "FER_UPLOAD_MB", default=50 if public else 200, most=100_000),
            job_hours=_count(environ, "FER_JOB_HOURS", default=24, most=8760),
        )


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process."""
    return Settings.from_environment(dict(os.environ))


def _folder(environ: dict[str, str], name: str, default: Path) -> Path:
    return typed(environ[name], SettingsError) if environ.get(name) else default


def _switch(environ: dict[str, str], name: str) -> bool:
    value = environ.get(name, "0").strip().lower()
    if value not in {"", "0", "1", "false", "true"}:
        raise SettingsError(f"{name} must be 0 or 1. Received: {environ[name]!r}.")
    return value in {"1", "true"}


def _count(environ: dict[str, str], name: str, default: int, most: int) -> int:
    value = environ.get(name) or str(default)
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= most):
        raise SettingsError(f"{name} must be a whole number from 1 to {most}. Received: {value!r}.")
    return int(value)
