"""Run the command line, ``fer-studio``: thin over the same calls as the pages."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from fer_core.cli.terminal import escaped_output
from fer_core.errors import FerError
from fer_core.system.text import terminal

COMMANDS: Final = {
    "app": "start the dashboard in the browser, as without any command",
    "classify": "emotions of photos and videos as a table",
    "watch": "a camera, file or stream, a line a second",
    "dataset": "scan, import, balance and audit datasets",
    "evaluate": "how good a model is on a dataset",
    "train": "train a network in a run folder",
    "sweep": "train with many settings, on Ray",
    "models": "list, show, promote, import and export models",
}
"""Names and help of the commands; each is a module of this package whose ``add`` fills a parser."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 on success, 1 if some files failed, 2 if nothing could be done.

    130 if it was stopped by Ctrl-C, 141 if the reader of its output has gone.
    """
    with escaped_output():
        return _main(arguments)


def _main(arguments: Sequence[str] | None) -> int:
    words = (sys.argv[1:] if arguments is None else list(arguments)) or ["app"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors alone, where TensorFlow is used
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        options = parser(words[0]).parse_args(words)
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


def parser(only: str = "") -> argparse.ArgumentParser:
    """Return the parser of every command; ``docs/commands.md`` is generated from it.

    Args:
        only: The command whose arguments are needed, and whose module is imported; all if empty.
    """
    root = argparse.ArgumentParser(prog="fer-studio", description="Facial emotion recognition.")
    actions = root.add_subparsers(required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = actions.add_parser(name, help=text)
        if only in {name, ""}:
            import_module(f"fer_core.cli.{name}").add(command)
    return root
