"""Write the dataset card: what a dataset holds, where it comes from and how it was labelled.

Source of its questions: Gebru et al., Datasheets for datasets, 2021.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from fer_core.collect.labels import METHODS
from fer_core.system.reports import Report, Section, Table, markdown

KINDS = {
    "photo": "photos", "video": "videos", "webcam": "the webcam",
    "correction": "corrections on the live page",
}  # fmt: skip
CONSENT = (
    "Consent: the people shown were asked on ____ by ____ and agreed to ____. (Fill this in. "
    "Photos of faces are personal data; without consent do not share this dataset.)"
)


def markdown_table(head: Sequence[str], counts: Mapping[str, int]) -> Table:
    """Return counts as a table."""
    return Table(tuple(head), tuple((name, f"{count:,}") for name, count in counts.items()))


def markdown_card(
    name: str,
    table: pd.DataFrame,
    counts: pd.DataFrame,
    left_out: Mapping[str, int],
    notes: Sequence[str],
) -> str:
    """Return the card of a dataset as Markdown.

    Args:
        name: Name of the dataset.
        table: Its manifest; see ``assemble.MANIFEST_COLUMNS``.
        counts: A row an emotion, a column a split.
        left_out: Number of faces that are not in it, by reason.
        notes: Sentences on what is too little.
    """
    sections = (
        Section("", (_summary(table),)),
        Section("Counts", tuple(notes), (_counts(counts),)),
        Section("Where the faces come from", (_origin(table),), (_kinds(table),)),
        Section("How they were labelled", (_agreement(table),), (_labelled(table),)),
        Section(
            "What is left out",
            (() if left_out else ("Nothing was left out.",)),
            (markdown_table(("reason", "faces"), left_out),) if left_out else (),
        ),
        Section("Consent and use", (CONSENT, _USE)),
    )
    return markdown(Report(f"Dataset card: {name}", sections))


_USE = (
    "An expression is not a feeling: labels say what a face shows. Inferring emotions at work or "
    "in education is forbidden in the European Union (AI Act, article 5(1)(f))."
)


def _summary(table: pd.DataFrame) -> str:
    persons = table["person"].nunique()
    return (
        f"{len(table):,} face {'crop' if len(table) == 1 else 'crops'} of {persons:,} "
        f"{'person' if persons == 1 else 'persons'} with one of seven expressions each: angry, "
        "disgust, fear, happy, neutral, sad, surprise. "
        "manifest.parquet names the origin, the labeller and the suggestion of every image."
    )


def _counts(counts: pd.DataFrame) -> Table:
    rows = [
        (str(name), *(f"{value:,}" for value in row), f"{sum(row):,}")
        for name, row in zip(counts.index, counts.to_numpy().tolist(), strict=True)
    ]
    totals = counts.sum().tolist()
    rows.append(("all", *(f"{value:,}" for value in totals), f"{sum(totals):,}"))
    return Table(("emotion", *map(str, counts.columns), "all"), tuple(rows))


def _kinds(table: pd.DataFrame) -> Table:
    rows = tuple(
        (KINDS.get(str(kind), str(kind)), f"{part['source'].nunique():,}", f"{len(part):,}",
         f"{part['person'].nunique():,}")
        for kind, part in table.groupby("kind", sort=True)
    )  # fmt: skip
    return Table(("kind", "files", "faces", "persons"), rows)


def _origin(table: pd.DataFrame) -> str:
    detectors = ", ".join(sorted(set(table["detector"])))
    return (
        f"Faces were detected with {detectors}, turned upright and cut out as squares. Persons are "
        "told apart by photo, video track or typed name, not by face recognition: one person in "
        "two unrelated photos counts as two."
    )


def _labelled(table: pd.DataFrame) -> Table:
    counts = table["method"].value_counts()
    return markdown_table(
        ("way", "labels"), {METHODS.get(str(key), str(key)): int(n) for key, n in counts.items()}
    )


def _agreement(table: pd.DataFrame) -> str:
    labellers = sorted(name for name in set(table["by"]) if name)
    share = (table["label"] == table["suggested"]).mean()
    models = ", ".join(sorted(set(table["model"])))
    people = f" Labellers: {', '.join(labellers)}." if labellers else ""
    return f"The model {models} suggested labels; {share:.0%} of the labels agree with it.{people}"
