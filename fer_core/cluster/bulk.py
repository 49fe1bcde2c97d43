"""Run ``classify`` on a Ray cluster: the rows of one machine, as a folder of Parquet files."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any, Final

from fer_core.bulk import inputs
from fer_core.bulk.inputs import Opener, Source
from fer_core.bulk.plan import Options, Report, plan
from fer_core.cluster.connection import ClusterError, connected
from fer_core.cluster.result_folder import ERRORS, Counts, Folder, digest_of
from fer_core.cluster.worker import AHEAD, ShareReader, WorkerConfig
from fer_core.errors import FerError, JobError
from fer_core.recognition.pool import RecognizerPool
from fer_core.system.jobs import process_lock
from fer_core.system.jobs.job import OWNER

__all__ = ["ERRORS", "classify"]

MAX_FILES: Final = 10_000_000
"""Files of one job; their list takes memory of the machine that gives the command."""

MAX_FAILURES: Final = 3
"""Failures of the cluster in a row, without one share finished, that end the job."""

_LOGGER = logging.getLogger(__name__)


def classify(  # noqa: PLR0913, PLR0917  # inputs, model, output, and how
    names: Sequence[str],
    pool: RecognizerPool,
    out: str,
    options: Options | None = None,
    report: Report = lambda done, total, note: None,
    address: str | None = None,
    workers: int | None = None,
) -> Counts:
    """Read every file; continues where an earlier call stopped.

    Args:
        names: See ``inputs.listing``.
        pool: Tells model, head and detector; reads nothing itself.
        out: Folder for the results: a path that every machine sees, or an address.
        options: How files are read.
        report: Called with the progress; may raise to stop.
        address: See ``connection.connected``.
        workers: Workers at the same time, a core each; as many as there are if None.

    Returns:
        The size of the results in the folder.

    Raises:
        FerError: Nothing to read, the folder holds something else, or the cluster fails for good.
            What is done stays for the next call.
    """
    options = options or Options()
    if options.annotated:
        raise FerError("Annotated copies of videos are made by the local engine alone.")
    folder = Folder(out)
    try:
        with _locked(folder):
            if options.restart:
                folder.delete()
            listing = inputs.listing(names, options.below, MAX_FILES)
            folder.claim(plan(names, pool, options))
            folder.sweep_halves()
            folder.add_inputs(listing.sources)
            _remove_outdated(folder, listing.sources)
            _read(folder, _worker_config(folder, pool, options), report, address, workers)
            return replace(_finish(folder), notice=listing.notice)
    except OSError as error:
        raise FerError(
            f"{out} cannot be read or written ({error}). What is done stays: the same call "
            "continues from there."
        ) from error


def _read(
    folder: Folder, config: WorkerConfig, report: Report, address: str | None, workers: int | None
) -> None:
    """Have Ray read shares until each has its part."""
    sizes = folder.sizes()
    total, failures = sum(sizes.values()), 0
    waiting = sorted(sizes.keys() - folder.finished())
    report(total - sum(sizes[share] for share in waiting), total, "Starting")
    if not waiting:
        return
    with connected(address, workers) as ray:
        while waiting:
            count_before = len(waiting)
            done = total - sum(sizes[share] for share in waiting)
            try:
                for row in _run(ray, waiting, config, workers):
                    done += int(row["files"])
                    report(min(done, total), total, f"{done:,} of {total:,} files")
            except (ray.exceptions.RayError, ray.data.exceptions.UserCodeException) as error:
                _raise_fer_error(error)
                failures += 1
                _LOGGER.warning("The cluster failed: %s", error)
                if failures >= MAX_FAILURES:
                    raise ClusterError(
                        f"The cluster fails again and again ({_last_line(error)}). What is done "
                        "stays: the same call continues from there."
                    ) from error
            waiting = sorted(sizes.keys() - folder.finished())
            failures = 0 if len(waiting) < count_before else failures
    report(total, total, "Done")


def _run(
    ray: Any, waiting: Sequence[int], config: WorkerConfig, workers: int | None
) -> Iterator[Any]:
    """Yield a row for each share as Ray Data finishes it, in any order.

    Workers that die are replaced and their shares read again. The pool may shrink to one, so that
    workers of a machine that is gone do not wait for cores that will never be free.
    """
    cores = int(ray.cluster_resources().get("CPU", 1))
    size = max(min(workers or cores, cores, len(waiting)), 1)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    pool = ray.data.ActorPoolStrategy(
        min_size=1, max_size=size, initial_size=size, max_tasks_in_flight_per_actor=2
    )
    shares = ray.data.from_items(
        [{"share": share} for share in waiting], override_num_blocks=len(waiting)
    )
    read = shares.map_batches(
        ShareReader, fn_constructor_args=(config,), batch_size=1, compute=pool, num_cpus=1
    )
    return iter(read.iter_rows())


def _worker_config(folder: Folder, pool: RecognizerPool, options: Options) -> WorkerConfig:
    classifier = pool.first.classifier
    return WorkerConfig(
        str(folder.path or folder.address),
        classifier.card.folder.absolute(),
        classifier.card.network_digest(),
        pool.first.detector_name,
        classifier.head,
        options,
    )


def _finish(folder: Folder) -> Counts:
    """Count the rows and write the table of errors."""
    counts = {share: folder.part(share)[0] for share in sorted(folder.finished())}
    total, listed = reduce(add, counts.values(), Counts()), sum(folder.sizes().values())
    if total.files != listed:
        raise FerError(
            f"{total.files:,} of {listed:,} files have rows: a part was removed while the job ran. "
            "Give the same command again."
        )
    incomplete = (share for share, count in counts.items() if count.errors or count.warnings)
    folder.write_errors(folder.errors(incomplete))
    return total


def _remove_outdated(folder: Folder, sources: Sequence[Source]) -> None:
    """Remove parts that are damaged or of inputs that have changed; their shares are read again."""
    finished, sizes = sorted(folder.finished()), folder.sizes()
    if not finished:
        return
    listed_as = {source.name: source.listed_as for source in sources if source.listed_as}
    with ExitStack() as stack, ThreadPoolExecutor(AHEAD) as executor:
        opener = Opener(stack)

        def fingerprint(source: Source) -> tuple[str, str]:
            listed = replace(source, listed_as=listed_as.get(source.name, ""))
            return source.name, opener.fingerprint(listed)

        for share in finished:
            try:
                if share not in sizes:
                    raise FerError(f"Part {share} is of files that are not listed.")
                counts, inputs_digest = folder.part(share)
                now = dict(executor.map(fingerprint, folder.inputs(share)))
                if counts.files != len(now) or inputs_digest not in {"", digest_of(now)}:
                    raise FerError(f"Files of part {share} have changed since it was written.")
            except FerError as error:
                _LOGGER.warning("%s Its files are read again.", error)
                folder.remove_part(share)


def _raise_fer_error(error: BaseException) -> None:
    """Raise the ``FerError`` of a worker: trying again would not help."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, FerError):
            raise cause
        cause = getattr(cause, "cause", None) or cause.__cause__


def _last_line(error: BaseException) -> str:
    return str(error).strip().rpartition("\n")[2]


@contextmanager
def _locked(folder: Folder) -> Iterator[None]:
    """Keep other processes from listing files into the folder, as far as locks reach."""
    if folder.path is None:
        yield
        return
    lock = folder.path.with_name(folder.path.name + ".lock") / OWNER
    if not process_lock.hold(lock, process_lock.me()):
        raise JobError(f"{folder.path} is being written by another process. Wait until it is done.")
    try:
        yield
    finally:
        process_lock.release(lock)
        with suppress(OSError):  # another process waits for it
            (lock.parent / process_lock.GUARD).unlink(missing_ok=True)
            lock.parent.rmdir()
