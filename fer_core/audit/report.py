"""The dataset card: counts, balance, images, duplicates, labels and decisions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fer_core.audit import duplicates, image_issues
from fer_core.balance.class_weights import BALANCED, class_weights, effective_number, imbalance
from fer_core.dataset import ferplus
from fer_core.dataset.decisions import Decisions
from fer_core.dataset.index import DatasetIndex
from fer_core.labels import EMOTIONS
from fer_core.system import reports
from fer_core.system.reports import Bars, Report, Section, Table


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """Results of the audit; None where a check was not run.

    Attributes:
        pairs: From ``duplicates.find``, up to the selected difference.
        suspects: From ``label_issues.suspects``; its rows refer to ``audited``.
        audited: The readable part of the dataset whose labels were checked.
        faceless: Number of images without a face.
    """

    pairs: pd.DataFrame | None = None
    suspects: pd.DataFrame | None = None
    audited: DatasetIndex | None = None
    faceless: int | None = None


def html(index: DatasetIndex, findings: Findings, decisions: Decisions | None = None) -> str:
    """Return the dataset card as one HTML page with charts."""
    return reports.html(dataset_card(index, findings, decisions))


def markdown(index: DatasetIndex, findings: Findings, decisions: Decisions | None = None) -> str:
    """Return the dataset card as Markdown; the charts' numbers stand in the text."""
    return reports.markdown(dataset_card(index, findings, decisions))


def dataset_card(
    index: DatasetIndex, findings: Findings, decisions: Decisions | None = None
) -> Report:
    """Return the card of a dataset: counts, balance, images, duplicates, labels, decisions."""
    readable = int(index.is_readable.sum())
    summary = f"{readable:,} readable images; {len(index) - readable:,} files cannot be read."
    return Report(
        f"Dataset card: {index.root.name}",
        (
            Section("Summary", (summary, *index.notes)),
            _counts(index),
            _balance(index),
            _images(index, findings),
            Section("Duplicates", _duplicates(index, findings.pairs)),
            _labels(index, findings),
            Section("Decisions", _decisions(decisions)),
        ),
    )


def _counts(index: DatasetIndex) -> Section:
    counts = index.counts()
    rows = [
        [name, *row, sum(row)]
        for name, row in zip(EMOTIONS, counts.to_numpy().tolist(), strict=True)
    ]
    rows.append(["all", *counts.sum().tolist(), int(counts.to_numpy().sum())])
    series = {str(split): tuple(counts[split].astype(float)) for split in counts.columns}
    bars = Bars("Images by class and split", EMOTIONS, series)
    table = _table(["emotion", *counts.columns, "all"], rows)
    return Section("Images by class and split", tables=(table,), bars=(bars,))


def _balance(index: DatasetIndex) -> Section:
    title, counts = "Balance of the training split", index.counts()
    if "train" not in counts:
        return Section(title, ("There are no training images.",))
    train = {str(name): int(n) for name, n in counts["train"].items()}
    weights = class_weights(train)
    rows = [
        [name, n, f"{effective_number(n):,.0f}", f"{weights[name]:.2f}"]
        for name, n in train.items()
    ]
    smallest, largest = min(train, key=train.__getitem__), max(train, key=train.__getitem__)
    ratio = imbalance(train)
    head = ["emotion", "images", "effective number (beta 0.999)", "class weight"]
    empty = [name for name, n in train.items() if not n]
    if empty:
        line = f"No training images: {', '.join(empty)}."
    elif ratio < BALANCED:
        line = f"Balanced: {train[smallest]:,} to {train[largest]:,} images a class."
    else:
        line = f"{largest} has {ratio:.1f} times the images of {smallest}."
    return Section(title, (line,), (_table(head, rows),))


def _images(index: DatasetIndex, findings: Findings) -> Section:
    good = index.readable().table
    sizes = (good["width"].astype("str") + "×" + good["height"].astype("str")).value_counts()
    common = ", ".join(f"{size} ({n:,})" for size, n in sizes.head(3).items())
    lines = [
        f"Sizes in pixels: {common or 'none'}; {len(sizes):,} in all.",
        f"Brightness: mean {good['brightness'].mean():.0f} of 255, from "
        f"{good['brightness'].min():.0f} to {good['brightness'].max():.0f}.",
        f"{len(image_issues.find(index)):,} blank, small, of an unusual size or unreadable.",
    ]
    if findings.faceless is not None:
        lines.append(f"{findings.faceless:,} without a detected face.")
    heights, edges = np.histogram(good["brightness"], bins=16, range=(0, 256))
    names = tuple(f"{low:.0f} to {low + 15:.0f}" for low in edges[:-1])
    bars = Bars("Images by mean grey value", names, {"images": tuple(heights.astype(float))})
    return Section("Images", tuple(lines), bars=(bars,))


def _duplicates(index: DatasetIndex, pairs: pd.DataFrame | None) -> tuple[str, ...]:
    if pairs is None:
        return ("Not checked.",)
    kinds = pairs["kind"].value_counts()
    by_kind = ", ".join(f"{kinds.get(kind, 0):,} {kind}" for kind in ("exact", "near", "mirrored"))
    return (
        f"{len(pairs):,} pairs: {by_kind}.",
        f"{len(duplicates.leaking(index, pairs)):,} training images have a duplicate in another "
        "split.",
        f"{int(pairs['disagrees'].sum()):,} pairs carry two different labels.",
    )


def _labels(index: DatasetIndex, findings: Findings) -> Section:
    lines, bars = [], []
    if findings.suspects is None or findings.audited is None:
        lines.append("Label errors: not checked.")
    else:
        suspects = findings.suspects
        labels = findings.audited.table["label"].astype("str").to_numpy()[suspects["row"]]
        share = suspects.groupby(labels)["flagged"].mean()
        lines.append(
            f"{int(suspects['flagged'].sum()):,} of {len(suspects):,} labels are probably "
            f"wrong ({_shares(share)})."
        )
        bars.append(_share_bars("Labels that are probably wrong", share))
    if index.votes is not None:
        best = ferplus.majority(index.votes)
        clear = best.notna()
        agree = (best == index.table["label"].astype("str"))[clear].astype(float)
        share = agree.groupby(index.table["label"][clear], observed=True).mean()
        lines.append(
            f"The FER+ majority agrees with {100 * agree.mean():.0f}% of the labels "
            f"({_shares(share)})."
        )
        bars.append(_share_bars("Labels that the FER+ majority agrees with", share))
    return Section("Labels", tuple(lines), bars=tuple(bars))


def _shares(share: "pd.Series[float]") -> str:
    return ", ".join(f"{name} {100 * part:.0f}%" for name, part in share.items())


def _share_bars(title: str, share: "pd.Series[float]") -> Bars:
    return Bars(title, tuple(map(str, share.index)), {"share": tuple(share)}, percent=True)


def _decisions(decisions: Decisions | None) -> tuple[str, ...]:
    latest = [] if decisions is None else list(decisions.latest().values())
    if not latest:
        return ("None.",)
    counts = pd.Series([decision.action for decision in latest]).value_counts()
    words = {"keep": "kept", "relabel": "relabelled", "exclude": "excluded"}
    return tuple(f"Images {words[str(action)]}: {count:,}." for action, count in counts.items())


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> Table:
    cells = (tuple(f"{v:,}" if isinstance(v, int) else str(v) for v in row) for row in rows)
    return Table(tuple(map(str, head)), tuple(cells))
