"""Run the command line, ``fer-studio``: thin over the same calls as the pages."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from fer_core.cli import app, classify, dataset, evaluate, models, sweep, train, watch
from fer_core.cli.terminal import escaped_output
from fer_core.errors import FerError
from fer_core.system.text import terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 on success, 1 if some files failed, 2 if nothing could be done.

    130 if it was stopped by Ctrl-C, 141 if the reader of its output has gone.
    """
    with escaped_output():
        return _main(arguments)


def _main(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = parser().parse_args(words or ["app"])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors alone, where TensorFlow is used
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        status = int(options.run(options))
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except FerError as error:
        print(f"fer-studio: {terminal(str(error))}", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's own flush
        return 141
    except OSError as error:
        file = f"{error.filename}: " if error.filename else ""
        cause = error.strerror or error
        print(f"fer-studio: {file}{cause}. Check the path and the free space.", file=sys.stderr)
    else:
        return status
    return 2


def parser() -> argparse.ArgumentParser:
    """Return the parser of every command; ``docs/commands.md`` is generated from it."""
    root = argparse.ArgumentParser(prog="fer-studio", description="Facial emotion recognition.")
    actions = root.add_subparsers(required=True, metavar="COMMAND")
    for command, name, text in (
        (app, "app", "start the dashboard in the browser, as without any command"),
        (classify, "classify", "emotions of photos and videos as a table"),
        (watch, "watch", "a camera, file or stream, a line a second"),
        (dataset, "dataset", "scan, import, balance and audit datasets"),
        (evaluate, "evaluate", "how good a model is on a dataset"),
        (train, "train", "train a network in a run folder"),
        (sweep, "sweep", "train with many settings, on Ray"),
        (models, "models", "list, show, promote and export models"),
    ):
        command.add(actions.add_parser(name, help=text))
    return root
