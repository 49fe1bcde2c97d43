"""Compare a run of the dashboard with a bare Keras ``fit``.

    python -m benchmarks.training                       # pace, both networks
    python -m benchmarks.training start                 # start button to the first batch
    python -m benchmarks.training memory                # 28,558 images
    python -m benchmarks.training page                  # polling and reruns while it trains

Images are noise in FER-2013's size and number, so no data set is needed. Each measurement runs
in processes of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil

from fer_core.training.config import TrainConfig

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = {
    "mobilenetv2": TrainConfig(start="scratch", heads=("fer2013",), epochs=3),
    "fernet": TrainConfig(
        architecture="fernet", start="scratch", input_size=48, heads=("fer2013",), epochs=3
    ),
}
GOALS = {"pace": 0.95, "mobilenetv2": 25.0, "fernet": 15.0, "memory": 3.0, "poll": 0.10,
         "rerun": 0.5}  # fmt: skip
FER_2013 = 28_558
READING_S = 15
"""Seconds between opening the page and the click."""


def noise(count: int, config: TrainConfig, seed: int):
    from fer_core.training.arrays import Samples

    random = np.random.default_rng(seed)
    shape = (count, config.input_size, config.input_size, config.channels)
    labels = np.arange(count, dtype=np.int64) % 7
    names = tuple(f"{n}.png" for n in range(count))
    return Samples(random.integers(0, 256, shape, np.uint8), labels, None, None, names)


def child(*arguments: str) -> dict:
    """Run a part of this file in a process of its own; the JSON it prints last."""
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.training", *arguments],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return json.loads(ended.stdout.strip().splitlines()[-1])


def dashboard_pace(name: str, images: int) -> dict:
    """Return the pace of whole epochs of the loop without the first one and without validation."""
    from fer_core.training import loop
    from fer_core.training.callbacks.validation import Validation
    from fer_core.training.run_folder import RunFolder

    spent: list[float] = []
    inner = Validation.on_epoch_end

    def timed(self, epoch, logs=None):
        start_s = time.perf_counter()
        inner(self, epoch, logs)
        spent.append(time.perf_counter() - start_s)

    Validation.on_epoch_end = timed
    config = CONFIGS[name]
    data = {"train": noise(images, config, 0), "validation": noise(128, config, 1)}
    ends: list[float] = []
    run_epoch = loop.Session.run_epoch

    def epoch(self, request):
        run_epoch(self, request)
        ends.append(time.perf_counter())

    loop.Session.run_epoch = epoch
    with tempfile.TemporaryDirectory() as folder:
        loop.train(config, Path(folder) / "run", data)
        assert len(RunFolder(Path(folder) / "run").epochs()) == config.epochs
    seconds = (np.diff(ends) - spent[1:]).min()
    return {"images_per_second": images // config.batch_size * config.batch_size / seconds}


def bare_pace(name: str, images: int) -> dict:
    """Return the pace of the same network, batch and augmentation in one ``fit`` over arrays."""
    import keras

    from fer_core.training import loop
    from fer_core.training.batches import draw
    from fer_core.training.callbacks.resume_state import TrainingState
    from fer_core.training.run_folder import RunFolder

    config = CONFIGS[name]
    train = noise(images // config.batch_size * config.batch_size, config, 0)
    with tempfile.TemporaryDirectory() as folder:
        data = {"train": train, "validation": train}
        session = loop.Session.open(config, RunFolder(Path(folder)), data, TrainingState())
    operations = draw(config.augmentation, len(train), (0,))
    inputs = {"pixels": train.pixels, "operations": operations}
    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.perf_counter()))
    session.model.fit(
        inputs, session.targets.values, sample_weight=session.targets.weights,
        batch_size=config.batch_size, epochs=config.epochs, verbose=0, callbacks=[clock],
    )  # fmt: skip
    return {"images_per_second": len(train) / np.diff(ends).min()}


def pace(images: int, rounds: int) -> None:
    for name in CONFIGS:
        ours, bare = [], []
        for _ in range(rounds):  # in turns, so that a drift of the machine hits both
            bare.append(child("bare", name, str(images))["images_per_second"])
            ours.append(child("dashboard", name, str(images))["images_per_second"])
        share = np.median(ours) / np.median(bare)
        report(f"{name}: images/s, run / bare fit", f"{np.median(ours):.0f} / "
               f"{np.median(bare):.0f} = {share:.1%}", f">= {GOALS['pace']:.0%}")  # fmt: skip


def start() -> None:
    """Measure from ``runs.start`` to the first batch in ``epoch.json``.

    As from the page, which has a process import TensorFlow ahead, and without such a process.
    """
    from fer_core.dataset import demo
    from fer_core.training import runs

    demo.make()
    for name, config in CONFIGS.items():
        seconds = first_batch_s(name, config)
        report(f"{name}: without a process that waits", f"{seconds:.1f} s", "-")
        runs.prepare()
        time.sleep(READING_S)
        seconds = first_batch_s(name, config)
        report(f"{name}: start to the first batch", f"{seconds:.1f} s", f"<= {GOALS[name]:.0f} s")


def first_batch_s(name: str, config: TrainConfig) -> float:
    from fer_core.dataset.source import DatasetSource
    from fer_core.training import runs

    start_s = time.monotonic()
    job = runs.start(config, DatasetSource("demo"), name)
    folder = runs.load(job.name).folder
    while not folder.epoch_progress() and runs.store().get(job.name).state.is_active:
        time.sleep(0.02)
    seconds = time.monotonic() - start_s
    if not folder.epoch_progress():
        print(runs.store().get(job.name).log())
    runs.discard(job.name)
    return seconds


def memory() -> None:
    peak = child("peak", "mobilenetv2")["gigabytes"]
    report("memory at 28,558 images of 96x96", f"{peak:.2f} GB", f"<= {GOALS['memory']:.0f} GB")


def peak_of(name: str) -> dict:
    """Return the peak memory of a short run with as many images as FER-2013 has."""
    import resource

    from fer_core.training import loop

    config = replace(CONFIGS[name], heads=("fer2013",))
    data = {"train": noise(FER_2013, config, 0), "validation": noise(3_589, config, 1)}
    steps = iter([""] * 40 + ["pause"] * 10_000)
    with tempfile.TemporaryDirectory() as folder:
        loop.train(config, Path(folder) / "run", data, request=lambda: next(steps))
    return {"gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}


def page() -> None:
    """Measure the server's CPU while a browser watches a run, and the time of a rerun."""
    from playwright.sync_api import sync_playwright

    from fer_core.dataset.source import DatasetSource
    from fer_core.training import runs

    config = replace(CONFIGS["fernet"], epochs=500)
    job = runs.start(config, DatasetSource("demo"), "Benchmark")
    folder = runs.load(job.name).folder
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py",
               "--server.port=8649", "--server.headless=true"]  # fmt: skip
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while len(folder.epochs()) < 2 and runs.store().get(job.name).state.is_active:
            time.sleep(0.5)
        with sync_playwright() as playwright:
            _watch(playwright, server.pid)
    finally:
        server.terminate()
        server.wait(20)
        runs.discard(job.name)


