"""What docs/security.md promises and no other test holds."""

import io
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import av
import h5py
import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fer_core.cli.main import main
from fer_core.dataset import store
from fer_core.dataset.importers import ImportOptions, import_dataset, with_name
from fer_core.errors import DatasetError, FerError, JobError, ModelError, TrainingError, VideoError
from fer_core.live.capture import without_login
from fer_core.models import store as model_store
from fer_core.models.registry import SHIPPED
from fer_core.system import files, temp_folders, zip_files
from fer_core.system.jobs import Jobs
from fer_core.system.settings import Policy, settings
from fer_core.system.yaml_files import fields_of
from fer_core.training import run_archive, runs
from fer_core.training.config import TrainConfig
from fer_core.video import metadata
from fer_core.video.decoder import probe
from fer_core.video.writer import join
from tests.clips import make_clip
from tests.conftest import ROOT

WAYS_OUT = ("../../evil", "/etc/evil", "..", "a/../../b", "C:\\evil", "x\0y", "", ".", "~/evil")


@pytest.mark.parametrize("name", WAYS_OUT)
def test_a_typed_name_never_leads_outside(name: str, tmp_path: Path) -> None:
    for free in (store.free_name(name, tmp_path), model_store.free_name(name)):
        assert (tmp_path / free).resolve().parent == tmp_path
        assert not free.startswith(".")
        assert "\0" not in free


@pytest.mark.parametrize("name", WAYS_OUT)
def test_a_typed_name_of_a_model_never_leads_outside(name: str) -> None:
    made = model_store.own_home() / "mine"
    made.mkdir(parents=True)
    shutil.copy(SHIPPED / "mobilenetv2" / "card.json", made)
    mine = model_store.Entry(made, "mine", "own", is_default=False)
    for act in (model_store.keep, model_store.rename):
        with pytest.raises(ModelError, match="Try "):
            act(mine, name)
    assert sorted(settings().home.iterdir()) == [model_store.own_home()]
    assert list(model_store.own_home().iterdir()) == [made]


@pytest.mark.parametrize("name", [*WAYS_OUT, "a b", "-x", "x" * 200])
def test_a_token_in_the_address_never_leads_outside(name: str, tmp_path: Path) -> None:
    with pytest.raises(JobError, match="There is no job"):
        Jobs(tmp_path / "jobs").get(name)


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile secret.mp4\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nsecret.mp4\n#EXT-X-ENDLIST\n",
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>',
    ],
    ids=["list of files", "playlist", "drawing"],
)
def test_a_video_that_names_other_files_is_refused(text: str, tmp_path: Path) -> None:
    make_clip(tmp_path / "secret.mp4", frames=3)
    (tmp_path / "mine.mp4").write_text(text)
    with pytest.raises(VideoError, match=r"mine\.mp4: not a video"):
        probe(tmp_path / "mine.mp4")
    with pytest.raises(av.FFmpegError):
        metadata._count(tmp_path / "mine.mp4", 0, 0, 0)
    with pytest.raises(VideoError, match="no annotated copy"):
        join([tmp_path / "secret.mp4"], tmp_path / "mine.mp4", tmp_path / "copy.mp4")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("a: &a [x]\n" + "".join(f"{c}: &{c} [*{p}, *{p}]\n" for p, c in zip("abcd", "bcde", strict=True)), "alias"),
        ("x: " + "[" * 2_000 + "]" * 2_000, "YAML"),
        ("x: " + "9" * 9_000, "YAML"),
        ("epochs: 0x" + "F" * 9_000, "epochs must be a whole number"),
        ("x: 2001-99-99", "YAML"),
        ("#" * 30_000, "too many"),
        ("!!python/object/apply:os.system ['true']", "YAML"),
        ("- 1", "fields"),
    ],
    ids=["aliases", "deep", "long number", "long hexadecimal", "date", "large", "code", "list"],
)  # fmt: skip
def test_a_hostile_config_ends_in_a_short_message(data: str, says: str) -> None:
    with pytest.raises(TrainingError, match=says) as caught:
        TrainConfig.from_dict(fields_of(data.encode()))
    assert len(str(caught.value)) < 2_000


def run_zip(**more: bytes) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("r/config.yaml", "epochs: 3\n")
        for name, data in more.items():
            made.writestr(name, data)
    buffer.seek(0)
    return buffer


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        ({"../evil.txt": b"x"}, JobError, "leads outside"),
        ({"r/zeros.bin": bytes(40_000_000)}, JobError, "-fold"),
        ({"r/best.keras": b"no network"}, ModelError, r"best\.keras"),
        (
            {"r/model/model.tflite": b"no network"},
            ModelError,
            r"model\.tflite: this is not a \.keras",
        ),
    ],
)
def test_the_zip_of_a_run_is_looked_through(
    more: dict[str, bytes], error: type[FerError], says: str
) -> None:
    with pytest.raises(error, match=says):
        run_archive.import_run(run_zip(**more), "x.zip")
    assert runs.all_runs() == ()


def test_the_models_of_a_run_pass_their_trial() -> None:
    shipped = sorted((ROOT / "models" / "fernet").glob("*.tflite"))
    made = run_zip(**{f"r/model/{one.name}": one.read_bytes() for one in shipped})
    taken = run_archive.import_run(made, "x.zip").folder
    assert {one.name for one in taken.glob("model/*")} == {one.name for one in shipped}


