"""The ``models`` commands: list, show, promote and export."""

import argparse

from fer_core.cli import dataset_options
from fer_core.errors import FerError
from fer_core.models import registry


def _list(_: argparse.Namespace) -> int:
    default = registry.default_model()
    for folder in registry.model_folders():
        mark = "*" if folder.name == default else " "
        try:
            card = registry.load_card(folder.name)
            print(f"{mark} {card.name:20} {card.title}, {card.parameters:,} parameters, {folder}")
        except FerError as error:
            print(f"! {folder.name:20} {error}")
    return 0


def _show(options: argparse.Namespace) -> int:
    print((registry.load_card(options.model).folder / "card.json").read_text("utf-8"), end="")
    return 0


def _promote(options: argparse.Namespace) -> int:
    registry.promote(options.model)
    print(f"{options.model} is the default model now.")
    return 0


def _export(options: argparse.Namespace) -> int:
    from fer_core.models import export
    from fer_core.training import arrays

    card = registry.load_card(options.model)
    print(export.export(card))
    if options.data:
        pictures = arrays.load(
            dataset_options.open_dataset(options), options.split, card.input_size, card.channels
        )
        print(export.export_int8(card, pictures.pixels))
    return 0


def add(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of ``fer-studio models``."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("list", help="all models; * is the default").set_defaults(run=_list)
    for name, run, text in (
        ("show", _show, "print a model's card"),
        ("promote", _promote, "make a model the default"),
        ("export", _export, "re-create the LiteRT exports from model.keras"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("model", help="model name" + " or folder" * (name != "promote"))
        action.set_defaults(run=run)
        if name == "export":
            dataset_options.add(action, help="dataset that sets the ranges of model_int8.tflite")
            action.add_argument("--split", default="validation", help="(default: %(default)s)")
