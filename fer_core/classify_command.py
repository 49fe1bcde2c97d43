"""The ``classify`` command: emotions of photos, folders, ZIPs and videos as a table."""

import argparse
import csv
import shutil
import sys
import time
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Final

import pandas as pd

from fer_core.bulk import Options, Report, Summary, classify
from fer_core.crew import Crew
from fer_core.errors import FerError, SettingsError
from fer_core.jobs import Progress, duration, working
from fer_core.results import check_format
from fer_core.settings import DETECTORS, settings
from fer_core.video import SUFFIXES, Sampling
from fer_core.video.story import MOMENT_COLUMNS, save_moments

WIDTH: Final = 24
"""Characters of the progress bar."""

MOST_ERRORS: Final = 20
"""Errors printed; all of them are in their table."""


def add(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of ``python -m fer_core classify``."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="picture, video, folder, ZIP or pattern"
    )
    parser.add_argument(
        "--out", type=Path, required=True, action="append",
        help="table to write: .csv, .json or .parquet; may be given several times",
    )  # fmt: skip
    add_model(parser)
    parser.add_argument("--crop", action="store_true", help="each picture is a face crop already")
    add_sampling(parser)
    parser.add_argument(
        "--annotated", type=Path, metavar="DIR", help="write annotated copies of the videos there"
    )
    parser.add_argument("--workers", type=int, help="cores to use (default: FER_THREADS, 2)")
    parser.add_argument("--restart", action="store_true", help="forget what is half done")
    parser.add_argument(
        "--below", type=Path, metavar="DIR", help="name files in the results by their path in DIR"
    )
    parser.add_argument("--job", type=Path, metavar="DIR", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def add_model(parser: argparse.ArgumentParser) -> None:
    """The options that choose a recogniser."""
    parser.add_argument("--model", help="model name or folder (default: the promoted one)")
    parser.add_argument("--reading", help="head of the model, such as fer2013 or ferplus")
    parser.add_argument("--detector", choices=DETECTORS, default="auto", help="face detector")


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """The options that choose a video's pictures."""
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="read every N-th picture of a video"
    )
    parser.add_argument(
        "--rate", type=float, default=0.0, metavar="R", help="read R pictures a second instead"
    )


def run(options: argparse.Namespace) -> int:
    """0 if every file was read, 1 if some were not, 130 if stopped by Ctrl-C."""
    for out in options.out:
        check_format(out)
    if options.workers is not None and options.workers < 1:
        raise SettingsError(f"--workers must be 1 or more. Received: {options.workers}.")
    if options.job:
        with working(options.job, turn="wait") as work:
            summary = _classify(options, work.report)
            _keep_moments(options)
            work.summary |= {"files": summary.files, "faces": summary.faces,
                             "rows": summary.rows, "errors": summary.errors}  # fmt: skip
        return int(summary.errors > 0)
    try:
        with closing(_Bar()) as bar:
            summary = _classify(options, bar.show)
    except KeyboardInterrupt:
        print("Stopped. The same command goes on from here.", file=sys.stderr)
        return 130
    _print_errors(summary)
    outs = ", ".join(map(str, options.out))
    print(f"{summary.files} files, {summary.faces} faces, {summary.errors} errors: {outs}")
    return int(summary.errors > 0)


def _classify(options: argparse.Namespace, report: Report) -> Summary:
    crew = Crew(
        options.workers or settings().threads, options.model, options.detector, options.reading
    )
    if crew.first.notice:
        print(crew.first.notice, file=sys.stderr)
    sampling = Sampling(options.every, options.rate)
    how = Options(options.crop, sampling, options.annotated, options.below, options.restart)
    return classify(options.paths, crew, options.out, how, report)


def _keep_moments(options: argparse.Namespace) -> None:
    """For the page: what stood out, where the job is a single video."""
    source = Path(options.paths[0])
    if len(options.paths) == 1 and source.suffix.lower() in SUFFIXES:
        table = pd.read_parquet(options.out[0], columns=MOMENT_COLUMNS)
        with suppress(FerError):  # an unreadable video has its row already
            save_moments(table, source, options.job / "moments")


def _print_errors(summary: Summary) -> None:
    if not summary.errors:
        return
    with summary.error_file.open(newline="", encoding="utf-8") as file:
        for row in islice(csv.DictReader(file), MOST_ERRORS):
            print(row["error"], file=sys.stderr)
    if summary.errors > MOST_ERRORS:
        print(f"... and {summary.errors - MOST_ERRORS} more", file=sys.stderr)
    print(f"All errors: {summary.error_file}", file=sys.stderr)


class _Bar:
    """A progress bar with the time left; silent where the output is no terminal."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()
        self._start = self._shown = time.monotonic()
        self._begun: float | None = None

    def show(self, done: float, total: float, note: str) -> None:
        """Draw it, a few times a second."""
        now = time.monotonic()
        self._begun = done if self._begun is None else self._begun
        if not self._is_shown or (now - self._shown < 0.2 and done < total):
            return
        self._shown = now
        state = Progress(done, total, note, now - self._start, self._begun)
        full = round(state.share * WIDTH)
        left = state.seconds_left
        time_left = "" if left is None else f", {duration(left)} left"
        line = f"[{'#' * full}{'.' * (WIDTH - full)}] {state.share:4.0%}{time_left}  {note}"
        columns = shutil.get_terminal_size().columns - 1
        print(f"\r{line[:columns]:{columns}}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """End the line."""
        if self._is_shown:
            print(file=sys.stderr)
