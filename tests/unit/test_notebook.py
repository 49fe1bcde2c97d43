"""The notebook for hosted GPUs, executed as it stands, with a tiny configuration."""

import io
import zipfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from fer_core.training import run_archive, runs
from tests.conftest import ROOT

NOTEBOOK = ROOT / "notebooks" / "train_on_colab.ipynb"
TINY = """
DATA, VOTES = "demo", None
RUN = Path({run!r})
CONFIG = {{"architecture": "fernet", "start": "scratch", "input_size": 32,
          "heads": ["fer2013"], "epochs": 1, "batch_size": 128}}
"""


def test_the_notebook_trains_and_its_run_comes_back(tmp_path: Path) -> None:
    book = nbformat.read(NOTEBOOK, as_version=4)
    (parameters,) = [c for c in book.cells if "parameters" in c.metadata.get("tags", ())]
    parameters.source = TINY.format(run=str(tmp_path / "runs" / "colab"))
    NotebookClient(book, timeout=900, resources={"metadata": {"path": str(ROOT)}}).execute()
    printed = "".join(out.get("text", "") for c in book.cells for out in c.get("outputs", ()))
    assert "epoch 1 of 1: loss " in printed
    assert "1 epochs" in printed
    assert "fer2013, test: accuracy 0." in printed
    data = (tmp_path / "runs" / "colab.zip").read_bytes()
    assert zipfile.is_zipfile(io.BytesIO(data))
    back = runs.load(run_archive.import_run(io.BytesIO(data), "colab").name)
    assert (len(back.epochs), back.has_model) == (1, True)


def test_no_outputs_are_committed() -> None:
    book = nbformat.read(NOTEBOOK, as_version=4)
    assert not [c for c in book.cells if c.get("outputs") or c.get("execution_count")]
