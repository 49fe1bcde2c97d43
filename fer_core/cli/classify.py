"""Run ``fer-studio classify``: emotions of photos, folders, ZIPs and videos as a table."""

import argparse
import csv
import sys
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Final

import pandas as pd

from fer_core.bulk import Options, Report, Summary, classify
from fer_core.bulk.object_store import is_address
from fer_core.cli.recognizer_options import add_model, add_sampling
from fer_core.cli.terminal import Bar, without_runtime_notice
from fer_core.errors import FerError, JobError, SettingsError
from fer_core.recognition.pool import RecognizerPool
from fer_core.recognition.results import FORMATS, check_format
from fer_core.system.jobs import working
from fer_core.system.settings import settings
from fer_core.system.text import counted, terminal
from fer_core.video import Sampling, is_video
from fer_core.video.summary import MOMENT_COLUMNS, save_moments

PRINTED_ERRORS: Final = 20
"""Errors printed; all of them are in their table."""

NOTHING_READ: Final = 2
"""Exit status where no file could be read."""

AVERAGED: Final = "Probabilities are averages of each face and its mirror image."
"""Said of all results of this command."""


def add(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of ``classify``."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH",
        help="image, video, folder, ZIP, pattern, Parquet list of files, or address such as s3://",
    )  # fmt: skip
    parser.add_argument(
        "--out", required=True, action="append",
        help="table to write: .csv, .json or .parquet; may be given several times. With --engine "
        "ray a folder that every machine sees, or an address",
    )  # fmt: skip
    add_model(parser)
    parser.add_argument("--crop", action="store_true", help="each image is a face crop already")
    add_sampling(parser)
    parser.add_argument(
        "--annotated", type=Path, metavar="DIR", help="write annotated copies of the videos there"
    )
    parser.add_argument(
        "--workers", type=int,
        help="cores to use (default: FER_THREADS, 2; with --engine ray all there are)",
    )  # fmt: skip
    parser.add_argument(
        "--engine", choices=("local", "ray"), default="local",
        help="this machine, or a Ray cluster (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--address", metavar="HOST:PORT",
        help="of the Ray cluster, or auto (default: one on this machine, for this command)",
    )  # fmt: skip
    parser.add_argument("--restart", action="store_true", help="forget what an earlier call did")
    parser.add_argument(
        "--below", type=Path, metavar="DIR", help="name files in the results by their path in DIR"
    )
    parser.add_argument("--job", type=Path, metavar="DIR", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Return 0 if every file was read, 1 if some were not, 2 if none was, 130 after Ctrl-C."""
    if options.workers is not None and options.workers < 1:
        raise SettingsError(f"--workers must be 1 or more. Received: {options.workers}.")
    if options.engine == "ray":
        return _run_on_cluster(options)
    if options.address:
        raise SettingsError("--address needs --engine ray.")
    options.out = [_file(out) for out in options.out]
    if options.job:
        return _run_as_job(options)
    if earlier := [str(out) for out in options.out if out.exists()]:
        print(f"The earlier results in {', '.join(earlier)} are replaced.", file=sys.stderr)
    try:
        with closing(Bar()) as bar:
            summary = _classify(options, bar.show)
    except KeyboardInterrupt:
        print("Stopped. The same command continues from here.", file=sys.stderr)
        return 130
    if summary.notice:
        print(terminal(summary.notice), file=sys.stderr)
    _print_errors(summary)
    outs = ", ".join(map(str, options.out))
    _print_total(summary.files, summary.faces, summary.errors, summary.warnings, outs)
    return _status(summary.errors, summary.rows)


def _run_as_job(options: argparse.Namespace) -> int:
    """Work for the page; a job of which no file can be read has failed."""
    with working(options.job, turn="wait") as work:
        summary = _classify(options, work.report)
        work.summary |= {
            name: getattr(summary, name)
            for name in ("files", "faces", "rows", "errors", "warnings", "notice")
        }
        status = _status(summary.errors, summary.rows)
        if status == NOTHING_READ:
            raise JobError(_why_nothing(summary))
        _save_moments(options)
    return status


def _run_on_cluster(options: argparse.Namespace) -> int:
    from fer_core.cluster import bulk, connection

    connection.check_installed()
    if len(options.out) > 1:
        raise SettingsError("--engine ray writes one folder of Parquet files: give one --out.")
    out = options.out[0]
    if Path(out).suffix in FORMATS:
        raise SettingsError(f"--engine ray writes a folder, not a file. Received: --out {out}.")
    try:
        with closing(Bar()) as bar:
            counts = bulk.classify(
                options.paths, _pool(options, 1), out, _bulk_options(options), bar.show,
                options.address, options.workers,
            )  # fmt: skip
    except KeyboardInterrupt:
        print("Stopped. The same command continues from here.", file=sys.stderr)
        return 130
    if counts.notice:
        print(terminal(counts.notice), file=sys.stderr)
    _print_total(counts.files, counts.faces, counts.errors, counts.warnings, out)
    if counts.errors or counts.warnings:
        print(f"All errors: {out.rstrip('/')}/{bulk.ERRORS}", file=sys.stderr)
    return _status(counts.errors, counts.rows)


def _file(out: str) -> Path:
    if is_address(out):
        raise SettingsError(f"Only --engine ray writes to an address. Received: --out {out}.")
    check_format(Path(out))
    return Path(out)


def _classify(options: argparse.Namespace, report: Report) -> Summary:
    pool = _pool(options, options.workers or settings().threads)
    return classify(options.paths, pool, options.out, _bulk_options(options), report)


def _pool(options: argparse.Namespace, workers: int) -> RecognizerPool:
    with without_runtime_notice():
        pool = RecognizerPool(workers, options.model, options.detector, options.head)
    if pool.first.notice:
        print(pool.first.notice, file=sys.stderr)
    return pool


def _bulk_options(options: argparse.Namespace) -> Options:
    sampling = Sampling(options.every, options.rate, every_frame=options.every_frame)
    return Options(options.crop, sampling, options.annotated, options.below, options.restart)


def _save_moments(options: argparse.Namespace) -> None:
    """Save the key moments for the page where the job is a single video."""
    source = Path(options.paths[0])
    if len(options.paths) == 1 and is_video(source):
        table = pd.read_parquet(options.out[0], columns=MOMENT_COLUMNS)
        with suppress(FerError):  # an unreadable video has its row already
            save_moments(table, source, options.job / "moments")


def _status(errors: int, rows: int) -> int:
    """Return the exit status; where all rows are errors, nothing was read."""
    return NOTHING_READ if 0 < errors == rows else int(errors > 0)


def _print_total(files: int, faces: int, errors: int, warnings: int, outs: str) -> None:
    partial = f", {warnings:,} read in part" if warnings else ""
    total = f"{counted(files, 'file')}, {counted(faces, 'face')}, {counted(errors, 'error')}"
    print(f"{total}{partial}: {outs}")
    if faces:
        print(AVERAGED)


def _why_nothing(summary: Summary) -> str:
    (first,) = _errors(summary, 1)
    if summary.files == 1:
        return first
    return f"None of the {summary.files:,} files could be read. The first one: {first}"


def _errors(summary: Summary, most: int) -> list[str]:
    with summary.error_file.open(newline="", encoding="utf-8") as file:
        return [row["error"] for row in islice(csv.DictReader(file), most)]


def _print_errors(summary: Summary) -> None:
    count = summary.errors + summary.warnings
    if not count:
        return
    for error in _errors(summary, PRINTED_ERRORS):
        print(terminal(error), file=sys.stderr)
    if count > PRINTED_ERRORS:
        print(f"... and {count - PRINTED_ERRORS} more", file=sys.stderr)
    print(f"All errors: {summary.error_file}", file=sys.stderr)
