"""The ``evaluate`` command: metrics of a model on a dataset, over the same calls as the page."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from fer_core.cli import dataset_options
from fer_core.cli.old_names import OldName
from fer_core.cli.terminal import progress_bar
from fer_core.dataset import SPLITS, DatasetIndex, ferplus, image_reading
from fer_core.errors import DatasetError, ModelError, SettingsError
from fer_core.evaluation import Evaluation, LabelledCrops, evaluate, measure_robustness, text
from fer_core.evaluation.exclusions import count_exclusions
from fer_core.evaluation.predictions import forms_of, open_form, predict_dataset
from fer_core.evaluation.robustness import ALL_SEVERITIES, STANDARD, to_dicts
from fer_core.models import registry
from fer_core.models.card import FORMS, ModelCard
from fer_core.system import files
from fer_core.system.reports import Table, table
from fer_core.system.settings import settings


def add(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of ``python -m fer_core evaluate``."""
    dataset_options.add(parser, required=True)
    dataset_options.add_detect(parser, "cut where they are no crops")
    parser.add_argument(
        "--split", choices=SPLITS, default="test", help="images to evaluate (default: test)"
    )
    parser.add_argument("--model", help="model name or folder (default: the promoted one)")
    parser.add_argument(
        "--form", action="append", choices=FORMS, help="model file to evaluate; may be repeated "
        "(default: every one the model has; keras takes minutes)",
    )  # fmt: skip
    parser.add_argument(
        "--single-pass", action="store_true",
        help="without mirror averaging, as the live view predicts",
    )  # fmt: skip
    parser.add_argument(
        "--head", action="append", help="head to evaluate; may be repeated (default: all)"
    )
    parser.add_argument("--reading", dest="head", action=OldName, help=argparse.SUPPRESS)
    parser.add_argument(
        "--labels",
        action="append",
        choices=ferplus.SOURCES,
        help="ground truth; may be repeated (default: all that the dataset has)",
    )
    parser.add_argument(
        "--robustness", choices=("standard", "curves"), help="also under corruptions: blur, JPEG, …"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap and the corruptions")
    parser.add_argument("--json", type=Path, help="also write all metrics to this file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Evaluate, print tables, write JSON."""
    if options.seed < 0:
        raise SettingsError(f"--seed must be 0 or more. Received: {options.seed}.")
    card = registry.load_card(options.model)
    heads = options.head or list(card.heads)
    for head in heads:
        card.head(head)
    dataset, index = _open(options)
    sources = _sources(options, index)
    exclusions = {
        source: count_exclusions(dataset, options.split, ferplus.true_labels(index, source))
        for source in sources
    }
    evaluations = {
        f"{form}, {head}, on {source} labels": values
        for form in _forms(options, card)
        for (head, source), values in _evaluate(options, card, index, form, heads, sources).items()
    }
    way = "a single pass" if options.single_pass else "averaged with the mirror image"
    print(f"{card.title} ({card.name}), {options.split} split of {index.root}, {way}\n")
    for source, account in exclusions.items():
        print(f"{ferplus.SOURCES[source]}:", *account.lines(), sep="\n- ", end="\n\n")
    print(text.overview(evaluations))
    for name, values in evaluations.items():
        _print(name, text.class_table(values), text.confusion_table(values))
    report: dict[str, Any] = {
        "model": card.name, "data": str(index.root), "split": options.split, "seed": options.seed,
        "mirror": not options.single_pass,
        "images": {source: account.to_dict() for source, account in exclusions.items()},
        "evaluations": {name: values.rounded() for name, values in evaluations.items()},
    }  # fmt: skip
    if options.robustness:
        report["robustness"] = _robustness(options, card, index, heads)
    if options.json:
        files.write_json(options.json, report)
    return 0


def _print(title: str, *tables: Table) -> None:
    print(f"\n{title}")
    for content in tables:
        print(f"\n{table(content.head, content.rows)}")


def _open(options: argparse.Namespace) -> tuple[DatasetIndex, DatasetIndex]:
    """Return the whole dataset, and the readable images of the split."""
    dataset = dataset_options.open_dataset(options)
    dataset = dataset_options.cut_photos(options, dataset, settings().cache / "faces")
    index = dataset.readable().split(options.split)
    if not len(index):
        splits = ", ".join(map(str, dataset.counts().columns)) or "none with readable images"
        notes = " ".join(dataset.notes)
        raise DatasetError(
            f"{dataset.root}: no readable images in the split {options.split}. "
            f"Splits: {splits}. {notes}".rstrip()
        )
    return dataset, index


def _sources(options: argparse.Namespace, index: DatasetIndex) -> list[str]:
    """Return the label sets to evaluate by: those asked for, or all that label an image."""
    available = [source for source in ferplus.SOURCES if _has_labels(index, source)]
    return options.labels or available


def _has_labels(index: DatasetIndex, source: str) -> bool:
    """Return whether any image has a label of ``source``; a table of votes may cover none."""
    if source != "fer2013" and index.votes is None:
        return False
    return bool((ferplus.true_labels(index, source) >= 0).any())


def _forms(options: argparse.Namespace, card: ModelCard) -> list[str]:
    available = forms_of(card)
    missing = [form for form in options.form or () if form not in available]
    if missing:
        raise ModelError(
            f"Model {card.name} has no {FORMS[missing[0]]}. "
            f"It has: {', '.join(available) or 'no file that runs'}."
        )
    return options.form or list(available)


def _evaluate(  # noqa: PLR0913, PLR0917
    options: argparse.Namespace,
    card: ModelCard,
    index: DatasetIndex,
    form: str,
    heads: list[str],
    sources: list[str],
) -> dict[tuple[str, str], Evaluation]:
    mirror = not options.single_pass
    predictions = predict_dataset(card, index, form, progress_bar(form), mirror=mirror)
    return {
        (head, source): evaluate(
            predictions.probabilities(card, head),
            ferplus.true_labels(index, source),
            predictions.calibration(card, head).abstain_below,
            options.seed,
        )
        for head in heads
        for source in sources
    }


def _robustness(
    options: argparse.Namespace, card: ModelCard, index: DatasetIndex, heads: list[str]
) -> dict[str, Any]:
    """Measure every head on its own label set where the dataset has it."""
    crops = image_reading.crops(index, range(len(index)), card.input_size)
    conditions = STANDARD if options.robustness == "standard" else ALL_SEVERITIES
    report = {}
    for head in heads:
        same_set = head in ferplus.SOURCES and _has_labels(index, head)
        source = head if same_set else "fer2013"
        y_true = ferplus.true_labels(index, source)
        rows = np.flatnonzero(y_true >= 0)
        labelled = LabelledCrops([crops[row] for row in rows], y_true[rows])
        mirror = not options.single_pass
        classifier = open_form(card, "fp32", head, in_bulk=True, mirror=mirror)
        progress = progress_bar("robustness")
        measured = measure_robustness(classifier, labelled, conditions, options.seed, progress)
        _print(f"fp32, {head}, on {source} labels", text.robustness_table(measured))
        report[f"{head}, on {source} labels"] = to_dicts(measured)
    return report
