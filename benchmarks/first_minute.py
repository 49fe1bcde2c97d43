"""The first minute of a new user: the wheel in an environment of its own, to a face on Home.

    python -m benchmarks.first_minute [--python PYTHON] [--cache FOLDER] [--wheel FILE]

The second run with the same ``--cache`` finds every package in it. It prints the seconds from the
start to each point, and the megabytes of the environment by package.
"""

import importlib.metadata
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

from benchmarks import table
from benchmarks.live_server import free_port

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 14


def build(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True)
    return next(folder.glob("*.whl"))


def megabytes(environment: Path) -> dict[str, float]:
    """Return the size of each installed package with its bytecode, the largest first."""
    site = next(environment.glob("lib/*/site-packages"))
    sizes = {}
    for package in importlib.metadata.distributions(path=[str(site)]):
        files = [site / file for file in package.files or ()]
        sizes[package.metadata["Name"]] = sum(f.stat().st_size for f in files if f.is_file()) / 1e6
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def open_home(command: Path, folder: Path, start_s: float) -> dict[str, float]:
    port = free_port()
    switches = {"FER_HOME": f"{folder}/home", "FER_CACHE": f"{folder}/cache"}
    server = subprocess.Popen(
        [str(command), "app", "--no-browser", "--port", str(port)], cwd=folder,
        env=os.environ | switches, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox"]
            )
            page = browser.new_page()
            page.set_default_timeout(120_000)
            while True:
                try:
                    page.goto(f"http://127.0.0.1:{port}/")
                    break
                except Error:  # not up yet
                    assert server.poll() is None, "the server ended"
                    time.sleep(0.1)
            page.locator("h1").first.wait_for()
            rows = {"to the title of Home, s": time.monotonic() - start_s}
            page.get_by_text("1 face").first.wait_for()
            rows["to the face read on Home, s (<= 60)"] = time.monotonic() - start_s
            browser.close()
            return rows
    finally:
        server.terminate()
        server.wait(20)


def main() -> None:
    parser = table.parser(__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--cache", default="", help="pip's cache (default: its own)")
    parser.add_argument("--wheel", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = options.wheel or build(folder)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        start_s, before_s = time.monotonic(), used.ru_utime + used.ru_stime
        environment = folder / "environment"
        subprocess.run([options.python, "-m", "venv", str(environment)], check=True)
        cache = ["--cache-dir", options.cache] if options.cache else []
        subprocess.run(
            [str(environment / "bin" / "pip"), "install", "--quiet", *cache, str(wheel)],
            check=True, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        rows = {
            "pip install of the wheel, s": time.monotonic() - start_s,
            "pip install of the wheel, s of a core": used.ru_utime + used.ru_stime - before_s,
        }
        rows |= open_home(environment / "bin" / "fer-studio", folder, start_s)
        files = [file for file in environment.rglob("*") if file.is_file()]
        rows["environment, MB (<= 700)"] = sum(file.lstat().st_size for file in files) / 1e6
        bytecode = [file.lstat().st_size for file in files if file.suffix == ".pyc"]
        rows["of that bytecode, MB"] = sum(bytecode) / 1e6
        largest = list(megabytes(environment).items())[:LARGEST]
        table.show(rows | {f"{package}, MB": size for package, size in largest}, options.json)


if __name__ == "__main__":
    main()
