"""The ``dataset make`` command: faces of photos and videos, labelled and split by person."""

import argparse
import getpass
from pathlib import Path

from fer_core import collect
from fer_core.cli.recognizer_options import add_model
from fer_core.cli.terminal import progress_bar
from fer_core.collect import Clip, Collection, Limits, Plan, labels
from fer_core.system import files
from fer_core.system.settings import settings


def add(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of ``dataset make``."""
    clip = Clip()
    parser.add_argument("paths", nargs="*", metavar="PATH", help="photo, video, folder or ZIP")
    parser.add_argument(
        "--into", default="mine", metavar="COLLECTION",
        help="collection that the faces are added to; its labels stay (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--name", help="name of the dataset (default: the collection's)")
    add_model(parser)
    parser.add_argument(
        "--pace", type=float, default=clip.per_second, metavar="R",
        help="faces a second of each person in a video (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="start of a clip")
    parser.add_argument("--end", type=float, default=clip.end_s, metavar="S", help="its end")
    parser.add_argument(
        "--folder-labels", action="store_true", help="label photos by their folder, such as happy"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="FILE",
        help="CSV with the columns file (photo or crop) and label",
    )  # fmt: skip
    parser.add_argument(
        "--take-suggestions", type=float, metavar="P",
        help="label what has none as the model suggests, from this confidence on, 0 to 1",
    )  # fmt: skip
    parser.add_argument(
        "--persons", choices=list(collect.RULES), default="detected",
        help="faces that are kept together in one split: "
        + "; ".join(f"{rule}: {text}" for rule, text in collect.RULES.items()),
    )  # fmt: skip
    _add_limits(parser)
    parser.set_defaults(run=run)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    limits = Limits()
    for name, value, text in (
        ("min-side", limits.side, "least side of a face in pixels"),
        ("min-sharpness", limits.sharpness, "least sharpness, as a share of the contrast"),
        ("min-brightness", limits.brightness, "least mean of the grey values, 0 to 255"),
    ):
        help_text = f"{text} (default: %(default)g)"
        parser.add_argument(f"--{name}", type=float, default=value, metavar="X", help=help_text)
    parser.add_argument("--near-duplicates", action="store_true", help="keep near-duplicates")
    parser.add_argument("--seed", type=int, default=0, help="of the splits (default: 0)")
    parser.add_argument("--plan-only", action="store_true", help="print the plan, write nothing")
    parser.add_argument("--zip", type=Path, metavar="FILE", help="also pack the dataset there")
    parser.add_argument(
        "--imagefolder", type=Path, metavar="FILE",
        help="also pack it there as Hugging Face's imagefolder",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Collect, label, plan and write; 1 where some files gave no face."""
    target = collect.open_or_create(options.into)
    report = _collect(target, options) if options.paths else collect.Report()
    if options.paths:
        print(report.sentence)
    _label(target, options)
    limits = Limits(options.min_side, options.min_sharpness, options.min_brightness)
    recipe = collect.Recipe(limits, options.near_duplicates, options.persons, options.seed)
    plan = collect.make_plan(target, recipe)
    _print_plan(plan)
    if not options.plan_only:
        _write(target, plan, options)
    return int(bool(report.problems))


def _collect(target: Collection, options: argparse.Namespace) -> collect.Report:
    first = Path(options.paths[0])
    below = first if len(options.paths) == 1 and first.is_dir() else None
    request = collect.FileOptions(
        options.model, options.detector, options.head, settings().threads, below,
        options.folder_labels, Clip(options.pace, start_s=options.start, end_s=options.end),
    )  # fmt: skip
    return collect.add_files(target, options.paths, request, progress_bar("faces"))


def _label(target: Collection, options: argparse.Namespace) -> None:
    """Add the labels of a table, then the suggestions that are accepted."""
    by = getpass.getuser()
    if options.labels:
        labels.take_table(target, options.labels, by)
    if options.take_suggestions is not None:
        labels.take_suggestions(target, options.take_suggestions, by)


def _print_plan(plan: Plan) -> None:
    print(plan.counts.to_string())
    for reason, number in plan.left_out.items():
        print(f"Faces left out, {reason}: {number:,}")
    for note in plan.notes:
        print(note)


def _write(target: Collection, plan: Plan, options: argparse.Namespace) -> None:
    if plan.table.empty:
        print(
            f"Nothing is labelled yet, so no dataset is written. Label the faces of {target.name} "
            "on the page Dataset, Make one; or add --labels, --folder-labels or --take-suggestions."
        )
        return
    folder = collect.write(target, plan, options.name, progress=progress_bar("write"))
    print(folder)
    for file, pack in (
        (options.zip, collect.pack),
        (options.imagefolder, collect.pack_imagefolder),
    ):
        if file:
            files.write_bytes(file, pack(folder))
            print(file)
