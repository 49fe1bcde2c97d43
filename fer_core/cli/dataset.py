"""The ``dataset`` commands, over the same calls as the page."""

import argparse
import sys
from pathlib import Path

import pandas as pd

from fer_core import balance
from fer_core.audit import duplicates, image_issues, label_issues, report
from fer_core.cli import dataset_make, dataset_options
from fer_core.cli.terminal import progress_bar, without_runtime_notice
from fer_core.dataset import DatasetIndex, demo, ferplus, import_record, store
from fer_core.dataset.importers import ImportOptions, import_dataset
from fer_core.errors import DatasetError
from fer_core.images.augment import LIMITS, Spec
from fer_core.models.classifier import EmotionClassifier
from fer_core.recognition import crop_dataset
from fer_core.system import files
from fer_core.system.config_fields import fields_of
from fer_core.system.text import counted


def add(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of ``python -m fer_core dataset``."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    scan_command = actions.add_parser("scan", help="count the images and print the dataset card")
    dataset_options.add(scan_command, positional=True)
    scan_command.set_defaults(run=_scan)
    import_command = actions.add_parser(
        "import", help="import a folder, a ZIP, fer2013.csv or the demo"
    )
    import_command.add_argument(
        "source", help="a folder, .zip, .tar.gz, .csv or .csv.gz, or the word demo"
    )
    import_command.add_argument("--name", help="name of the new dataset (default: the file's)")
    import_command.add_argument(
        "--votes", type=Path, help="FER+ votes: fer2013new.csv or labels.csv"
    )
    dataset_options.add_classes(import_command)
    import_command.set_defaults(run=_import)
    balance_command = actions.add_parser(
        "balance", help="write a balanced version beside the dataset"
    )
    dataset_options.add(balance_command, positional=True)
    _add_balance(balance_command)
    balance_command.set_defaults(run=_balance)
    audit_command = actions.add_parser(
        "audit", help="find duplicates, label errors and image issues"
    )
    dataset_options.add(audit_command, positional=True)
    _add_audit(audit_command)
    audit_command.set_defaults(run=_audit)
    crop_command = actions.add_parser("crop", help="cut the faces out of photos as a new dataset")
    dataset_options.add(crop_command, positional=True)
    crop_command.add_argument(
        "--name", help="name of the new dataset (default: DIR's name with -faces)"
    )
    crop_command.add_argument(
        "--every-face", action="store_true", help="all faces of a photo, not the largest alone"
    )
    crop_command.set_defaults(run=_crop)
    make_command = actions.add_parser(
        "make", help="make a dataset of the faces in your photos and videos"
    )
    dataset_make.add(make_command)


def _add_audit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        help="folder for duplicates.csv, label_errors.csv, image_issues.csv and report.html",
    )
    parser.add_argument(
        "--difference", type=float, default=duplicates.DEFAULT_DIFFERENCE, metavar="D",
        help="largest difference of duplicates, 0 to "
        f"{duplicates.MAX_DIFFERENCE} (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--model", help="model whose features the label audit uses")
    dataset_options.add_detect(parser, "refuse photos")


def _add_balance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to", default="largest", metavar="TARGET",
        help="largest, median, a number, or targets as disgust=2000,fear=5000 (default: largest)",
    )  # fmt: skip
    parser.add_argument(
        "--undersample", action="store_true", help="cut classes above the target down to it"
    )
    parser.add_argument("--name", help="name of the new dataset")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (default: 0)")
    parser.add_argument("--plan-only", action="store_true", help="print the plan, write nothing")
    for field in fields_of(Spec).values():
        text = field.help.rstrip(".")
        parser.add_argument(
            f"--{field.name}", type=float, default=field.default, metavar="X",
            help=f"{text[0].lower()}{text[1:]}, 0 to {field.high:g} "
            f"(default: {field.default:g})",
        )  # fmt: skip


def _scan(options: argparse.Namespace) -> int:
    index = dataset_options.source(options).open(progress_bar("scan"))
    print(report.markdown(index, report.Findings()), end="")
    if sentence := crop_dataset.check_photos(index).sentence:
        print(f"\n{sentence} Cut the faces out: python -m fer_core dataset crop {options.data}")
    return 0


def _crop(options: argparse.Namespace) -> int:
    index = dataset_options.open_dataset(options)
    cropped = crop_dataset.crop_dataset(
        index, options.name, every_face=options.every_face, progress=progress_bar("faces")
    )
    print(cropped.folder)
    missing = cropped.without_face
    faces, photos = counted(cropped.faces, "face"), counted(len(missing), "photo")
    print(f"{faces}; {photos} without a detected face", end="")
    print(":" if missing else ".", *missing, sep="\n")
    return 0


