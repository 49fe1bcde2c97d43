"""The ``evaluate`` command: how good a model is on a dataset, over the same calls as the page."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from fer_core.cli import dataset_options
from fer_core.cli.old_names import OldName
from fer_core.dataset import SPLITS, DatasetIndex, ferplus, image_reading
from fer_core.errors import DatasetError, ModelError, SettingsError
from fer_core.evaluation import Evaluation, Pictures, evaluate, measure_robustness, text
from fer_core.evaluation.predictions import FORMS, ask, forms_of, open_form
from fer_core.evaluation.robustness import EVERY, STANDARD, plain
from fer_core.models import registry
from fer_core.models.card import ModelCard
from fer_core.system import files
from fer_core.system.parallel import on_terminal


def add(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of ``python -m fer_core evaluate``."""
    dataset_options.add(parser, required=True)
    parser.add_argument(
        "--split", choices=SPLITS, default="test", help="images to judge on (default: test)"
    )
    parser.add_argument("--model", help="model name or folder (default: the promoted one)")
    parser.add_argument(
        "--form", action="append", choices=FORMS, help="file to judge; may be repeated "
        "(default: every one the model has; keras takes minutes)",
    )  # fmt: skip
    parser.add_argument(
        "--head", action="append", help="head to evaluate; may be repeated (default: all)"
    )
    parser.add_argument("--reading", dest="head", action=OldName, help=argparse.SUPPRESS)
    parser.add_argument(
        "--labels",
        action="append",
        choices=ferplus.SOURCES,
        help="truth; may be repeated (default: all there are)",
    )
    parser.add_argument(
        "--robustness", choices=("standard", "curves"), help="also under blur, noise, dark, …"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap and the strains")
    parser.add_argument("--json", type=Path, help="write all figures there too")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Evaluate, print tables, write JSON."""
    if options.seed < 0:
        raise SettingsError(f"--seed must be 0 or more. Received: {options.seed}.")
    card = registry.load_card(options.model)
    index = _open(options)
    heads = options.head or list(card.heads)
    for head in heads:
        card.head(head)
    found = {
        f"{form}, {head}, on {source} labels": one
        for form in _forms(options, card)
        for (head, source), one in _evaluations(options, card, index, form, heads).items()
    }
    print(f"{card.title} ({card.name}), {options.split} split of {index.root}\n")
    print(text.overview(found))
    for name, one in found.items():
        print(f"\n{name}\n\n{text.per_class(one)}\n\n{text.confusion(one)}")
    report: dict[str, Any] = {
        "model": card.name, "data": str(index.root), "split": options.split, "seed": options.seed,
        "evaluations": {name: one.rounded() for name, one in found.items()},
    }  # fmt: skip
    if options.robustness:
        report["robustness"] = _robustness(options, card, index)
    if options.json:
        files.write_json(options.json, report)
    return 0


def _open(options: argparse.Namespace) -> DatasetIndex:
    index = dataset_options.open_dataset(options)
    chosen = index.readable().split(options.split)
    if not len(chosen):
        splits = ", ".join(map(str, index.counts().columns))
        raise DatasetError(
            f"{index.root}: no readable images in the split {options.split}. It has {splits}."
        )
    return chosen


def _forms(options: argparse.Namespace, card: ModelCard) -> list[str]:
    there = forms_of(card)
    missing = [form for form in options.form or () if form not in there]
    if missing:
        raise ModelError(
            f"Model {card.name} has no {FORMS[missing[0]]}. "
            f"It has the forms {', '.join(there) or 'of no file'}."
        )
    return options.form or list(there)


def _evaluations(
    options: argparse.Namespace,
    card: ModelCard,
    index: DatasetIndex,
    form: str,
    heads: list[str],
) -> dict[tuple[str, str], Evaluation]:
    answers = ask(card, index, form, on_terminal(form))
    known = [source for source in ferplus.SOURCES if _has(index, source)]
    return {
        (head, source): evaluate(
            answers.probabilities(card, head),
            ferplus.truth(index, source),
            card.head(head).abstain_below,
            options.seed,
        )
        for head in heads
        for source in options.labels or known
    }


def _has(index: DatasetIndex, source: str) -> bool:
    """Whether the images have a truth by ``source``; votes may be there and on none of them."""
    if source != "fer2013" and index.votes is None:
        return False
    return bool((ferplus.truth(index, source) >= 0).any())


def _robustness(
    options: argparse.Namespace, card: ModelCard, index: DatasetIndex
) -> dict[str, Any]:
    """Of every reading, on its own labels where the dataset has them."""
    crops = image_reading.crops(index, range(len(index)), card.input_size)
    steps = STANDARD if options.robustness == "standard" else EVERY
    report = {}
    for head in options.head or list(card.heads):
        own = head if head in ferplus.SOURCES and _has(index, head) else "fer2013"
        truth = ferplus.truth(index, own)
        rows = np.flatnonzero(truth >= 0)
        pictures = Pictures([crops[row] for row in rows], truth[rows])
        classifier = open_form(card, "fp32", head, in_bulk=True)
        found = measure_robustness(
            classifier, pictures, steps, options.seed, on_terminal("robustness")
        )
        print(f"\nfp32, {head}, on {own} labels\n\n{text.robustness(found)}")
        report[f"{head}, on {own} labels"] = plain(found)
    return report
