"""``classify`` on a Ray cluster: the same rows as on one machine, as a folder of Parquet files."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import reduce
from operator import add
from typing import Any, Final

from fer_core.bulk import Options, Report, inputs
from fer_core.bulk.run import plan
from fer_core.cluster.connection import ClusterError, connected
from fer_core.cluster.result_folder import ERRORS, Counts, Folder
from fer_core.cluster.worker import Member, Order
from fer_core.errors import FerError, JobError
from fer_core.models.card import LITERT_FILE
from fer_core.recognition.pool import RecognizerPool
from fer_core.system.files import digest
from fer_core.system.jobs import process_lock
from fer_core.system.jobs.job import OWNER

__all__ = ["ERRORS", "classify"]

MOST_FILES: Final = 10_000_000
"""Files of one job; the list of them takes memory of the machine that gives the command."""

TRIES: Final = 3
"""So often in a row the cluster may fail without a single share getting done."""

_LOGGER = logging.getLogger(__name__)


def classify(  # noqa: PLR0913, PLR0917  (what to read, who reads, where to, how)
    named: Sequence[str],
    pool: RecognizerPool,
    out: str,
    options: Options | None = None,
    report: Report = lambda done, total, note: None,
    address: str | None = None,
    workers: int | None = None,
) -> Counts:
    """Read everything that is named; goes on where an earlier call stopped.

    Args:
        named: See ``sources.listing``.
        pool: Says which model, reading and detector; reads nothing itself.
        out: Folder for the results: a path that every machine sees, or an address.
        options: How files are read.
        report: Hears of the progress; may raise to stop.
        address: See ``connection.connected``.
        workers: Members that read at the same time, a core each; as many as there are if None.

    Returns:
        What the folder holds now.

    Raises:
        FerError: Nothing to read, the folder holds something else, or the cluster fails for good.
            What is done stays for the next call.
    """
    options = options or Options()
    if options.annotated:
        raise FerError("Annotated copies of videos are made by the local engine alone.")
    folder = Folder(out)
    try:
        with _alone(folder):
            if options.restart:
                folder.delete()
            found = inputs.listing(named, options.below, MOST_FILES)
            folder.claim(plan(named, pool, options))
            folder.add_inputs(found)
            _read(folder, _order(folder, pool, options), report, address, workers)
            return _finish(folder)
    except OSError as error:
        raise FerError(
            f"{out} cannot be read or written ({error}). What is done is kept: the same call goes "
            "on from there."
        ) from error


def _read(
    folder: Folder, order: Order, report: Report, address: str | None, workers: int | None
) -> None:
    """Have Ray read shares until each has its part."""
    sizes = folder.sizes()
    total, failures = sum(sizes.values()), 0
    waiting = sorted(sizes.keys() - folder.done())
    report(total - sum(sizes[share] for share in waiting), total, "Starting")
    if not waiting:
        return
    with connected(address, workers) as ray:
        while waiting:
            before = len(waiting)
            done = total - sum(sizes[share] for share in waiting)
            try:
                for row in _run(ray, waiting, order, workers):
                    done += int(row["files"])
                    report(min(done, total), total, f"{done:,} of {total:,} files")
            except (ray.exceptions.RayError, ray.data.exceptions.UserCodeException) as error:
                _raise_ours(error)
                failures += 1
                _LOGGER.warning("The cluster failed: %s", error)
                if failures >= TRIES:
                    raise ClusterError(
                        f"The cluster fails again and again ({_last_line(error)}). What is done "
                        "is kept: the same call goes on from there."
                    ) from error
            waiting = sorted(sizes.keys() - folder.done())
            failures = 0 if len(waiting) < before else failures
    report(total, total, "Done")


def _run(ray: Any, waiting: Sequence[int], order: Order, workers: int | None) -> Iterator[Any]:
    """One pass of Ray Data over the shares; a row for each as it gets done, in any order.

    Members that die are made anew and their shares read again. The pool may shrink to one, so that
    members of a machine that is gone do not wait for room that will never be free.
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
        Member, fn_constructor_args=(order,), batch_size=1, compute=pool, num_cpus=1
    )
    return iter(read.iter_rows())


def _order(folder: Folder, pool: RecognizerPool, options: Options) -> Order:
    classifier = pool.first.classifier
    model = classifier.card.folder.absolute()
    where = str(folder.path) if folder.path else folder.where
    return Order(
        where,
        model,
        digest(model / LITERT_FILE),
        pool.first.detector_name,
        classifier.head,
        options,
    )


def _finish(folder: Folder) -> Counts:
    """Count what is there and write the table of errors."""
    each = {share: folder.counts(share) for share in sorted(folder.done())}
    folder.write_errors(folder.errors(share for share, one in each.items() if one.errors))
    return reduce(add, each.values(), Counts())


def _raise_ours(error: BaseException) -> None:
    """Raise the ``FerError`` that a member met: trying again would not help."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, FerError):
            raise seen
        seen = getattr(seen, "cause", None) or seen.__cause__


def _last_line(error: BaseException) -> str:
    return str(error).strip().rpartition("\n")[2]


@contextmanager
def _alone(folder: Folder) -> Iterator[None]:
    """Nobody else lists files into the same folder meanwhile, as far as locks reach."""
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
        with suppress(OSError):  # somebody else is waiting for it
            (lock.parent / process_lock.GUARD).unlink(missing_ok=True)
            lock.parent.rmdir()
