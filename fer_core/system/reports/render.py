"""Render a report with Jinja2; every text is escaped, in HTML and in Markdown."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from fer_core.system.reports.blocks import Report
from fer_core.system.text import markdown as escape


def html(report: Report) -> str:
    """Return the report as a page that loads nothing from anywhere."""
    return _environment().get_template("report.html.jinja").render(report=report)


def markdown(report: Report, level: int = 1) -> str:
    """Return the report as Markdown; charts are left out.

    Args:
        report: The report.
        level: Of the first heading, 1..4.
    """
    text = _environment().get_template("report.md.jinja").render(report=report, level=level)
    blocks = [block.strip("\n") for block in text.split("\n\n")]
    return "\n\n".join(block for block in blocks if block) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table that also reads well on a terminal.

    Columns are as wide as they need; the first is aligned left, the others right.
    """
    return _aligned([[str(cell).replace("|", "\\|") for cell in row] for row in (head, *rows)])


def _aligned(lines: list[list[str]]) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    texts = []
    for first, *numbers in lines:
        cells = [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)]
        texts.append("| " + " | ".join([first.ljust(widths[0]), *cells]) + " |")
    return "\n".join(texts)


def _plain_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return ``table`` with every cell as plain text."""
    first, *others = ([escape(str(cell)) for cell in row] for row in (head, *rows))
    return _aligned([first, *others])


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("fer_core.system.reports"),
        autoescape=select_autoescape(["html", "html.jinja"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = escape
    environment.globals["plain_table"] = _plain_table
    return environment
