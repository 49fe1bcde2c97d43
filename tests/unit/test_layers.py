"""The layers of fer_core: imports point down, and nothing heavy happens on import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fer_core

PACKAGE = Path(fer_core.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
LAYERS = (
    {
        "background",
        "child",
        "chunks",
        "errors",
        "fields",
        "files",
        "first_run",
        "downloads",
        "geometry",
        "images",
        "labels",
        "memory",
        "network",
        "paths",
        "scratch",
        "settings",
    },
    {"classifier", "corrections", "dataset", "detection", "model_store", "registry"},
    {
        "augmentation",
        "balance",
        "canvas",
        "crew",
        "drawing",
        "overlay",
        "recognition",
        "results",
        "tracking",
    },
    {"audit", "evaluation", "explain", "importing", "photos", "training", "video"},
    {"bulk", "jobs", "live", "run_archive", "runs"},
    {"cluster", "sweeps"},
    {
        "__init__",
        "__main__",
        "classify_command",
        "dataset_commands",
        "evaluate_command",
        "sweep_command",
        "train_command",
        "watch_command",
    },
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def top_name(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(file: Path) -> set[str]:
    """Top-level modules of fer_core that ``file`` imports, anywhere in its text."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "fer_core":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fer_core."):
            names.add(str(node.module).split(".")[1])
        elif isinstance(node, ast.Import):
            names |= {a.name.split(".")[1] for a in node.names if a.name.startswith("fer_core.")}
    return names & LEVEL.keys()


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_point_down(file: Path) -> None:
    mine = top_name(file)
    assert mine in LEVEL, f"give {mine} a layer in this test"
    upward = {name for name in imported(file) if LEVEL[name] > LEVEL[mine]}
    assert not upward, f"{mine} imports {upward} from above"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_the_core_knows_no_streamlit(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not any(name.split(".")[0] == "streamlit" for name in names)


def run_fresh(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE.parent,
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


@pytest.mark.parametrize("name", ["home", "upload", "dataset", "evaluate", "train"])
def test_recognising_pages_do_not_import_tensorflow(name: str, tmp_path: Path) -> None:
    code = f"""
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file('streamlit_app.py', default_timeout=60).run()
app.switch_page('pages/{name}.py').run()
assert not app.exception, app.exception
if {name!r} == 'upload':
    [b for b in app.button if b.label.startswith('Try')][0].click().run()
    assert not app.exception, app.exception
    assert 'ai_edge_litert' in sys.modules
print({{'tensorflow', 'keras'}} & set(sys.modules))
"""
    assert run_fresh(code) == "set()"
