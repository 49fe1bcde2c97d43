"""Reports as one Markdown text or one HTML page that needs no other file."""

from fer_core.system.reports.blocks import Bars, Figure, Report, Section, Table
from fer_core.system.reports.render import html, markdown, table

__all__ = ["Bars", "Figure", "Report", "Section", "Table", "html", "markdown", "table"]
