"""A report as Markdown."""

from collections.abc import Iterator

from fer_core.audit.report.blocks import Section, Table
from fer_core.audit.report.content import Findings, sections
from fer_core.dataset.decisions import Decisions
from fer_core.dataset.index import DatasetIndex


def markdown(index: DatasetIndex, findings: Findings, decisions: Decisions | None = None) -> str:
    """The card of a dataset; charts are left out, their numbers stand in the text."""
    parts = [f"# Dataset card: {index.root.name}"]
    for section in sections(index, findings, decisions):
        parts += _section(section)
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    if section.lines:
        yield "\n".join(f"- {line}" for line in section.lines)
    if section.table:
        yield _table(section.table)


def _table(table: Table) -> str:
    lines = [table.head, ("---", *["---:"] * (len(table.head) - 1)), *table.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
