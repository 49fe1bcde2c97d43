"""The dataset card as an HTML page: complete, self-contained, safe to open."""

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer_core.audit import report
from fer_core.dataset import scan
from fer_core.dataset.index import DatasetIndex
from fer_core.labels import EMOTIONS
from fer_core.system.reports import Bars, Report, Section, Table, html, markdown

VOID = {"meta", "br"}


class Page(HTMLParser):
    """Collects text and bar widths; fails on tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.widths: list[float] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.add(tag)
        style = dict(attrs).get("style") or ""
        if "width:" in style:
            self.widths.append(float(style.split("width:")[1].split("%")[0]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def with_votes(index: DatasetIndex) -> DatasetIndex:
    """Every annotator agrees with happy and calls the rest neutral."""
    votes = pd.DataFrame(0, index=range(len(index)), columns=[*EMOTIONS, "other"])
    happy = np.asarray(index.table["label"] == "happy")
    votes["happy"], votes["neutral"] = 10 * happy, 10 * ~happy
    return DatasetIndex(index.root, index.table, index.thumbs, index.notes, votes)


def test_the_page_says_what_the_markdown_says_and_draws_it(tree: Path) -> None:
    index = with_votes(scan(tree))
    suspects = pd.DataFrame({"row": [0, 1, 2], "flagged": [True, True, False]})
    findings = report.Findings(suspects=suspects, audited=index)
    page = Page(report.html(index, findings))
    said = "\n".join(page.texts)
    for line in report.markdown(index, findings).splitlines():
        if line.startswith("- "):
            assert line[2:] in said
        elif line.startswith(("# ", "## ")):
            assert line.lstrip("# ") in said
    assert "Labels that the FER+ majority agrees with" in said
    assert {"figure", "table"} <= page.tags
    assert max(page.widths) == 100  # happy, wholly agreed
    assert pytest.approx(page.widths[6], abs=0.01) == 100 * 10 / 12  # happy's training part


def test_the_page_fetches_nothing_and_runs_nothing(tree: Path) -> None:
    wild = tree.with_name('<script>alert("1")<')
    tree.rename(wild)
    page = report.html(scan(wild), report.Findings())
    assert "<script" not in page
    assert "http" not in page
    assert "&lt;script&gt;" in page


def test_an_empty_class_and_no_training_images_are_no_trouble(tree: Path) -> None:
    page = report.html(scan(tree).split("test"), report.Findings())
    assert "There are no training images." in Page(page).texts


def test_a_chart_needs_a_length_for_every_bar() -> None:
    with pytest.raises(ValueError, match="2 bars need as many lengths"):
        Bars("Odd", ("a", "b"), {"one": (1.0,)})


def test_every_text_is_escaped_and_tables_stay_whole() -> None:
    wild = '<b onclick="x">|&'
    table = Table((wild, wild), ((wild, "1"),), wild)
    content = Report(wild, (Section(wild, (wild,), (table,)),))
    page = html(content)
    assert "<b " not in page
    assert page.count("&lt;b onclick=") == 8
    lines = [line for line in markdown(content).splitlines() if line.startswith("|")]
    assert len(lines) == 3
    assert all(line.replace("\\|", "").count("|") == 3 for line in lines)
