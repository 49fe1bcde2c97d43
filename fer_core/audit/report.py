"""The dataset card: what was found, as one Markdown page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fer_core.audit import copies, pictures
from fer_core.audit.decisions import Decisions
from fer_core.dataset import votes
from fer_core.dataset.index import DatasetIndex, class_weights, effective_number, imbalance
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


def markdown(index: DatasetIndex, findings: Findings, decisions: Decisions | None = None) -> str:
    """The card of a dataset: counts, balance, pictures, copies, labels, decisions."""
    parts = [
        f"# Dataset card: {index.root.name}",
        _summary(index),
        "## Images by class and split",
        _counts(index),
        "## Balance of the training split",
        _balance(index),
        "## Pictures",
        _pictures(index, findings),
        "## Copies",
        _copies(index, findings.pairs),
        "## Labels",
        _labels(index, findings),
        "## Decisions",
        _decisions(decisions),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(index: DatasetIndex) -> str:
    good = int(index.is_readable.sum())
    lines = [f"{good:,} readable images; {len(index) - good:,} files cannot be read."]
    return _list([*lines, *index.notes])


def _counts(index: DatasetIndex) -> str:
    counts = index.counts()
    rows = [
        [name, *row, sum(row)]
        for name, row in zip(EMOTIONS, counts.to_numpy().tolist(), strict=True)
    ]
    rows.append(["all", *counts.sum().tolist(), int(counts.to_numpy().sum())])
    return _table(["emotion", *counts.columns, "all"], rows)


def _balance(index: DatasetIndex) -> str:
    counts = index.counts()
    if "train" not in counts:
        return "There are no training images."
    train = {str(name): int(n) for name, n in counts["train"].items()}
    weights = class_weights(train)
    rows = [
        [name, n, f"{effective_number(n):,.0f}", f"{weights[name]:.2f}"]
        for name, n in train.items()
    ]
    table = _table(["emotion", "images", "effective number (beta 0.999)", "class weight"], rows)
    smallest, largest = min(train, key=train.__getitem__), max(train, key=train.__getitem__)
    ratio = imbalance(train)
    said = f"{ratio:.1f} times" if np.isfinite(ratio) else "infinitely many times"
    return f"{table}\n\n{largest} has {said} the images of {smallest}."


def _pictures(index: DatasetIndex, findings: Findings) -> str:
    good = index.readable().table
    sizes = (good["width"].astype("str") + "×" + good["height"].astype("str")).value_counts()
    common = ", ".join(f"{size} ({n:,})" for size, n in sizes.head(3).items())
    odd = pictures.odd(index)
    lines = [
        f"Sizes in pixels: {common or 'none'}; {len(sizes):,} in all.",
        f"Brightness: mean {good['brightness'].mean():.0f} of 255, from "
        f"{good['brightness'].min():.0f} to {good['brightness'].max():.0f}.",
        f"{len(odd):,} blank, small, off-size or unreadable.",
    ]
    if findings.faceless is not None:
        lines.append(f"{findings.faceless:,} in which the detector finds no face.")
    return _list(lines)


def _copies(index: DatasetIndex, pairs: pd.DataFrame | None) -> str:
    if pairs is None:
        return "Not looked for."
    kinds = pairs["kind"].value_counts()
    return _list(
        [
            f"{len(pairs):,} pairs: "
            + ", ".join(f"{kinds.get(kind, 0):,} {kind}" for kind in ("exact", "near", "mirrored")),
            f"{len(copies.leaking(index, pairs)):,} training images have a copy in another split.",
            f"{int(pairs['disagrees'].sum()):,} pairs carry two different labels.",
        ]
    )


def _labels(index: DatasetIndex, findings: Findings) -> str:
    lines = []
    if findings.suspects is None or findings.judged is None:
        lines.append("Suspected labels: not looked for.")
    else:
        suspects = findings.suspects
        given = findings.judged.table["label"].astype("str").to_numpy()[suspects["row"]]
        share = suspects.groupby(given)["flagged"].mean()
        lines.append(
            f"{int(suspects['flagged'].sum()):,} of {len(suspects):,} labels are suspected "
            "to be wrong ("
            + ", ".join(f"{name} {part:.0%}" for name, part in share.items()) + ")."
        )  # fmt: skip
    if index.votes is not None:
        best = votes.majority(index.votes)
        agree = best == index.table["label"].astype("str")
        share = (
            agree[best.notna()].groupby(index.table["label"][best.notna()], observed=True).mean()
        )
        lines.append(
            f"The FER+ majority agrees with {agree[best.notna()].mean():.0%} of the labels ("
            + ", ".join(f"{name} {part:.0%}" for name, part in share.items()) + ")."
        )  # fmt: skip
    return _list(lines)


def _decisions(decisions: Decisions | None) -> str:
    made = [] if decisions is None else list(decisions.latest().values())
    if not made:
        return "None."
    counts = pd.Series([one.action for one in made]).value_counts()
    return _list([f"{action}: {count:,} images" for action, count in counts.items()])


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    shown = [[f"{v:,}" if isinstance(v, int) else str(v) for v in row] for row in rows]
    lines = [list(map(str, head)), ["---", *["---:"] * (len(head) - 1)], *shown]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