def test_a_network_of_a_run_is_what_the_process_with_limits_wrote() -> None:
    shipped = (ROOT / "models" / "fernet" / "model.keras").read_bytes()
    taken = run_archive.import_run(run_zip(**{"r/best.keras": shipped}), "x.zip").folder
    written = (taken / "best.keras").read_bytes()
    assert written != shipped
    before, after = weights(shipped), weights(written)
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def weights(network: bytes) -> dict[str, np.ndarray]:
    """The arrays of a ``.keras`` file by their names."""
    arrays: dict[str, np.ndarray] = {}

    def note(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with (
        zipfile.ZipFile(io.BytesIO(network)) as archive,
        h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as opened,
    ):
        opened.visititems(note)
    return arrays


def test_public_links_unpack_less(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).bytes(5_000_000)
    assert zip_files.check(zipfile.ZipFile(run_zip(a=noise)), settings().policy)
    monkeypatch.setenv("FER_PUBLIC", "1")
    monkeypatch.setenv("FER_UPLOAD_MB", "1")
    settings.cache_clear()
    with pytest.raises(DatasetError, match=r"at most 0\.0 GB are allowed"):
        zip_files.check(zipfile.ZipFile(run_zip(a=noise)), settings().policy)


def test_public_links_take_fewer_files_and_count_blocks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tiny = {f"happy/{number}.png": b"x" for number in range(9)}
    asked: list[int] = []
    monkeypatch.setattr(store, "check_space", lambda _, need: asked.append(need))
    import_dataset(with_name(run_zip(**tiny).getvalue(), "x.zip"), ImportOptions(home=tmp_path))
    assert asked == [9 * 4096]
    archive = zipfile.ZipFile(run_zip(**tiny))
    assert zip_files.check(archive, Policy(zip_files=10))
    with pytest.raises(DatasetError, match="10 files; at most 9"):
        zip_files.check(archive, Policy(zip_files=9))
    assert Policy.public(50).zip_files < Policy().zip_files


def test_logins_in_addresses_are_not_shown(capfd: pytest.CaptureFixture) -> None:
    assert without_login("rtsp://anna:a@b@host:1/x@y") == "rtsp://host:1/x@y"
    assert without_login("0") == "0"
    assert main(["watch", "rtsp://anna:geheim@127.0.0.1:9/x"]) != 0
    said = "".join(capfd.readouterr())
    assert "rtsp://127.0.0.1:9/x: cannot be opened" in said
    assert "geheim" not in said


def test_large_16_bit_pictures_do_not_take_four_times_their_size() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((3000, 4000), 40_000, np.uint16)).save(buffer, "PNG")
    code = """
import resource, sys
from fer_core.images.codec import decode
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
decode(sys.stdin.buffer.read(), "x")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / 12_000_000)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, input=buffer.getvalue(), capture_output=True,
        check=True,
    )  # fmt: skip
    assert float(done.stdout) < 12  # bytes a pixel; the picture itself takes 3


def test_the_app_starts_clean_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import streamlit as st
    from streamlit import config

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    left = tmp_path / "temporary" / f"{temp_folders.PREFIX}killed" / "live-1"
    left.mkdir(parents=True)
    (left.parent / temp_folders.LOCK).touch()
    before = os.umask(0o022)
    most, errors = (config.get_option(f"{name}") for name in ("server.maxUploadSize", "client.showErrorDetails"))  # fmt: skip
    st.cache_resource.clear()
    try:
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
        assert not app.exception
        assert not left.parent.exists()
        assert config.get_option("server.maxUploadSize") == 50
        assert config.get_option("client.showErrorDetails") == "none"
        files.write_json(tmp_path / "mine.json", {})
        assert stat.S_IMODE((tmp_path / "mine.json").stat().st_mode) == 0o600
    finally:
        os.umask(before)
        config.set_option("server.maxUploadSize", most)
        config.set_option("client.showErrorDetails", errors)
        st.cache_resource.clear()


def test_other_sites_cannot_act_through_the_browser() -> None:
    import tomllib

    server = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["server"]
    assert server["enableCORS"] is True
    assert server["enableXsrfProtection"] is True


@pytest.mark.parametrize(
    ("words", "lets"),
    [
        ((), {"localhost:8501", "127.0.0.1:8501"}),
        (("HOSTS=fer.example",), {"fer.example"}),
        (("HOST=0.0.0.0",), {"localhost:8501", "127.0.0.1:8501", "fer.example", "evil.example"}),
    ],
)
def test_make_app_answers_to_its_own_names_alone(words: tuple[str, ...], lets: set[str]) -> None:
    from streamlit import config
    from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

    done = subprocess.run(
        ["make", "--dry-run", "app", *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    before = config.get_option("server.allowedHosts")
    config.set_option(
        "server.allowedHosts", re.findall(r"--server\.allowedHosts (\S+)", done.stdout)
    )
    try:
        hosts = ("localhost:8501", "127.0.0.1:8501", "fer.example", "evil.example")
        assert {one for one in hosts if is_host_allowed(one)} == lets
    finally:
        config.set_option("server.allowedHosts", before)


def pins(name: str) -> set[str]:
    return set(re.findall(r"^[\w.-]+==[\w.]+", (ROOT / name).read_text(), re.MULTILINE))


def test_the_lock_has_the_pins_of_the_dashboard_and_hashes_for_all() -> None:
    """``make lock`` writes it anew after a change of requirements.txt."""
    lower = {pin.lower() for pin in pins("requirements.lock")}
    assert {pin.lower() for pin in pins("requirements.txt")} <= lower
    entries = re.split(r"^(?=\w)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)[1:]
    assert len(entries) == len(lower) > 50
    assert all("--hash=sha256:" in entry for entry in entries)
