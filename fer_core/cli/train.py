"""``python -m fer_core train``: a run in a folder, as the dashboard starts it."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from fer_core.cli import dataset_options
from fer_core.cluster.sweeps import store
from fer_core.dataset.source import DatasetSource
from fer_core.errors import TrainingError
from fer_core.models.registry import load_card
from fer_core.system import memory
from fer_core.system.extras import check_training_available
from fer_core.system.files import write_json
from fer_core.system.jobs import PAUSE, PausedError, Work, working
from fer_core.training import run_dataset
from fer_core.training.config import TrainConfig, recipes
from fer_core.training.run_folder import RunFolder
from fer_core.training.runs import STOP, TRAINING


def add(parser: argparse.ArgumentParser) -> None:
    """Fill the parser."""
    parser.add_argument(
        "--run", dest="folder", type=Path, required=True, metavar="DIR", help="the run's folder"
    )
    parser.add_argument("--resume", action="store_true", help="resume the run in that folder")
    dataset_options.add(parser)
    dataset_options.add_detect(parser, "refuse photos")
    parser.add_argument(
        "--corrections", action="store_true", help="add the faces corrected on the live page"
    )
    parser.add_argument("--config", help=f"YAML file, or one of the recipes {', '.join(recipes())}")
    parser.add_argument("--epochs", type=int, help="instead of the config's")
    parser.add_argument("--start", help="instead of the config's")
    parser.add_argument("--until", type=int, metavar="EPOCH", help="pause before this epoch")
    parser.add_argument(
        "--sweep",
        metavar="NAME",
        help="train as a trial of this sweep, beside other runs, while the sweep runs",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train; 0 when finished, 3 when paused, 130 when stopped by Ctrl-C."""
    check_training_available()
    folder = RunFolder(options.folder)
    config = _config(folder, options)
    try:
        turn: Literal["any", "refuse"] = "any" if options.sweep else "refuse"
        with working(options.folder, kind="train", turn=turn) as work:
            work.summary = {"model": str(_train(folder, config, options, work))}
    except PausedError:
        print("paused")
        return 3
    except KeyboardInterrupt:
        print(
            f"Stopped. Resume with: python -m fer_core train --run {options.folder} --resume",
            file=sys.stderr,
        )
        return 130
    return 0


def _train(folder: RunFolder, config: TrainConfig, options: argparse.Namespace, work: Work) -> Path:
    work.report(0, 0, "Starting TensorFlow")
    memory.keep_all()
    from fer_core.training import arrays, loop

    source, sweeps = _source(folder, options), store.store()
    work.report(0, 0, "Reading the images")
    index = DatasetSource.from_dict(source).open(with_validation=True)
    for note in index.notes:
        print(note, flush=True)
    config = run_dataset.for_dataset(config, index.votes is not None)
    data = {
        split: arrays.load(index, split, config.input_size, config.channels)
        for split in ("train", "validation", "test")  # all, before hours are spent
        if split != "test" or len(index.split(split))
    }
    used = {split: data[split] for split in ("train", "validation")}
    facts = run_dataset.facts(used)
    run_dataset.check_same(folder, source, facts)
    write_json(folder.dataset, source | facts)
    work.report(0, 0, TRAINING)
    work.flush()

    def request() -> str:
        if options.sweep and not sweeps.get(options.sweep).state.is_active:
            return PAUSE  # it was killed, and nothing else would end its trials
        if work.request not in (PAUSE, STOP):
            work.check()
        return work.request

    result = loop.train(
        config, options.folder, used, resume=options.resume, request=request, until=options.until,
        on_epoch=lambda line: _print_epoch(line, config.epochs),
    )  # fmt: skip
    if result == loop.PAUSED:
        raise PausedError("Paused.")
    from fer_core.training.package_model import package

    work.report(0, 0, "Making the model")
    measured = {split: samples for split, samples in data.items() if split != "train"}
    model = package(folder, config, measured, index)
    _print_model(model)
    return model


def _print_epoch(line: Mapping[str, Any], epochs: int) -> None:
    print(
        f"epoch {line['epoch'] + 1} of {epochs}: loss {line['loss']:.3f}, "
        f"{line['val_accuracy']:.1%} validation accuracy, {line['seconds']:.0f} s",
        flush=True,
    )


def _print_model(folder: Path) -> None:
    for head in load_card(folder).heads.values():
        split = "test" if "test" in head.figures else "validation"
        print(f"{head.title}: {split} accuracy {head.figures[split]['accuracy']:.1%}")
    print(folder)


def _config(folder: RunFolder, options: argparse.Namespace) -> TrainConfig:
    if options.resume and not options.config:
        config = TrainConfig.load(folder.config)
        if options.epochs not in (None, config.epochs):
            folder.extend(config, options.epochs)
    else:
        file = recipes().get(options.config or "", Path(options.config or ""))
        if not options.config or not file.is_file():
            raise TrainingError(
                f"--config needs a YAML file or one of {', '.join(recipes())}. "
                f"Received: {options.config!r}."
            )
        config = TrainConfig.load(file)
    changes = {n: getattr(options, n) for n in ("epochs", "start")}
    changes = {name: value for name, value in changes.items() if value is not None}
    return TrainConfig.from_dict(config.to_dict() | changes)


def _source(folder: RunFolder, options: argparse.Namespace) -> dict[str, Any]:
    if options.resume and not options.data:
        return dict(json.loads(folder.dataset.read_text("utf-8")))
    if not options.data:
        raise TrainingError("--data needs a dataset folder, or the word demo.")
    return dataset_options.crops_source(options, dataset_options.source(options)).to_dict()