def _watch(playwright, server: int) -> None:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium",
                                         args=["--no-sandbox", "--disable-gpu"])  # fmt: skip
    tab = browser.new_page()
    tab.set_default_timeout(120_000)
    tab.goto("http://localhost:8649/train")
    tab.locator(".js-plotly-plot").nth(3).wait_for()
    time.sleep(5)
    process = psutil.Process(server)
    first, start_s = process.cpu_times(), time.monotonic()
    time.sleep(30)
    last = process.cpu_times()
    used = (last.user + last.system - first.user - first.system) / (time.monotonic() - start_s)
    report("server while a run is watched, epochs' redraws included", f"{used:.3f} core",
           f"<= {GOALS['poll']:.2f} core")  # fmt: skip
    seconds = []
    for name, wait in (("New run", "Open a dataset"), ("Watch", "Trained for")) * 5:
        start_s = time.monotonic()
        tab.get_by_role("radio", name=name, exact=True).click()
        tab.get_by_text(wait).first.wait_for()
        seconds.append(time.monotonic() - start_s)
    report("click to the other part of the page", f"median {np.median(seconds):.2f} s",
           f"<= {GOALS['rerun']} s")  # fmt: skip
    browser.close()


def report(figure: str, measured: str, goal: str) -> None:
    print(f"{figure:56} {measured:>28}   goal {goal}   load {os.getloadavg()[0]:.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", default="pace")
    parser.add_argument("name", nargs="?")
    parser.add_argument("images", nargs="?", type=int, default=3840)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    inner = {"bare": bare_pace, "dashboard": dashboard_pace}
    if options.part in inner:
        print(json.dumps(inner[options.part](options.name, options.images)))
    elif options.part == "peak":
        print(json.dumps(peak_of(options.name)))
    elif options.part == "pace":
        pace(options.images, options.rounds)
    else:
        {"start": start, "memory": memory, "page": page}[options.part]()


if __name__ == "__main__":
    main()
