"""What a report says of a dataset."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fer_core.audit import duplicates, image_issues
from fer_core.audit.report.blocks import Chart, Section, Table
from fer_core.balance.class_weights import class_weights, effective_number, imbalance
from fer_core.dataset import ferplus
from fer_core.dataset.decisions import Decisions
from fer_core.dataset.index import DatasetIndex
from fer_core.labels import EMOTIONS


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What the audit has found so far; None is not looked for yet.

    Attributes:
        pairs: From ``copies.find``, cut off at the difference chosen.
        suspects: From ``labels.suspects``; its rows count the readable images of ``judged``.
        judged: The part of the dataset whose labels were judged.
        faceless: Number of pictures without a face.
    """

    pairs: pd.DataFrame | None = None
    suspects: pd.DataFrame | None = None
    judged: DatasetIndex | None = None
    faceless: int | None = None


def sections(
    index: DatasetIndex, findings: Findings, decisions: Decisions | None = None
) -> tuple[Section, ...]:
    """Counts, balance, pictures, copies, labels, decisions."""
    good = int(index.is_readable.sum())
    said = f"{good:,} readable images; {len(index) - good:,} files cannot be read."
    return (
        Section("Summary", (said, *index.notes)),
        _counts(index),
        _balance(index),
        _pictures(index, findings),
        Section("Copies", _copies(index, findings.pairs)),
        _labels(index, findings),
        Section("Decisions", _decisions(decisions)),
    )


def _counts(index: DatasetIndex) -> Section:
    counts = index.counts()
    rows = [
        [name, *row, sum(row)]
        for name, row in zip(EMOTIONS, counts.to_numpy().tolist(), strict=True)
    ]
    rows.append(["all", *counts.sum().tolist(), int(counts.to_numpy().sum())])
    series = {str(split): tuple(counts[split].astype(float)) for split in counts.columns}
    chart = Chart("Images by class and split", EMOTIONS, series)
    table = _table(["emotion", *counts.columns, "all"], rows)
    return Section("Images by class and split", table=table, charts=(chart,))


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
    times = f"{ratio:.1f} times" if np.isfinite(ratio) else "infinitely many times"
    head = ["emotion", "images", "effective number (beta 0.999)", "class weight"]
    return Section(title, (f"{largest} has {times} the images of {smallest}.",), _table(head, rows))


def _pictures(index: DatasetIndex, findings: Findings) -> Section:
    good = index.readable().table
    sizes = (good["width"].astype("str") + "×" + good["height"].astype("str")).value_counts()
    common = ", ".join(f"{size} ({n:,})" for size, n in sizes.head(3).items())
    lines = [
        f"Sizes in pixels: {common or 'none'}; {len(sizes):,} in all.",
        f"Brightness: mean {good['brightness'].mean():.0f} of 255, from "
        f"{good['brightness'].min():.0f} to {good['brightness'].max():.0f}.",
        f"{len(image_issues.odd(index)):,} blank, small, off-size or unreadable.",
    ]
    if findings.faceless is not None:
        lines.append(f"{findings.faceless:,} in which the detector finds no face.")
    heights, edges = np.histogram(good["brightness"], bins=16, range=(0, 256))
    names = tuple(f"{low:.0f} to {low + 15:.0f}" for low in edges[:-1])
    chart = Chart("Images by mean grey value", names, {"images": tuple(heights.astype(float))})
    return Section("Pictures", tuple(lines), charts=(chart,))


def _copies(index: DatasetIndex, pairs: pd.DataFrame | None) -> tuple[str, ...]:
    if pairs is None:
        return ("Not looked for.",)
    kinds = pairs["kind"].value_counts()
    named = ", ".join(f"{kinds.get(kind, 0):,} {kind}" for kind in ("exact", "near", "mirrored"))
    return (
        f"{len(pairs):,} pairs: {named}.",
        f"{len(duplicates.leaking(index, pairs)):,} training images have a copy in another split.",
        f"{int(pairs['disagrees'].sum()):,} pairs carry two different labels.",
    )


def _labels(index: DatasetIndex, findings: Findings) -> Section:
    lines, charts = [], []
    if findings.suspects is None or findings.judged is None:
        lines.append("Suspected labels: not looked for.")
    else:
        suspects = findings.suspects
        given = findings.judged.table["label"].astype("str").to_numpy()[suspects["row"]]
        share = suspects.groupby(given)["flagged"].mean()
        lines.append(
            f"{int(suspects['flagged'].sum()):,} of {len(suspects):,} labels are suspected "
            f"to be wrong ({_shares(share)})."
        )
        charts.append(_share_chart("Labels suspected to be wrong", share))
    if index.votes is not None:
        best = ferplus.majority(index.votes)
        clear = best.notna()
        agree = (best == index.table["label"].astype("str"))[clear].astype(float)
        share = agree.groupby(index.table["label"][clear], observed=True).mean()
        lines.append(
            f"The FER+ majority agrees with {100 * agree.mean():.0f} % of the labels "
            f"({_shares(share)})."
        )
        charts.append(_share_chart("Labels that the FER+ majority agrees with", share))
    return Section("Labels", tuple(lines), charts=tuple(charts))


def _shares(share: "pd.Series[float]") -> str:
    return ", ".join(f"{name} {100 * part:.0f} %" for name, part in share.items())


def _share_chart(title: str, share: "pd.Series[float]") -> Chart:
    return Chart(title, tuple(map(str, share.index)), {"share": tuple(share)}, percent=True)


def _decisions(decisions: Decisions | None) -> tuple[str, ...]:
    made = [] if decisions is None else list(decisions.latest().values())
    if not made:
        return ("None.",)
    counts = pd.Series([one.action for one in made]).value_counts()
    words = {"keep": "kept", "relabel": "relabelled", "exclude": "excluded"}
    return tuple(f"Images {words[str(action)]}: {count:,}." for action, count in counts.items())


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> Table:
    shown = (tuple(f"{v:,}" if isinstance(v, int) else str(v) for v in row) for row in rows)
    return Table(tuple(map(str, head)), tuple(shown))
