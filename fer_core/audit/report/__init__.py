"""The dataset card: what was found, as one page of Markdown or of HTML with charts."""

from fer_core.audit.report.content import Findings
from fer_core.audit.report.page import html
from fer_core.audit.report.text import markdown

__all__ = ["Findings", "html", "markdown"]
