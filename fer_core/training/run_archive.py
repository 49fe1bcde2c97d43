"""A run as a ZIP: to resume it elsewhere, such as on a hosted GPU, and to take it in again."""

import io
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from fer_core.errors import DatasetError, JobError
from fer_core.models.importing.importer import try_out
from fer_core.models.importing.inspection import check_keras
from fer_core.system import temp_folders
from fer_core.system.jobs import Job, job
from fer_core.system.settings import settings
from fer_core.system.zip_files import UNREADABLE, check
from fer_core.training import runs
from fer_core.training.config import TrainConfig

PROCESS_FILES: Final = (job.JOB, job.OWNER, job.REQUEST)
"""What in a run's folder is of one machine and one moment."""


def pack(name: str) -> bytes:
    """The run's folder as a ZIP: what resuming it elsewhere needs, and its model.

    Hidden files are left out: they are half written, and get another name at any moment.

    Raises:
        JobError: There is no such run.
    """
    folder, buffer = runs.store().get(name).folder, io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for one in sorted(folder.rglob("*")):
            place = one.relative_to(folder)
            hidden = any(part.startswith(".") for part in place.parts)
            if not hidden and one.is_file() and one.name not in PROCESS_FILES:
                archive.write(one, f"{name}/{place.as_posix()}")
    return buffer.getvalue()


def take_in(file: BinaryIO, title: str) -> Job:
    """Take in a run that ``pack`` wrote, such as one trained on a hosted GPU.

    Raises:
        JobError: It is no ZIP of a run, breaks a rule of ``dataset.archive``, or cannot be kept.
        ModelError: A network in it asks for code or other files, or its model fails the trial of
            ``importing``.
        TrainingError: Its config is damaged.
    """
    jobs = runs.store()
    with temp_folders.folder("run") as place:
        try:
            with zipfile.ZipFile(file) as archive:
                archive.extractall(place, check(archive, settings().policy))
        except DatasetError as error:
            raise JobError(f"{title}: {error}") from error
        except (*UNREADABLE, OSError, ValueError) as error:
            raise JobError(f"{title}: this is not a ZIP of a run ({error}).") from error
        for network in sorted(Path(place).rglob("*.keras")):
            check_keras(network)
        for network in sorted(Path(place).rglob("*.tflite")):
            try_out(network)
        configs = sorted(Path(place).rglob("config.yaml"), key=lambda one: len(one.parts))
        if not configs:
            raise JobError(f"{title}: there is no config.yaml in it, so it is no run.")
        TrainConfig.load(configs[0])
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-taken-in")
        made = jobs.create(title, "train", name=jobs.free_name(stamp))
        for name in PROCESS_FILES:
            (configs[0].parent / name).unlink(missing_ok=True)
        try:
            (made.folder / job.OWNER).unlink()
            shutil.copytree(configs[0].parent, made.folder, dirs_exist_ok=True)
            job.change(made.folder, command=runs.command(made.folder), cwd=str(Path.cwd()))
        except OSError as error:
            shutil.rmtree(made.folder, ignore_errors=True)
            raise JobError(f"{title} could not be kept. Is the disk full? ({error})") from error
    return jobs.get(made.name)
