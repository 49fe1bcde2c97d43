"""Nothing heavy happens on import, and pages that only recognise need no TensorFlow.

Which room may import which is checked by import-linter: ``make check``, contracts in pyproject.toml.
"""

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def run_fresh(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_does_no_work(tmp_path: Path) -> None:
    code = "import sys, fer_core, fer_core.recognition.photos; print(sorted({'tensorflow', 'keras', 'pandas', 'streamlit'} & set(sys.modules)))"
    assert run_fresh(code) == "[]"
    assert list(tmp_path.iterdir()) == []


def test_recognising_does_not_import_tensorflow(tmp_path: Path) -> None:
    code = """
import sys, skimage.data
from fer_core import Recognizer
from fer_core.recognition.photos import PhotoReader
from fer_core.images import encode
reader = PhotoReader(Recognizer.load())
photo = reader.read(encode(skimage.data.astronaut()), 'a.jpg')
print(len(photo.faces), len(photo.rows()), {'tensorflow', 'keras'} & set(sys.modules))
"""
    assert run_fresh(code) == "1 1 set()"


def test_recognising_pages_do_not_import_tensorflow() -> None:
    """One after the other in one process: the first that does is the one at fault."""
    code = """
import sys
from fer_core.training import runs
from tests.page_kit import open_page, settle
runs.prepare = lambda: None  # imports it in a process of its own
for name in ('home', 'upload', 'dataset', 'evaluate', 'train'):
    app = open_page(name)  # with the demo open, where the page opens it
    if name == 'upload':
        settle([b for b in app.button if b.label.startswith('Try')][0].click().run())
        assert 'ai_edge_litert' in sys.modules
    print(name, {'tensorflow', 'keras'} & set(sys.modules))
"""
    pages = ("home", "upload", "dataset", "evaluate", "train")
    assert run_fresh(code).splitlines() == [f"{name} set()" for name in pages]
