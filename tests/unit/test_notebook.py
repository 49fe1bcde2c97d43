"""The notebook for hosted GPUs, executed as it stands, with a tiny configuration."""

import io
import zipfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from fer_core.training import run_archive, runs
from tests.conftest import ROOT
from tests.pictures_kit import few_of

NOTEBOOK = ROOT / "notebooks" / "train_on_colab.ipynb"
TINY = """
DATA, VOTES = {data!r}, None
RUN = Path({run!r})
CONFIG = {{"architecture": "fernet", "start": "scratch", "input_size": 32,
          "heads": ["fer2013"], "epochs": 1, "batch_size": 32}}
"""


def test_the_notebook_trains_and_its_run_comes_back(drawn: Path, tmp_path: Path) -> None:
    data = few_of(drawn, tmp_path / "few", train=6, validation=3, test=3)
    book = nbformat.read(NOTEBOOK, as_version=4)
    (parameters,) = [c for c in book.cells if "parameters" in c.metadata.get("tags", ())]
    parameters.source = TINY.format(data=str(data), run=str(tmp_path / "runs" / "colab"))
    NotebookClient(book, timeout=900, resources={"metadata": {"path": str(ROOT)}}).execute()
    printed = "".join(out.get("text", "") for c in book.cells for out in c.get("outputs", ()))
    assert "epoch 1 of 1: loss " in printed
    assert "1 epochs" in printed
    assert "fer2013, test: accuracy 0." in printed
    packed = (tmp_path / "runs" / "colab.zip").read_bytes()
    assert zipfile.is_zipfile(io.BytesIO(packed))
    back = runs.load(run_archive.import_run(io.BytesIO(packed), "colab").name)
    assert (len(back.epochs), back.has_model) == (1, True)


def test_no_outputs_are_committed() -> None:
    book = nbformat.read(NOTEBOOK, as_version=4)
    assert not [c for c in book.cells if c.get("outputs") or c.get("execution_count")]
