"""The command line: ``python -m fer_core --help``. Thin over the same calls as the pages."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from fer_core import (
    dataset_commands,
    evaluate_command,
    files,
    registry,
    results,
    train_command,
)
from fer_core.errors import FerError, ImageError
from fer_core.images import SUFFIXES
from fer_core.photos import Photo, PhotoReader
from fer_core.recognition import Recognizer
from fer_core.settings import DETECTORS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 on success, 1 if some files failed, 2 if nothing could be done."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except FerError as error:
        print(f"fer_core: {error}", file=sys.stderr)
        return 2


def _classify(options: argparse.Namespace) -> int:
    results.check_format(options.out)
    paths = list(_pictures(options.paths))
    if not paths:
        raise ImageError(
            f"No pictures in {', '.join(options.paths)}. Looked for {', '.join(SUFFIXES)}."
        )
    recognizer = Recognizer.load(options.model, options.detector, options.reading)
    if recognizer.notice:
        print(recognizer.notice, file=sys.stderr)
    reader = PhotoReader(recognizer, options.crop)
    photos = [_read(reader, path) for path in paths]
    table = results.table(row for photo in photos for row in photo.rows())
    files.write_bytes(options.out, results.encode(table, options.out.suffix))
    failed = sum(bool(photo.error) for photo in photos)
    faces = sum(len(photo.faces) for photo in photos)
    print(f"{len(photos)} files, {faces} faces, {failed} errors: {options.out}")
    return 1 if failed else 0


def _read(reader: PhotoReader, path: Path) -> Photo:
    try:
        photo = reader.read(path.read_bytes(), str(path), draw=False)
    except OSError as error:
        photo = Photo(str(path), error=f"{path}: cannot be read ({error.strerror}).")
    if photo.error:
        print(photo.error, file=sys.stderr)
    return photo


def _pictures(paths: Sequence[str]) -> Iterator[Path]:
    """Files as named, and every picture below folders."""
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
        else:
            yield path


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
    from fer_core.training.export import export

    print(export(registry.load_card(options.model)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fer_core", description="Facial emotion recognition."
    )
    actions = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_classify(actions.add_parser("classify", help="emotions of photos, written as a table"))
    dataset = actions.add_parser("dataset", help="scan, import, balance and audit datasets")
    dataset_commands.add(dataset)
    evaluation = actions.add_parser("evaluate", help="how good a model is on a dataset")
    evaluate_command.add(evaluation)
    train_command.add(actions.add_parser("train", help="train a network in a run folder"))
    _add_models(actions.add_parser("models", help="list, show, promote and export models"))
    return parser


def _add_classify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="picture or folder of pictures")
    parser.add_argument(
        "--out", type=Path, required=True, help="table to write: .csv, .json or .parquet"
    )
    parser.add_argument("--model", help="model name or folder (default: the promoted one)")
    parser.add_argument("--reading", help="head of the model, such as fer2013 or ferplus")
    parser.add_argument("--detector", choices=DETECTORS, default="auto", help="face detector")
    parser.add_argument("--crop", action="store_true", help="each picture is a face crop already")
    parser.set_defaults(run=_classify)


def _add_models(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("list", help="all models; * is the default").set_defaults(run=_models_list)
    for name, run, text in (
        ("show", _models_show, "print a model's card"),
        ("promote", _models_promote, "make a model the default"),
        ("export", _models_export, "re-create model.tflite from model.keras"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("model", help="model name or folder")
        action.set_defaults(run=run)


if __name__ == "__main__":
    sys.exit(main())
