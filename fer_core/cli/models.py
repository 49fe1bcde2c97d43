"""The ``models`` commands: list, show, promote, export and import."""

import argparse
from pathlib import Path

from fer_core.cli import dataset_options
from fer_core.errors import DatasetError, FerError
from fer_core.models import importing, registry
from fer_core.system.extras import check_training_available

LABELS = {"alphabetical": importing.ORDERS["Alphabetical, as Keras reads folders"],
          "fer2013": importing.ORDERS["FER-2013, as Kaggle numbers them"]}  # fmt: skip
PIXELS = {"0-255": "0 to 255", "0-1": "0 to 1", "signed": "-1 to 1"}


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
    print(f"{options.model} is the default model.")
    return 0


def _export(options: argparse.Namespace) -> int:
    from fer_core.models import export
    from fer_core.training import arrays

    card = registry.load_card(options.model)
    pixels = None
    if options.data:
        samples = arrays.load(
            dataset_options.open_dataset(options), options.split, card.input_size, card.channels
        )
        pixels = samples.pixels
    for file in export.export_all(card, pixels):
        print(file)
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    check_training_available()
    from fer_core.training import calibrate

    if not options.data:
        raise DatasetError("--data needs a dataset folder with the splits train and validation.")
    dataset = dataset_options.open_dataset(options)
    card = calibrate.rewrite(registry.load_card(options.model), dataset)
    for name, head in card.heads.items():
        print(f"{name}: temperature {head.temperature:g}, uncertain below {head.abstain_below:g}")
    print(card.folder)
    return 0


def _import(options: argparse.Namespace) -> int:
    order = LABELS.get(options.labels) or importing.order_from(options.labels)
    import_options = importing.ImportOptions(
        options.name or options.file.stem, PIXELS[options.pixels], order, options.colours,
        options.size,
    )  # fmt: skip
    folder = importing.import_model(options.file, import_options)
    print(f"{folder.name} is imported. Evaluate it before you use it:")
    print(f"python -m fer_core evaluate --data DIR --split test --model {folder.name}")
    return 0


def add(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of ``fer-studio models``."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("list", help="all models; * is the default").set_defaults(run=_list)
    for name, run, text in (
        ("show", _show, "print a model's card"),
        ("promote", _promote, "make a model the default"),
        ("export", _export, "re-create the LiteRT exports from model.keras"),
        ("calibrate", _calibrate, "re-create the exports, reasons, temperatures and thresholds"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("model", help="model name" + " or folder" * (name != "promote"))
        action.set_defaults(run=run)
        if name == "export":
            dataset_options.add(action, help="dataset that sets the ranges of model_int8.tflite")
            action.add_argument("--split", default="validation", help="(default: %(default)s)")
        if name == "calibrate":
            dataset_options.add(action, help="dataset that decides, by its validation split")
    _add_import(actions.add_parser("import", help="import a .keras, .h5 or .tflite file"))


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the network")
    parser.add_argument("--name", help="the model's name (default: the file's)")
    parser.add_argument(
        "--labels", default="alphabetical", metavar="ORDER",
        help="order of the network's outputs: alphabetical, fer2013, or the seven emotions "
        "separated by commas (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--pixels", choices=PIXELS, default="0-255",
        help="pixel values that the network expects; signed is -1 to 1 (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--colours", choices=importing.COLOURS, default="RGB",
        help="channels that a network of three channels expects; grey is one image three times "
        "(default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--size",
        type=int,
        metavar="PIXELS",
        help="side of the input, where the file leaves it open",
    )
    parser.set_defaults(run=_import)
