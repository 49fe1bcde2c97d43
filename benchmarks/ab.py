"""Compare two checkouts with one benchmark, in pairs: A B A B ..., so that a drift hits both.

    python benchmarks/ab.py A B [--pairs 5] -- python benchmarks/recognize.py

The command runs in the root of each checkout, ``python`` being that checkout's ``.venv/bin/python``
where there is one. Figures are the time that it takes, and these lines of its output:
``| label | number |``, ``title {"label": number}``, also without a title, as benchmarks/live.py
prints them, and ``label   number unit   goal ...`` (or ``target``) of dataset.py and training.py.
Printed are the medians, the spread (highest less lowest over the median), and the ratio B / A: the
median of the pairs' ratios.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

NUMBER = r"-?[\d,]*\.?\d+(?:e[+-]?\d+)?"
ROW = re.compile(rf"^\|\s*(.+?)\s*\|\s*({NUMBER})\s*\|\s*$", re.MULTILINE)
WITH_GOAL = re.compile(r"^(\S.*?)\s{2,}(\S.*?)\s{2,}(?:goal|target)\b", re.MULTILINE)
TITLED = re.compile(r"^(?:(\w[\w ]*) )?(\{.*\})$", re.MULTILINE)
WALL = "seconds in all"


def figures(output: str) -> dict[str, float]:
    """Return label to number for the lines of ``output`` that hold figures.

    A label that has several numbers gets their positions behind it; of a list its median counts.
    """
    found = {label: _number(number) for label, number in ROW.findall(output)}
    for label, text in WITH_GOAL.findall(output):
        numbers = re.findall(NUMBER, text)
        for place, number in enumerate(numbers, start=1):
            found[f"{label} ({place})" if len(numbers) > 1 else label] = _number(number)
    for title, text in TITLED.findall(output):
        for label, value in json.loads(text).items():
            values = value if isinstance(value, list) else [value]
            if all(isinstance(one, int | float) for one in values):
                found[f"{title}: {label}" if title else label] = statistics.median(values)
    return found


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def measure(checkout: Path, command: Sequence[str]) -> dict[str, float]:
    """Run the command in a checkout and return its figures.

    Raises:
        SystemExit: It failed.
    """
    python_of_checkout = checkout / ".venv" / "bin" / "python"
    python = str(python_of_checkout) if python_of_checkout.exists() else sys.executable
    words = [python if word == "python" else word for word in command]
    start = time.perf_counter()
    ended = subprocess.run(
        words, cwd=checkout, env=os.environ | {"PYTHONPATH": str(checkout)}, text=True,
        stdout=subprocess.PIPE, check=False,
    )  # fmt: skip
    if ended.returncode:
        raise SystemExit(f"{checkout}: the command ended with status {ended.returncode}.")
    return figures(ended.stdout) | {WALL: time.perf_counter() - start}


def spread(values: Sequence[float]) -> float:
    """Return the range of the values over their median."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / abs(middle) if middle else 0.0


def compare(a: Sequence[dict[str, float]], b: Sequence[dict[str, float]]) -> str:
    """Return the table of all figures that both checkouts print, in pairs of the same place."""
    rows = ["| figure | A | B | B / A | spread of A | spread of B |", "|---|---|---|---|---|---|"]
    for label in a[0]:
        if not all(label in run for run in (*a, *b)):
            continue
        first, second = [run[label] for run in a], [run[label] for run in b]
        ratios = [y / x for x, y in zip(first, second, strict=True) if x]
        ratio = f"{statistics.median(ratios):.3f}" if ratios else "-"
        rows.append(
            f"| {label} | {statistics.median(first):.4g} | {statistics.median(second):.4g} | "
            f"{ratio} | {spread(first):.0%} | {spread(second):.0%} |"
        )
    return "\n".join(rows)


def main() -> None:
    """Run the pairs and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("a", type=Path, metavar="A", help="checkout to compare with")
    parser.add_argument("b", type=Path, metavar="B", help="checkout to judge")
    parser.add_argument("--pairs", type=int, default=5, help="runs of each (default: 5)")
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    options, command = parser.parse_args(words[:end]), words[end + 1 :]
    if not command or options.pairs < 1:
        parser.error("give a command behind --, and at least one pair")
    runs: dict[Path, list[dict[str, float]]] = {options.a: [], options.b: []}
    for number in range(options.pairs):
        for checkout, measured in runs.items():
            measured.append(measure(checkout.resolve(), command))
        print(f"pair {number + 1} of {options.pairs}", file=sys.stderr, flush=True)
    print(compare(runs[options.a], runs[options.b]))


if __name__ == "__main__":
    main()
