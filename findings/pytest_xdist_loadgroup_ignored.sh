#!/usr/bin/env bash
# pytest-xdist 3.8.0 with --dist loadgroup ignores the groups under pytest 9.2.0, without a warning: tests that share a mark
# xdist_group('one') run in several workers at once. Under pytest 9.1.1 they run in one. Tests that need a camera, a port
# or a GPU to themselves begin to fail at random after an update.
# Observed: eight tests of one group in 1 worker (pytest 9.1.1) and in all 3 (9.2.0).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pytest==9.1.1 pytest-xdist==3.8.0
env/bin/python - <<'PY'
import subprocess
import sys
from pathlib import Path

Path("test_group.py").write_text("""
import os, time
import pytest

@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(8))
def test_one(number):
    time.sleep(0.3)
    with open("workers.txt", "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
""")


def workers():
    """Return the number of workers that ran the eight tests."""
    Path("workers.txt").unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "3", "--dist", "loadgroup"]
    subprocess.run(command, check=True, capture_output=True)
    lines = Path("workers.txt").read_text().split()
    assert len(lines) == 8
    return len(set(lines))


before = workers()
pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
subprocess.run([*pip, "pytest==9.2.0"], check=True)
after = workers()
print("workers of one group: pytest 9.1.1", before, "pytest 9.2.0", after)
assert before == 1
assert after > 1
PY
