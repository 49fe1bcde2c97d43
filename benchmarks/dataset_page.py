"""Measure a rerun of the dataset page while a large dataset is open.

    python -m benchmarks.dataset_page --data FER2013 [--votes labels.csv]

Streamlit's test harness runs the page's script as the server would, without a browser; after every
click on the page this is what happens on the server. Prints the median and the longest of several
runs of each part.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

from benchmarks.dataset import say
from fer_core.system.settings import settings

ROOT = Path(__file__).resolve().parent.parent
TARGET = "<= 0.3"


def press(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label.startswith(label)).click()
    run_until_idle(app)


def choose(app: AppTest, key: str, value: str) -> None:
    app.button_group(key=key).set_value(value)
    run_until_idle(app)


def run_until_idle(app: AppTest) -> None:
    app.run()
    while "background_work" in app.session_state:
        time.sleep(0.25)
        app.run()
    assert not app.exception, app.exception


def measure(app: AppTest, part: str, runs: int) -> None:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        app.run()
        times.append(time.perf_counter() - start)
    say(f"{part}: s, median", statistics.median(times), TARGET)
    say(f"{part}: s, longest of {runs}", max(times), "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--votes", type=Path)
    parser.add_argument("--runs", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"FER_HOME": folder, "FER_CACHE": folder}
        settings.cache_clear()
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=600).run()
        app.switch_page("pages/dataset.py")
        run_until_idle(app)
        press(app, "Change")  # the demo is open
        choose(app, "dataset_way", "Folder")
        app.text_input(key="dataset_path").set_value(str(args.data))
        if args.votes:
            app.text_input(key="dataset_votes").set_value(str(args.votes))
        app.run()
        press(app, "Open the folder")
        measure(app, "balance", args.runs)
        choose(app, "dataset_part", "Upsample")
        measure(app, "upsample", args.runs)
        choose(app, "dataset_part", "Audit")
        press(app, "Find duplicates")
        measure(app, "copies", args.runs)
        press(app, "Exclude these")
        measure(app, "copies, some decided", args.runs)
        choose(app, "audit_part", "Labels")
        press(app, "Find label errors")
        measure(app, "labels", args.runs)
        choose(app, "audit_part", "Images")
        measure(app, "pictures", args.runs)
        choose(app, "dataset_part", "Report")
        measure(app, "report", args.runs)
        choose(app, "dataset_part", "Balance")
        measure(app, "balance, as decided", args.runs)


if __name__ == "__main__":
    main()
