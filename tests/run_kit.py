"""Runs as they lie on the disk, without the minutes that training takes."""

import json
import shutil
from pathlib import Path

from fer_core.labels import EMOTIONS
from fer_core.models import registry
from fer_core.system.jobs import State, job
from fer_core.training import runs
from fer_core.training.config import TrainConfig
from fer_core.training.run_folder import RunFolder


def line(epoch: int, **more) -> dict:
    """One line of ``metrics.jsonl`` of a run that gets better."""
    return {
        "epoch": epoch, "session": 0, "seconds": 2.0, "learning_rate": 1e-3,
        "accuracy": 0.3 + 0.05 * epoch, "loss": 2.0 - 0.1 * epoch,
        "val_accuracy": 0.3 + 0.04 * epoch, "val_macro_f1": 0.25 + 0.04 * epoch,
        "val_loss": 1.9 - 0.08 * epoch, "val_calibration_error": 0.1,
        "callbacks": {"EarlyStopping": {"wait": 1}, "ReduceLROnPlateau": {"wait": 0}},
        "confusion": [[10 if i == j else 1 for j in range(7)] for i in range(7)],
        "recall": dict.fromkeys(EMOTIONS, 0.6),
        "mistakes": [{"file": "validation/sad/0001.png", "label": 5, "predicted": 4,
                      "confidence": 0.9}],
    } | more  # fmt: skip


def made(
    title: str, epochs: int = 4, state: State = State.FINISHED, model: bool = False, **config
) -> runs.Run:
    """A run in the store that has trained ``epochs`` epochs and then was left in ``state``."""
    wanted = {"architecture": "fernet", "start": "scratch", "heads": ("fer2013",), "epochs": 4}
    jobs = runs.store()
    one = jobs.create(title, "train", name=title.replace(" ", "-"))
    folder = RunFolder(one.folder)
    TrainConfig(**wanted | config).save(folder.config)
    folder.dataset.write_text(json.dumps({"data": "demo"}))
    folder.metrics.write_text("".join(json.dumps(line(n)) + "\n" for n in range(epochs)))
    job.change(one.folder, command=["train", "--run", str(one.folder), "--resume"])
    job.set_state(one.folder, state)
    (one.folder / "owner.json").unlink()
    if model:
        shipped = registry.SHIPPED / registry.FIRST_CHOICE
        shutil.copytree(shipped, folder.model)
        card = json.loads((folder.model / "card.json").read_text())
        said = card | {"title": title, "demo": True}
        (folder.model / "card.json").write_text(json.dumps(said))
    return runs.load(one.name)


def owner_file(run: runs.Run) -> Path:
    return run.job.folder / "owner.json"
