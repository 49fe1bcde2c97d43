"""A report as one HTML page that needs nothing beside it: no script, no network."""

from collections.abc import Iterator
from html import escape
from typing import Final

from fer_core.audit.report.blocks import Chart, Section, Table
from fer_core.audit.report.content import Findings, sections
from fer_core.dataset.decisions import Decisions
from fer_core.dataset.index import DatasetIndex
from fer_core.labels import COLORS, SPLIT_COLORS

STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { padding: .2rem .8rem .2rem 0; text-align: right; font-variant-numeric: tabular-nums; }
td:first-child, th:first-child { text-align: left; }
tr { border-bottom: 1px solid #8885; }
figure { margin: 1.5rem 0; break-inside: avoid; }
figcaption { font-weight: 600; }
.bar { display: grid; grid-template-columns: 6rem 1fr 4rem; gap: .6rem; align-items: center; }
.bar > :last-child { text-align: right; font-variant-numeric: tabular-nums; }
.track { display: flex; height: .9rem; }
@media (max-width: 30rem) { td, th { padding-right: .3rem; font-size: .8rem; } }
.key { display: inline-block; width: .8rem; height: .8rem; margin: 0 .3rem 0 .8rem; }
"""

PLAIN: Final = "#1F8A7B"


def html(index: DatasetIndex, findings: Findings, decisions: Decisions | None = None) -> str:
    """The card of a dataset as a whole page."""
    title = escape(f"Dataset card: {index.root.name}")
    body = "\n".join(part for one in sections(index, findings, decisions) for part in _section(one))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    )


def _section(section: Section) -> Iterator[str]:
    yield f"<h2>{escape(section.title)}</h2>"
    if section.lines:
        yield "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in section.lines) + "</ul>"
    for chart in section.charts:
        yield _chart(chart)
    if section.table:
        yield _table(section.table)


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _chart(chart: Chart) -> str:
    full = 1.0 if chart.percent else max(chart.totals, default=0) or 1.0
    keys = "".join(
        f'<span class="key" style="background:{_color(series, "")}"></span>{escape(series)}'
        for series in (chart.series if len(chart.series) > 1 else ())
    )
    bars = "".join(_bar(chart, place, full) for place in range(len(chart.names)))
    return f"<figure><figcaption>{escape(chart.title)}{keys}</figcaption>{bars}</figure>"


def _bar(chart: Chart, place: int, full: float) -> str:
    name, total = chart.names[place], chart.totals[place]
    parts = "".join(
        f'<span title="{escape(series)}" style="width:{100 * lengths[place] / full:.2f}%;'
        f'background:{_color(series, name)}"></span>'
        for series, lengths in chart.series.items()
    )
    said = f"{100 * total:.0f} %" if chart.percent else f"{total:,.0f}"
    return (
        f'<div class="bar"><span>{escape(name)}</span><span class="track">{parts}</span>'
        f"<span>{said}</span></div>"
    )


def _color(series: str, name: str) -> str:
    return SPLIT_COLORS.get(series) or COLORS.get(name) or PLAIN
