"""Measure more than one machine: Ray against one machine, sweeps, replicas behind nginx.

    python -m benchmarks.scale                                  # everything, about 15 minutes
    python -m benchmarks.scale --parts bulk --photos 20000      # or list, sweep, viewers

Every engine is a whole process, started from nothing, on the same two cores. Photos are 640x480
with one face. The time of an engine is taken at two sizes, which tells its start from its pace.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import table
from fer_core.bulk.inputs import Source
from fer_core.cluster.result_folder import Folder
from fer_core.cluster.sweeps.config import SweepConfig
from fer_core.dataset import demo

CORES = 2
TINY = {
    "architecture": "fernet", "start": "scratch", "input_size": 48, "heads": ["fer2013"],
    "epochs": 6, "batch_size": 32,
}  # fmt: skip
ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1",
}  # fmt: skip


@dataclass
class Run:
    """A process and its children: elapsed seconds, and the CPU seconds of all of them."""

    seconds: float
    cpu_s: float


def command(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Run:
    """Time ``python -m fer_core``."""
    start, used = time.perf_counter(), {}
    with tempfile.TemporaryFile("w+") as output:
        process = psutil.Popen(
            [sys.executable, "-m", "fer_core", *map(str, arguments)], cwd=ROOT,
            env=os.environ | (environment or {}), stdout=output, stderr=output,
        )  # fmt: skip
        while process.poll() is None:
            with suppress(psutil.Error):
                for member in (process, *process.children(recursive=True)):
                    used[member] = sum(member.cpu_times()[:2])
            with suppress(psutil.TimeoutExpired):
                process.wait(0.5)
        output.seek(0)
        assert process.wait() == 0, output.read()
    return Run(time.perf_counter() - start, sum(used.values()))


def bulk(rows: dict[str, float], folder: Path, count: int) -> None:
    """Measure both engines on the same photos."""
    few = table.write_photos(folder / "few", count // 5)
    many = table.write_photos(folder / "many", count)
    runs: dict[str, list[Run]] = {"local": [], "ray": []}
    for number, source in enumerate((few, many)):
        for engine, out in (("local", f"{number}.parquet"), ("ray", f"{number}")):
            command_line = ("classify", source, "--engine", engine, "--workers", str(CORES))
            runs[engine].append(command(*command_line, "--out", folder / out))
    pace = {}
    for engine, (short, long) in runs.items():
        more = count - count // 5
        pace[engine] = (long.seconds - short.seconds) / more
        rows[f"{engine}: {count // 5:,} photos, s"] = short.seconds
        rows[f"{engine}: {count:,} photos, s"] = long.seconds
        rows[f"{engine}: ms a photo"] = pace[engine] * 1000
        rows[f"{engine}: start, s"] = long.seconds - pace[engine] * count
        rows[f"{engine}: ms of CPU a photo"] = (long.cpu_s - short.cpu_s) / more * 1000
    local, ray = runs["local"][1], runs["ray"][1]
    rows[f"Ray's pace at {count:,}, share of the local engine's"] = local.seconds / ray.seconds
    at_20_000 = {name: rows[f"{name}: start, s"] + 20_000 * pace[name] for name in pace}
    rows["the same at 20,000, from start and pace (>= 0.85)"] = (
        at_20_000["local"] / at_20_000["ray"]
    )
    rows["the same by CPU time, if both cores had been free"] = local.cpu_s / ray.cpu_s
    rows["overhead per million photos on two cores, s"] = 1e6 * (pace["ray"] - pace["local"])


def listing(rows: dict[str, float], folder: Path, _: int) -> None:
    """Measure the list of a million files, without reading them."""
    memory_before = psutil.Process().memory_info().rss
    names = (f"/archive/{number // 1000:04}/{number:08}.jpg" for number in range(1_000_000))
    inputs = [Source(name, Path(name)) for name in names]
    start = time.perf_counter()
    results = Folder(str(folder / "list"))
    results.add_inputs(inputs)
    rows["a million files: memory of the list, MB"] = (
        psutil.Process().memory_info().rss - memory_before
    ) / 1e6
    rows["a million files: written down, s"] = time.perf_counter() - start
    rows["a million files: shares"] = results.shares
    rows["a million files: on the disk, MB"] = (
        sum(file.stat().st_size for file in (folder / "list").iterdir()) / 1e6
    )


def sweep(rows: dict[str, float], folder: Path, _: int) -> None:
    """Measure eight tiny trials: one after the other, and two at a time."""
    sweep_config = SweepConfig.from_dict({
        "title": "Scale", "data": str(demo.make(folder / "demo")), "base": TINY, "trials": 8,
        "fields": {"learning_rate": {"low": 1e-3, "high": 3e-3}}, "grace": TINY["epochs"],
        "parallel_trials": CORES,
    })  # fmt: skip
    sweep_config.save(folder / "sweep.yaml")
    sequential: list[Run] = []
    for number, config in enumerate(sweep_config.configs()):
        file = folder / f"{number}.yaml"
        config.save(file)
        run = ("--config", file, "--run", folder / "alone" / str(number))
        data = sweep_config.source.data
        sequential.append(command("train", "--data", data, *run, environment=ONE_THREAD))
    home = {"FER_HOME": str(folder / "home")}
    together = command("sweep", "--config", folder / "sweep.yaml", environment=home)
    assert len(list((folder / "home" / "runs").glob("*/model/card.json"))) == 8
    one_by_one = sum(run.seconds for run in sequential)
    rows["8 trials one after the other, s"] = one_by_one
    rows["8 trials as a sweep, two at a time, s"] = together.seconds
    rows["times as fast (>= 1.6)"] = one_by_one / together.seconds


def viewers(rows: dict[str, float], folder: Path, count: int) -> None:
    """Measure two replicas behind nginx: memory of each and of a viewer, and the cost of nginx."""
    from playwright.sync_api import sync_playwright

    from tests.conftest import CHROMIUM, environment_of_tests
    from tests.replicas_kit import Replicas

    running = Replicas(folder, environment_of_tests(folder))
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
            used = []
            for number in range(17):
                tab = chromium.new_context().new_page()
                tab.goto(f"{running.address}/upload")
                tab.get_by_text("An expression is not a feeling").wait_for()
                if number in (1, 16):
                    time.sleep(1)
                    used.append(sum(megabytes(app.pid) for app in running.apps.values()))
            chromium.close()
        rows["a replica with one viewer, MB"] = used[0] / 2
        rows["a further viewer on the photos page, MB"] = (used[1] - used[0]) / 15
        rows["nginx, MB"] = megabytes(running.nginx.pid)
        direct = f"http://127.0.0.1:{running.ports[0]}"
        rows["a request straight to a replica, ms"] = pings(direct)
        rows["the same through nginx, ms"] = pings(running.address)
    finally:
        running.close()


def megabytes(pid: int) -> float:
    process = psutil.Process(pid)
    processes = [process, *process.children(recursive=True)]
    return sum(item.memory_info().rss for item in processes) / 1e6


def pings(address: str) -> float:
    import urllib.request

    times = []
    for _ in range(200):
        start = time.perf_counter()
        urllib.request.urlopen(f"{address}/_stcore/health").read()
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1000


def main() -> None:
    parts: dict[str, Callable[[dict[str, float], Path, int], None]] = {
        "bulk": bulk, "list": listing, "sweep": sweep, "viewers": viewers,
    }  # fmt: skip
    parser = table.parser(__doc__)
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--parts", nargs="*", choices=list(parts), default=list(parts))
    options = parser.parse_args()
    table.use_yunet(options.shared)
    rows: dict[str, float] = {}
    for part in options.parts:
        with tempfile.TemporaryDirectory() as name:
            parts[part](rows, Path(name), options.photos)
    table.show(rows, options.json)


if __name__ == "__main__":
    main()
