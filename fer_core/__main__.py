"""The command line: ``python -m fer_core --help``. Thin over the same calls as the pages."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from fer_core.cli import (
    classify as classify_command,
)
from fer_core.cli import (
    dataset as dataset_commands,
)
from fer_core.cli import (
    evaluate as evaluate_command,
)
from fer_core.cli import (
    sweep as sweep_command,
)
from fer_core.cli import (
    train as train_command,
)
from fer_core.cli import (
    watch as watch_command,
)
from fer_core.dataset import scan
from fer_core.errors import FerError
from fer_core.models import registry


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 on success, 1 if some files failed, 2 if nothing could be done.

    130 if it was stopped by Ctrl-C, 141 if whoever read its output has gone.
    """
    options = parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors alone, where TensorFlow is used
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        status = int(options.run(options))
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except FerError as error:
        print(f"fer_core: {error}", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's own flush
        return 141
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        said = error.strerror or error
        print(f"fer_core: {where}{said}. Check the path and the free space.", file=sys.stderr)
    else:
        return status
    return 2


def _models_list(_: argparse.Namespace) -> int:
    default = registry.default_model()
    for folder in registry.model_folders():
        mark = "*" if folder.name == default else " "
        try:
            card = registry.load_card(folder.name)
            print(f"{mark} {card.name:20} {card.title}, {card.parameters:,} parameters, {folder}")
        except FerError as error:
            print(f"! {folder.name:20} {error}")
    return 0


def _models_show(options: argparse.Namespace) -> int:
    print((registry.load_card(options.model).folder / "card.json").read_text("utf-8"), end="")
    return 0


def _models_promote(options: argparse.Namespace) -> int:
    registry.promote(options.model)
    print(f"{options.model} is the default model now.")
    return 0


def _models_export(options: argparse.Namespace) -> int:
    from fer_core.models import export
    from fer_core.training import arrays

    card = registry.load_card(options.model)
    print(export.export(card))
    if options.data:
        pictures = arrays.load(scan(options.data), options.split, card.input_size, card.channels)
        print(export.export_int8(card, pictures.pixels))
    return 0


def parser() -> argparse.ArgumentParser:
    """Of every command; the reference is written from it as well."""
    every = argparse.ArgumentParser(
        prog="python -m fer_core", description="Facial emotion recognition."
    )
    actions = every.add_subparsers(required=True, metavar="COMMAND")
    classify = actions.add_parser("classify", help="emotions of photos and videos as a table")
    classify_command.add(classify)
    watch = actions.add_parser("watch", help="a camera, file or stream, a line a second")
    watch_command.add(watch)
    dataset = actions.add_parser("dataset", help="scan, import, balance and audit datasets")
    dataset_commands.add(dataset)
    evaluation = actions.add_parser("evaluate", help="how good a model is on a dataset")
    evaluate_command.add(evaluation)
    train_command.add(actions.add_parser("train", help="train a network in a run folder"))
    sweep_command.add(actions.add_parser("sweep", help="train with many settings, on Ray"))
    _add_models(actions.add_parser("models", help="list, show, promote and export models"))
    return every


def _add_models(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("list", help="all models; * is the default").set_defaults(run=_models_list)
    for name, run, text in (
        ("show", _models_show, "print a model's card"),
        ("promote", _models_promote, "make a model the default"),
        ("export", _models_export, "re-create the LiteRT exports from model.keras"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("model", help="model name" + " or folder" * (name != "promote"))
        action.set_defaults(run=run)
        if name == "export":
            action.add_argument(
                "--data", metavar="DIR", help="pictures that set the ranges of model_int8.tflite"
            )
            action.add_argument("--split", default="validation", help="(default: %(default)s)")


if __name__ == "__main__":
    sys.exit(main())
