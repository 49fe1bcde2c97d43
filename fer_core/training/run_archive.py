"""A run as a ZIP: to resume it elsewhere, such as on a hosted GPU, and to import it again."""

import io
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from fer_core.errors import DatasetError, JobError
from fer_core.models.importing.importer import replace_networks
from fer_core.system import temp_folders
from fer_core.system.jobs import Job, job
from fer_core.system.zip_files import UNREADABLE, check
from fer_core.training import runs
from fer_core.training.config import TrainConfig

PROCESS_FILES: Final = (job.JOB, job.OWNER, job.REQUEST)
"""Files of a run's folder that belong to one machine and one process."""


def pack(name: str) -> bytes:
    """Return the run's folder as a ZIP: all that resuming it elsewhere needs, and its model.

    Hidden files are left out: they are half written and about to be renamed.

    Raises:
        JobError: There is no such run.
    """
    folder, buffer = runs.store().get(name).folder, io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(folder.rglob("*")):
            path = file.relative_to(folder)
            hidden = any(part.startswith(".") for part in path.parts)
            if not hidden and file.is_file() and file.name not in PROCESS_FILES:
                archive.write(file, f"{name}/{path.as_posix()}")
    return buffer.getvalue()


def import_run(file: BinaryIO, title: str) -> Job:
    """Import a run that ``pack`` wrote, such as one trained on a hosted GPU.

    Raises:
        JobError: It is no ZIP of a run, breaks a rule of ``zip_files.check``, or cannot be written.
        ModelError: See ``replace_networks``.
        TrainingError: Its config is damaged.
    """
    jobs = runs.store()
    with temp_folders.folder("run") as folder:
        try:
            with zipfile.ZipFile(file) as archive:
                archive.extractall(folder, check(archive))
        except DatasetError as error:
            raise JobError(f"{title}: {error}") from error
        except (*UNREADABLE, OSError, ValueError) as error:
            raise JobError(f"{title}: this is not a ZIP of a run ({error}).") from error
        replace_networks(Path(folder))
        configs = sorted(Path(folder).rglob("config.yaml"), key=lambda path: len(path.parts))
        if not configs:
            raise JobError(f"{title}: there is no config.yaml in it, so it is no run.")
        TrainConfig.load(configs[0])
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-imported")
        new = jobs.create(title, "train", name=jobs.free_name(stamp))
        for name in PROCESS_FILES:
            (configs[0].parent / name).unlink(missing_ok=True)
        try:
            (new.folder / job.OWNER).unlink()
            shutil.copytree(configs[0].parent, new.folder, dirs_exist_ok=True)
            job.change(new.folder, command=runs.command(new.folder), cwd=str(Path.cwd()))
        except OSError as error:
            shutil.rmtree(new.folder, ignore_errors=True)
            raise JobError(f"{title} could not be written. Is the disk full? ({error})") from error
    return jobs.get(new.name)
