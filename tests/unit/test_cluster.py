"""Classifying on a Ray cluster of two nodes: the rows of one machine, whatever dies on the way."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer_core import bulk
from fer_core.bulk import inputs
from fer_core.cli.main import main
from fer_core.cluster import bulk as cluster_bulk
from fer_core.cluster import connection, result_folder
from fer_core.cluster.connection import ClusterError
from fer_core.errors import CancelledError, DatasetError, FerError, JobError
from fer_core.images.codec import encode
from fer_core.models.card import ModelCard
from fer_core.recognition.pool import RecognizerPool
from fer_core.recognition.results import RESULT_COLUMNS
from fer_core.system.jobs import process_lock
from tests.clips import face_picture, make_clip, wall
from tests.conftest import ROOT, environment_of_tests

pytest.importorskip("ray", reason="no Ray; install it: pip install -r requirements-cluster.txt")


@pytest.fixture(scope="module")
def two_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """Two nodes of a core each on this machine, and this process connected to them."""
    ray = connection.load()
    from ray.cluster_utils import Cluster

    before = dict(os.environ)
    os.environ.update(environment_of_tests(tmp_path_factory.mktemp("cluster")))
    node = {"num_cpus": 1, "object_store_memory": 100_000_000}
    quick = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500,
             "health_check_timeout_ms": 1000, "health_check_failure_threshold": 4}  # fmt: skip
    head = {**node, "include_dashboard": False, "_system_config": connection.SYSTEM | quick}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.add_node(**node)
    try:
        with connection.connected(cluster.address):
            yield cluster
    finally:
        cluster.shutdown()
        os.environ.clear()
        os.environ.update(before)
    assert not ray.is_initialized()


@pytest.fixture
def pool() -> RecognizerPool:
    return RecognizerPool(1)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    place.mkdir()
    data = [encode(face_picture(number)) for number in range(4)]
    for number in range(40):
        (place / f"{number:02}.jpg").write_bytes(data[number % 4])
    (place / "bad.jpg").write_bytes(b"text")
    (place / "wall.png").write_bytes(encode(wall(0), ".png"))
    return place


@pytest.fixture(autouse=True)
def small_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_folder, "MIN_FILES", 3)


def local(named: list[str], pool: RecognizerPool, target: Path) -> pd.DataFrame:
    bulk.classify(named, pool, [target])
    return pd.read_parquet(target)


def on_progress(act: Callable[[], object], after: float = 0) -> Callable[[float, float, str], None]:
    """A report that calls ``act`` once, when more than ``after`` files are done."""
    done = []

    def report(count: float, _total: float, _note: str) -> None:
        if count > after and not done:
            done.append(count)
            act()

    return report


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "Nothing answers at 127.0.0.1:1"),
        ("127.0.0.1:{port}", "not the head of a Ray cluster"),
        ("cluster", "--address needs host:port"),
        ("ray://10.0.0.5:10001", "--address needs host:port"),
    ],
    ids=["nobody", "another program", "no port", "client"],
)
def test_a_wrong_address_is_told_within_10_seconds(
    address: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.load()
    assert connection.REACH_S + connection.ANSWER_S < 9
    monkeypatch.setattr(connection, "ANSWER_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = address.replace("{port}", str(other.getsockname()[1]))
        began = time.monotonic()
        with pytest.raises(ClusterError, match=message), connection.connected(address):
            pass
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--engine", "ray", "--out", "out.parquet"], "writes a folder, not a file"),
        (["--engine", "ray", "--out", "a", "--out", "b"], "give one --out"),
        (["--engine", "ray", "--out", "out", "--annotated", "c"], "by the local engine alone"),
        (["--out", "s3://bucket/out"], "Only --engine ray writes to an address"),
        (["--out", "a.csv", "--address", "auto"], "--address needs --engine ray"),
    ],
)
def test_options_that_do_not_fit(
    more: list[str], message: str, photos: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["classify", str(photos), *more]) == 2
    assert message in capsys.readouterr().err


def test_without_ray_the_command_says_what_to_install(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    out = tmp_path / "out"
    assert main(["classify", str(photos), "--engine", "ray", "--out", str(out)]) == 2
    assert "pip install -r requirements-cluster.txt" in capsys.readouterr().err
    assert not out.exists()


def test_a_folder_with_other_files_is_refused(
    photos: Path, tmp_path: Path, pool: RecognizerPool
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "part-mine.parquet").write_bytes(b"mine")
    with pytest.raises(FerError, match="not empty"):
        cluster_bulk.classify([str(photos)], pool, str(out))
    with pytest.raises(FerError, match="not empty"):
        cluster_bulk.classify([str(photos)], pool, str(out), bulk.Options(restart=True))
    assert [file.name for file in out.iterdir()] == ["part-mine.parquet"]
    lock = tmp_path / "out.lock" / "owner.json"
    process_lock.write(lock, process_lock.Owner.of(os.getppid()))
    with pytest.raises(JobError, match="by another process"):
        cluster_bulk.classify([str(photos)], pool, str(out))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ftp://there/photos", "addresses begin with"),
        ("s3://key:secret@bucket/photos", "keys do not belong in an address"),
        ("file:///no/such/folder", "cannot be listed"),
        ("texts.parquet", "needs a column called path"),
        ("numbers.parquet", "needs a column called path"),
        ("broken.parquet", "cannot be read as Parquet"),
    ],
)
def test_addresses_and_lists_that_do_not_fit(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.table({"file": ["a.jpg"]}), "texts.parquet")
    pq.write_table(pa.table({"path": [1]}), "numbers.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"text")
    with pytest.raises(DatasetError, match=message):
        inputs.listing([name])


def test_a_long_list_goes_into_several_files_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result_folder, "SHARES_A_FILE", 4)
    found = [inputs.Source(f"{n}.jpg", tmp_path / f"{n}.jpg") for n in range(40)]
    found.insert(10, inputs.Source("a.mp4", tmp_path / "a.mp4"))
    place = result_folder.Folder(str(tmp_path / "out"))
    place.add_inputs(found)
    more = inputs.Source("more.jpg", Path("more.jpg"), "member", "s3://bucket")
    place.add_inputs([*found, more])
    assert place.sizes() == {
        **dict.fromkeys((0, 1, 2), 3),
        3: 1,
        4: 1,
        **dict.fromkeys(range(5, 15), 3),
        15: 1,
    }
    every = [source for share in range(16) for source in place.inputs(share)]
    assert every == [*found, more]
    assert len(list((tmp_path / "out").glob("_inputs-*"))) == 5


def test_a_path_typed_in_one_folder_is_found_from_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stored = inputs.Source("s3://bucket/b.jpg", Path("bucket/b.jpg"), store="s3://bucket")
    place = result_folder.Folder("out")
    place.add_inputs([inputs.Source("a.jpg", Path("a.jpg")), stored])
    assert place.inputs(0) == [inputs.Source("a.jpg", tmp_path / "a.jpg"), stored]


def test_every_kind_of_input_gives_the_rows_of_the_local_engine(
    two_nodes, photos: Path, tmp_path: Path, pool: RecognizerPool
) -> None:
    make_clip(photos / "clip.mp4", 10)
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", photos)
    stored = tmp_path / "a store"
    stored.mkdir()
    for number in range(5):
        shutil.copy(photos / f"{number:02}.jpg", stored / f"{number}.jpg")
    paths = [str(photos / "07.jpg"), (stored / "3.jpg").as_uri()]
    pq.write_table(pa.table({"path": paths}), tmp_path / "list.parquet")
    named = [str(photos), archive, stored.as_uri(), str(tmp_path / "list.parquet")]
    expected = local(named, pool, tmp_path / "local.parquet")
    heard: list[tuple[float, float]] = []
    counts = cluster_bulk.classify(
        named, pool, str(tmp_path / "out"), report=lambda *now: heard.append(now[:2])
    )
    found = pd.read_parquet(tmp_path / "out")
    assert tuple(found.columns) == RESULT_COLUMNS
    pd.testing.assert_frame_equal(found, expected)
    faces, rows = len(expected.dropna(subset="x1")), len(expected)
    notice = "1 file was passed over; only images and videos are read: 1 .mp4 in a ZIP."
    assert counts == result_folder.Counts(90, faces, rows, errors=2, notice=notice)
    assert len(list((tmp_path / "out").glob("part-*.parquet"))) > 20
    wrong = pd.read_csv(tmp_path / "out" / "_errors.csv")
    assert [Path(one).name for one in wrong.source] == ["bad.jpg", "bad.jpg"]
    assert wrong.error.str.contains("not an image").all()
    assert heard[0] == (0, 90)
    assert heard[-1] == (90, 90)


def members() -> list[psutil.Process]:
    every = psutil.Process().children(recursive=True)
    return [one for one in every if "ShareReader" in "".join(one.cmdline()[:1])]


def test_a_member_killed_and_a_node_removed_in_the_middle_cost_nothing(
    two_nodes, photos: Path, tmp_path: Path, pool: RecognizerPool
) -> None:
    expected = local([str(photos)], pool, tmp_path / "local.parquet")
    node = next(iter(two_nodes.worker_nodes))
    gone: list[object] = []

    def kill() -> None:
        gone.append(members()[0])
        gone[0].send_signal(signal.SIGKILL)

    def remove() -> None:
        two_nodes.remove_node(node, allow_graceful=False)
        gone.append(node)

    first, later = on_progress(kill), on_progress(remove, after=len(expected) // 3)

    def report(*now) -> None:
        first(*now)
        later(*now)

    counts = cluster_bulk.classify([str(photos)], pool, str(tmp_path / "out"), report=report)
    assert len(gone) == 2
    assert counts.files == 42
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out"), expected)


def test_it_goes_on_where_it_was_stopped_and_reads_what_came_later(
    two_nodes, photos: Path, tmp_path: Path, pool: RecognizerPool
) -> None:
    out = tmp_path / "out"

    def stop() -> None:
        raise CancelledError("Cancelled.")

    with pytest.raises(CancelledError):
        cluster_bulk.classify([str(photos)], pool, str(out), report=on_progress(stop, after=9))
    before = {file.name: file.stat().st_mtime_ns for file in out.glob("part-*.parquet")}
    assert 3 <= len(before) < 14
    expected = local([str(photos)], pool, tmp_path / "local.parquet")
    (photos / "00new.jpg").write_bytes(encode(face_picture(2)))
    counts = cluster_bulk.classify([str(photos)], pool, str(out))
    found = pd.read_parquet(out)
    pd.testing.assert_frame_equal(found[: len(expected)], expected)
    assert [Path(one).name for one in found.source[len(expected) :].unique()] == ["00new.jpg"]
    assert counts.files == 43
    now = {file.name: file.stat().st_mtime_ns for file in out.glob("part-*.parquet")}
    assert before.items() <= now.items()
    with pytest.raises(FerError, match=r"another job .different: crop"):
        cluster_bulk.classify([str(photos)], pool, str(out), bulk.Options(is_crop=True))


def test_an_error_that_a_member_meets_ends_the_job(
    two_nodes, photos: Path, tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelCard, "network_digest", lambda card: "of another network")
    with pytest.raises(FerError, match="this machine has another network"):
        cluster_bulk.classify([str(photos)], pool, str(tmp_path / "out"))


OTHER_VERSION = """
import sys, ray
ray.__version__ = "1.0.0"
from fer_core.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_another_version_of_ray_is_told(two_nodes, photos: Path, tmp_path: Path) -> None:
    arguments = ["classify", str(photos), "--engine", "ray", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", OTHER_VERSION, *arguments, "--address", two_nodes.address],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "Version mismatch" in done.stderr
    assert "need the same versions of Ray and Python" in done.stderr


def test_a_name_that_is_not_utf_8_does_not_end_the_job(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"\xff.jpg")
    odd.write_bytes(b"")
    place = result_folder.Folder(str(tmp_path / "out"))
    place.add_inputs(inputs.listing([str(tmp_path)], tmp_path).sources)
    (source,) = place.inputs(0)
    assert source.name == r"\udcff.jpg"