def _import(options: argparse.Namespace) -> int:
    if options.source == "demo":
        print(demo.make())
    else:
        progress = progress_bar("import")
        votes = ferplus.read(options.votes) if options.votes else None
        classes = dataset_options.classes(options)
        request = ImportOptions(options.name, None, progress, votes, classes)
        folder = import_dataset(Path(options.source), request)
        if record := import_record.load(folder):
            dataset_options.print_notes(record.sentences)
        print(folder)
    return 0


def _balance(options: argparse.Namespace) -> int:
    if options.seed < 0:
        raise DatasetError(f"--seed must be 0 or more. Received: {options.seed}.")
    index = dataset_options.open_dataset(options)
    spec = Spec(**{name: getattr(options, name) for name in LIMITS})
    target_plan = balance.plan(
        balance.train_counts(index), _target(options.to), options.undersample
    )
    for name, count in target_plan.counts.items():
        print(f"{name:10} {count:>8,} -> {target_plan.target_count[name]:>8,}")
    cost = balance.estimate(index, target_plan)
    images = counted(cost.images, "image")
    print(f"{images} to make: about {cost.bytes / 1e6:,.0f} MB, {cost.seconds:,.0f} s")
    if options.plan_only:
        return 0
    name = store.free_name(options.name or balance.version_name(index))
    recipe = balance.Recipe(target_plan, spec, options.seed)
    print(balance.apply(index, recipe, name, progress=progress_bar("balance")))
    return 0


def _target(text: str) -> str | int | dict[str, int]:
    if "=" not in text:
        return int(text) if text.isdigit() else text
    try:
        pairs = (part.split("=") for part in text.split(","))
        return {name.strip(): int(number) for name, number in pairs}
    except ValueError as error:
        raise DatasetError(
            f"--to takes targets as disgust=2000,fear=5000. Received: {text!r}."
        ) from error


def _audit(options: argparse.Namespace) -> int:
    if not 0 <= options.difference <= duplicates.MAX_DIFFERENCE:
        raise DatasetError(
            f"--difference must be 0 to {duplicates.MAX_DIFFERENCE}. "
            f"Received: {options.difference}."
        )
    index = dataset_options.require_crops(options, dataset_options.open_dataset(options))
    pairs = duplicates.find(index, progress_bar("duplicates"))
    pairs = pairs[pairs["difference"] <= options.difference]
    audited = index.readable().split("train")
    try:
        suspects = _suspects(audited, options)
    except DatasetError as error:  # too few images
        print(f"The labels were not audited: {error}", file=sys.stderr)
        suspects = None
    findings = report.Findings(pairs, suspects, audited)
    if options.out:
        _write(options.out, index, findings)
        files.write_bytes(options.out / "report.html", report.html(index, findings).encode())
    print(report.markdown(index, findings), end="")
    return 0


def _suspects(audited: DatasetIndex, options: argparse.Namespace) -> pd.DataFrame:
    with without_runtime_notice():
        classifier = EmotionClassifier.load(options.model)
    values = label_issues.features(audited, classifier, progress_bar("features"))
    digests = audited.table["digest"].to_numpy()
    probabilities = label_issues.out_of_fold(values, audited.label_codes(), digests)
    return label_issues.suspects(audited.label_codes(), probabilities)


def _write(folder: Path, index: DatasetIndex, findings: report.Findings) -> None:
    """Write the findings as tables that name files."""
    tables = {
        "image_issues.csv": image_issues.find(index).assign(
            file=lambda table: index.table["file"].to_numpy()[table["row"]]
        )[["file", "reason"]],
    }
    if (pairs := findings.pairs) is not None:
        tables["duplicates.csv"] = pairs.assign(
            **{end: index.table["file"].to_numpy()[pairs[end]] for end in "ab"}
        )
    if (suspects := findings.suspects) is not None and findings.audited is not None:
        audited = findings.audited.table.iloc[suspects["row"]]
        tables["label_errors.csv"] = suspects.assign(
            file=audited["file"].to_numpy(), given=audited["label"].to_numpy()
        )[["file", "given", "suggested", "label_quality", "flagged"]]
    for name, table in tables.items():
        files.write_bytes(folder / name, table.to_csv(index=False).encode())
