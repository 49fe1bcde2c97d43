"""The comparison of two checkouts, with a benchmark that prints what it is told."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import ab
from tests.conftest import ROOT

BENCHMARK = """
from pathlib import Path
count = Path("count")
runs = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(runs))
print("load of the machine: 1.0 on 2 cores")
print(f"| one face | {{{speed} * runs:.3g}} |")
print("| photos | 1,234 |")
print("| only here | {speed} |" if {speed} == 1 else "")
"""


@pytest.fixture
def checkouts(tmp_path: Path) -> list[Path]:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, speed in zip(folders, (1, 3), strict=True):
        folder.mkdir()
        (folder / "bench.py").write_text(BENCHMARK.format(speed=speed))
    return folders


def test_pairs_give_medians_spread_and_ratios(checkouts: list[Path]) -> None:
    """The numbers grow from run to run, as on a machine that gets slower: ratios stay right."""
    command = [sys.executable, "benchmarks/ab.py", *map(str, checkouts), "--pairs", "3"]
    table = subprocess.run(
        [*command, "--", "python", "bench.py"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    rows = {line.split(" | ")[0].lstrip("| "): line for line in table.splitlines()}
    assert rows["one face"] == "| one face | 2 | 6 | 3.000 | 100% | 100% |"
    assert rows["photos"] == "| photos | 1234 | 1234 | 1.000 | 0% | 0% |"
    assert "only here" not in rows
    assert ab.WALL in rows


def test_a_command_that_fails_ends_the_comparison(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="status 3"):
        ab.measure(tmp_path, ["python", "-c", "raise SystemExit(3)"])


@pytest.mark.parametrize(
    ("line", "number"),
    [("| a b | 1,234.5 |", 1234.5), ("| a b | 0.85 |", 0.85), ("| a b | 1e-05 |", 1e-5), ("| a b | -3 |", -3)],
)  # fmt: skip
def test_figures_are_read_from_table_lines(line: str, number: float) -> None:
    assert ab.figures(f"text\n{line}\n") == {"a b": number}


def test_figures_of_the_other_benchmarks_are_read() -> None:
    """As ``live``, ``dataset`` and ``training`` print them."""
    text = "\n".join([
        'live {"fps": 30.0, "glass_n": 12, "message": "recorded"}',
        'start {"first_annotated_s": [0.3, 0.5, 0.4]}', '{"images_per_second": 176.5}',
        f"{'scan of 35,736 images, cold: s':58} {4.7:10.3f}   target <= 6",
        f"{'fernet: start to the first batch':56} {'7.6 s':>28}   goal <= 15 s   load 1.0",
        f"{'fernet: images/s, run / bare fit':56} {'459 / 402 = 114.2%':>28}   goal >= 95%   load 1.0",
    ])  # fmt: skip
    assert ab.figures(text) == {
        "live: fps": 30.0, "live: glass_n": 12, "start: first_annotated_s": 0.4,
        "images_per_second": 176.5,
        "scan of 35,736 images, cold: s": 4.7, "fernet: start to the first batch": 7.6,
        "fernet: images/s, run / bare fit (1)": 459, "fernet: images/s, run / bare fit (2)": 402,
        "fernet: images/s, run / bare fit (3)": 114.2,
    }  # fmt: skip


def test_other_lines_are_no_figures() -> None:
    assert ab.figures("| what | measured |\n|---|---|\n1.5 | 2\n") == {}
