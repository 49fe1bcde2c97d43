"""``python -m fer_core train``: a run in a folder, as the dashboard starts it."""

import argparse
import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fer_core.audit.decisions import Decisions, view
from fer_core.dataset import DatasetIndex, demo, scan, votes
from fer_core.errors import TrainingError
from fer_core.files import write_json
from fer_core.training.config import TrainConfig, recipes
from fer_core.training.run import RunFolder
from fer_core.training.samples import Samples


def add(parser: argparse.ArgumentParser) -> None:
    """Fill the parser."""
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="the run's folder")
    parser.add_argument("--resume", action="store_true", help="go on with the run in that folder")
    parser.add_argument("--data", metavar="DIR", help="dataset folder, or demo")
    parser.add_argument("--votes", type=Path, help="labels.csv or fer2013new.csv")
    parser.add_argument("--decisions", type=Path, help="decisions.csv to see the dataset through")
    parser.add_argument(
        "--config", help=f"YAML file, or one of the recipes {', '.join(recipes())}"
    )
    parser.add_argument("--epochs", type=int, help="instead of the config's")
    parser.add_argument("--start", help="instead of the config's")
    parser.add_argument("--until", type=int, metavar="EPOCH", help="pause before this epoch")
    parser.set_defaults(run_command=run)


def run(options: argparse.Namespace) -> int:
    """Train; 0 when finished, 3 when paused or stopped on request."""
    folder = RunFolder(options.run)
    config = _config(folder, options)
    source = _source(folder, options)
    index = open_dataset(source)
    from fer_core.training import finish, loop, samples

    data = {
        split: samples.load(index, split, config.input_size, config.channels)
        for split in ("train", "validation")
    }
    write_json(folder.dataset, source | _facts(data))
    signal.signal(signal.SIGTERM, lambda *_: folder.ask("pause"))
    folder.ask("")
    state = loop.train(
        config, options.run, data, resume=options.resume, request=folder.asked, until=options.until
    )
    print(state)
    if state == loop.PAUSED:
        return 3
    print(finish.finish(folder, config, index, data["validation"]))
    return 0


def open_dataset(source: Mapping[str, Any]) -> DatasetIndex:
    """The dataset that ``dataset.json`` names; one without a validation split gets one.

    Raises:
        DatasetError: It is not there any more, or cannot be read.
    """
    index = scan(demo.make() if source["data"] == "demo" else source["data"])
    if source.get("votes"):
        index = votes.attach(index, Path(source["votes"]))
    if source.get("decisions"):
        index = view(index, Decisions(Path(source["decisions"])))
    return index


def _config(folder: RunFolder, options: argparse.Namespace) -> TrainConfig:
    if options.resume and not options.config:
        config = TrainConfig.load(folder.config)
    else:
        named = recipes().get(options.config or "", Path(options.config or ""))
        if not options.config or not named.is_file():
            raise TrainingError(
                f"--config needs a YAML file or one of {', '.join(recipes())}. "
                f"Received: {options.config!r}."
            )
        config = TrainConfig.load(named)
    changes = {n: getattr(options, n) for n in ("epochs", "start") if getattr(options, n)}
    return TrainConfig.from_dict(config.to_dict() | changes)


def _source(folder: RunFolder, options: argparse.Namespace) -> dict[str, Any]:
    if options.resume and not options.data:
        return dict(json.loads(folder.dataset.read_text("utf-8")))
    if not options.data:
        raise TrainingError("--data needs a dataset folder, or the word demo.")
    return {
        "data": options.data if options.data == "demo" else str(Path(options.data).absolute()),
        "votes": str(options.votes.absolute()) if options.votes else None,
        "decisions": str(options.decisions.absolute()) if options.decisions else None,
    }


def _facts(data: Mapping[str, Samples]) -> dict[str, Any]:
    return {
        "pictures": {split: len(one) for split, one in data.items()},
        "unreadable": [name for one in data.values() for name in one.skipped],
    }
