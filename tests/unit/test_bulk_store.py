"""The store of a bulk job loses and mixes no rows: kills, damage, and files that change."""

import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer_core import bulk
from fer_core.bulk import checkpoint, inputs, run, video_job
from fer_core.bulk.checkpoint import Checkpoint, Parts
from fer_core.bulk.plan import plan
from fer_core.cli.main import main
from fer_core.errors import CancelledError, FerError
from fer_core.images.codec import encode
from fer_core.recognition.pool import RecognizerPool
from fer_core.recognition.results import Origin, error_row
from tests.clips import decoded, face_picture, make_clip, wall
from tests.conftest import ROOT
from tests.unit.test_bulk_stops import stop_after


def rows(*names: str) -> list[dict]:
    return [error_row(Origin(name), FerError("x")) for name in names]


def sources(parts: Parts) -> list[str]:
    return sorted(str(name) for table in parts.tables() for name in table["source"])


def add(parts: Parts, *names: str, fingerprint: str = "1") -> None:
    parts.add(rows(*names), Checkpoint(dict.fromkeys(names, fingerprint)))


KILLED_DELETION = """
import os, signal, sys
from pathlib import Path
from fer_core.bulk.checkpoint import Parts
unlink, removed = Path.unlink, []
def counting(self, *arguments, **options):
    removed.append(self)
    if len(removed) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return unlink(self, *arguments, **options)
Path.unlink = counting
Parts(Path(sys.argv[1]), {"job": "A"}).delete()
"""


@pytest.mark.parametrize("kill_at", [1, 3, 6, 7])
def test_a_kill_while_parts_are_removed_leaves_nothing_to_another_job(
    tmp_path: Path, kill_at: int
) -> None:
    folder = tmp_path / "out.csv.parts"
    parts = Parts(folder, {"job": "A"})
    for number in range(6):
        add(parts, f"A{number}.jpg")
    command = [sys.executable, "-c", KILLED_DELETION, str(folder), str(kill_at)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    with pytest.raises(FerError, match="half of another job"):
        Parts(folder, {"job": "B"})
    again = Parts(folder, {"job": "A"})
    assert len(again.finished()) == 7 - kill_at
    add(again, "new.jpg")  # takes the place of no part that is there
    assert len(sources(again)) == 8 - kill_at
    other = Parts(folder, {"job": "B"}, restart=True)
    add(other, "B.jpg")
    assert sources(other) == ["B.jpg"]


def test_parts_without_a_plan_are_taken_by_no_job(tmp_path: Path) -> None:
    add(Parts(tmp_path, {"job": "A"}), "A.jpg")
    (tmp_path / checkpoint.PLAN).unlink()  # as version 0.1 left them when it was killed
    with pytest.raises(FerError, match=r"without their plan\.json\. Use --restart"):
        Parts(tmp_path, {"job": "A"})


def test_a_newer_plan_is_refused(tmp_path: Path) -> None:
    Parts(tmp_path, {"job": "A"})
    file = tmp_path / checkpoint.PLAN
    file.write_text(file.read_text().replace('"version": 2', '"version": 3'))
    with pytest.raises(FerError, match="newer version of FER Studio"):
        Parts(tmp_path, {"job": "A"})
    file.write_text('{"version": "x"}')
    with pytest.raises(FerError, match=r"plan\.json is damaged\. Use --restart"):
        Parts(tmp_path, {"job": "A"})


@pytest.mark.parametrize("damage", ["cut", "empty", "changed", "gone"])
def test_sources_of_a_damaged_part_are_read_again(tmp_path: Path, damage: str) -> None:
    parts = Parts(tmp_path, {"job": "A"})
    for name in "abc":
        add(parts, name)
    file = sorted(tmp_path.glob("000001-*.parquet"))[0]
    data = file.read_bytes()
    changed = {"cut": data[:500], "empty": b"", "changed": data[:-1] + bytes([data[-1] ^ 1])}
    file.unlink() if damage == "gone" else file.write_bytes(changed[damage])
    again = Parts(tmp_path, {"job": "A"})
    assert set(again.finished()) == {"a", "c"}
    add(again, "b")
    assert sources(Parts(tmp_path, {"job": "A"})) == ["a", "b", "c"]


def test_a_part_that_is_cut_at_any_place_is_read_again(tmp_path: Path) -> None:
    parts = Parts(tmp_path, {"job": "A"})
    add(parts, "a")
    add(parts, "b")
    file = next(tmp_path.glob("000001-*.parquet"))
    data = file.read_bytes()
    for length in (*range(0, len(data), len(data) // 20), len(data) - 1):
        file.write_bytes(data[:length])
        assert set(Parts(tmp_path, {"job": "A"}).finished()) == {"a"}
        assert not file.exists()


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_part_that_is_damaged_while_the_job_runs_ends_it(tmp_path: Path, damage: str) -> None:
    parts = Parts(tmp_path, {"job": "A"})
    for name in "abc":
        add(parts, name)
    file = next(tmp_path.glob("000001-*.parquet"))
    data = file.read_bytes()
    changed = {"cut": data[:-9], "changed": data[:99] + bytes([data[99] ^ 1]) + data[100:]}
    file.unlink() if damage == "gone" else file.write_bytes(changed[damage])
    with pytest.raises(FerError, match=r"removed or changed while the job ran.*same command again"):
        list(parts.tables())
    assert set(Parts(tmp_path, {"job": "A"}).finished()) == {"a", "c"}


def test_a_part_that_vanishes_from_the_middle_of_a_running_job(
    photos: Path, tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PHOTOS_A_PART", 2)
    target, parts = tmp_path / "t.csv", tmp_path / "t.csv.parts"

    def remove(done: float, total: float, note: str) -> None:
        if note == "Writing the tables":
            next(parts.glob("000001-*.parquet")).unlink()

    with pytest.raises(FerError, match="removed or changed while the job ran"):
        bulk.classify([str(photos)], pool, [target], report=remove)
    assert not target.exists()
    bulk.classify([str(photos)], pool, [target])
    bulk.classify([str(photos)], pool, [tmp_path / "fresh.csv"])
    again = pd.read_csv(target).sort_values("source", ignore_index=True)
    fresh = pd.read_csv(tmp_path / "fresh.csv").sort_values("source", ignore_index=True)
    pd.testing.assert_frame_equal(again, fresh)


def test_a_damaged_part_of_version_0_1_names_the_way_out(tmp_path: Path) -> None:
    Parts(tmp_path, {"job": "A"})
    (tmp_path / "000000.parquet").write_bytes(b"PAR1")
    with pytest.raises(FerError, match=r"000000\.parquet is damaged\. Use --restart"):
        Parts(tmp_path, {"job": "A"})


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_video_of_which_a_part_is_lost_is_read_anew(tmp_path: Path, lost: int) -> None:
    parts = Parts(tmp_path, {"job": "A"})
    add(parts, "photo")
    for number in range(3):
        finished = {"video": "1"} if number == 2 else {}
        parts.add(rows("video"), Checkpoint(finished, "video", "1", number))
    (tmp_path / "piece-000000-0.nut").touch()
    sorted(tmp_path.glob("0*.parquet"))[1 + lost].unlink()
    again = Parts(tmp_path, {"job": "A"})
    half = again.half_read()
    if lost == 2:  # its beginning is whole
        assert half is not None
        assert (half.video, half.number) == ("video", 1)
    else:
        assert half is None
        assert not list(tmp_path.glob("*.nut"))
        assert sources(again) == ["photo"]


def test_hidden_halves_are_swept(tmp_path: Path) -> None:
    Parts(tmp_path, {"job": "A"})
    half = tmp_path / f".000000-0123456789abcdef.parquet-{'0' * 16}"
    half.write_bytes(b"PAR1")
    Parts(tmp_path, {"job": "A"})
    assert not half.exists()


def stopped_job(
    folder: Path, pool: RecognizerPool, target: Path, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PHOTOS_A_PART", 1)
    monkeypatch.setattr(video_job, "SHOTS_A_PART", 4)
    with pytest.raises(CancelledError):
        bulk.classify([str(folder)], pool, [target], report=stop_after(calls))


@pytest.mark.parametrize("kind", ["other frames", "same size and time"])
def test_a_video_that_is_replaced_between_two_calls_is_read_anew(
    tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    folder, target = tmp_path / "in", tmp_path / "t.csv"
    folder.mkdir()
    clip = make_clip(folder / "x.mp4", 21)
    facts = clip.stat()
    stopped_job(folder, pool, target, 10, monkeypatch)
    if kind == "other frames":
        make_clip(clip, 13, picture=wall)
    else:
        data = bytearray(clip.read_bytes())
        data[-1] ^= 1
        clip.write_bytes(bytes(data))
        os.utime(clip, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        assert clip.stat().st_size == facts.st_size
    bulk.classify([str(folder)], pool, [target])
    bulk.classify([str(folder)], pool, [tmp_path / "fresh.csv"])
    pd.testing.assert_frame_equal(pd.read_csv(target), pd.read_csv(tmp_path / "fresh.csv"))


def test_photos_and_zips_that_are_replaced_are_read_anew(
    photos: Path, tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "t.csv"
    stopped_job(photos, pool, target, 6, monkeypatch)
    (photos / "1.jpg").write_bytes(encode(wall(0)))
    (photos / "bad.jpg").write_bytes(encode(face_picture(0)))
    bulk.classify([str(photos)], pool, [target])
    table = pd.read_csv(target)
    assert table["source"].is_unique
    assert len(table) == 8
    row = table[table["source"].str.endswith("/1.jpg")].iloc[0]
    assert pd.isna(row["emotion"])
    assert table["error"].isna().all()


def test_a_zip_that_is_replaced_between_two_calls_is_read_anew(
    tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, target = tmp_path / "in.zip", tmp_path / "t.csv"
    pack(archive, a=face_picture(0), b=face_picture(1), c=face_picture(2))
    stopped_job(archive, pool, target, 3, monkeypatch)
    pack(archive, a=wall(0), b=face_picture(1), d=face_picture(2))
    summary = bulk.classify([str(archive)], pool, [target])
    table = pd.read_csv(target)
    empty = dict(zip(table["source"].str[-5:], table["x1"].isna(), strict=True))
    assert empty == {"a.png": True, "b.png": False, "d.png": False}
    assert summary.notice == (
        "No rows of 1 file that an earlier call has read and that is no longer among the inputs, "
        f"such as {archive}/c.png."
    )


def pack(archive: Path, **images: np.ndarray) -> None:
    with zipfile.ZipFile(archive, "w") as packed:
        for name, image in images.items():
            packed.writestr(f"{name}.png", encode(image, ".png"))


def test_a_list_that_is_replaced_between_two_calls_gives_no_rows_of_the_first(
    photos: Path, tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, target = tmp_path / "list.parquet", tmp_path / "t.csv"
    pq.write_table(pa.table({"path": [str(photos / f"{n}.jpg") for n in range(4)]}), names)
    stopped_job(names, pool, target, 3, monkeypatch)
    pq.write_table(pa.table({"path": [str(photos / f"{n}.jpg") for n in (2, 5)]}), names)
    summary = bulk.classify([str(names)], pool, [target])
    assert [Path(name).name for name in pd.read_csv(target)["source"]] == ["2.jpg", "5.jpg"]
    assert summary.files == 2
    assert summary.notice.startswith("No rows of 2 files that an earlier call has read")


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_video_of_which_a_piece_is_lost_is_read_anew(
    tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    """The annotated copy is made of pieces: it must not end early or stop the job for ever."""
    monkeypatch.setattr(video_job, "SHOTS_A_PART", 4)
    clip, copies = make_clip(tmp_path / "x.mp4", 14), tmp_path / "copies"
    options, folder = bulk.Options(annotated=copies), tmp_path / "t.csv.parts"

    def harm() -> None:
        piece = sorted(folder.glob("piece-000001-*.nut"))[0]
        piece.unlink() if damage == "gone" else piece.write_bytes(piece.read_bytes()[:-99])

    with pytest.raises(CancelledError):
        bulk.classify([str(clip)], pool, [tmp_path / "t.csv"], options, stop_after(10))
    harm()
    calls = [0]

    def harm_late(*_: object) -> None:
        calls[0] += 1
        if calls[0] == 14:
            harm()

    with pytest.raises(FerError, match=r"a piece of x\.mp4 was removed or changed"):
        bulk.classify([str(clip)], pool, [tmp_path / "t.csv"], options, harm_late)
    assert calls[0] == 14, "it was not read anew"
    bulk.classify([str(clip)], pool, [tmp_path / "t.csv"], options)
    assert len(decoded(copies / "x.mp4")) == 14
    assert pd.read_csv(tmp_path / "t.csv")["frame"].tolist() == list(range(1, 15))


def test_a_finished_video_that_changes_leaves_the_pieces_of_the_half_read_one(
    tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_job, "SHOTS_A_PART", 4)
    folder, copies = tmp_path / "in", tmp_path / "copies"
    folder.mkdir()
    for name in "abc":
        make_clip(folder / f"{name}.mp4", 14)
    options = bulk.Options(annotated=copies)
    with pytest.raises(CancelledError):
        bulk.classify([str(folder)], pool, [tmp_path / "t.csv"], options, stop_after(38))
    make_clip(folder / "a.mp4", 9, picture=wall)
    (copies / "b.mp4").unlink()
    bulk.classify([str(folder)], pool, [tmp_path / "t.csv"], options)
    assert [len(decoded(copies / f"{name}.mp4")) for name in "abc"] == [9, 14, 14]
    assert pd.read_csv(tmp_path / "t.csv")["source"].str[-5].value_counts().to_dict() == {
        "a": 9, "b": 14, "c": 14,
    }  # fmt: skip


def test_a_video_that_changes_while_it_is_read_is_told(
    tmp_path: Path, pool: RecognizerPool
) -> None:
    clip = make_clip(tmp_path / "x.mkv", 30)

    def grow(done: float, total: float, note: str) -> None:
        if 5 < done < 7:
            with clip.open("ab") as file:
                file.write(bytes(100))

    summary = bulk.classify([str(clip)], pool, [tmp_path / "t.csv"], report=grow)
    assert summary.errors == 1
    assert "changed while it was read" in pd.read_csv(summary.error_file).error[0]


def test_copies_of_videos_with_the_same_name_stay_apart_when_a_third_comes(
    tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = bulk.Options(annotated=tmp_path / "copies")
    for name in ("b", "c"):
        (tmp_path / "in" / name).mkdir(parents=True)
        make_clip(tmp_path / "in" / name / "x.mp4", 5)
    with pytest.raises(CancelledError):
        bulk.classify([str(tmp_path / "in")], pool, [tmp_path / "t.csv"], options, stop_after(7))
    (tmp_path / "in" / "a").mkdir()
    make_clip(tmp_path / "in" / "a" / "x.mp4", 5, picture=wall)
    bulk.classify([str(tmp_path / "in")], pool, [tmp_path / "t.csv"], options)
    names = sorted(file.name for file in (tmp_path / "copies").iterdir())
    assert names == ["x-2.mp4", "x-3.mp4", "x.mp4"]


def test_a_table_of_errors_belongs_to_its_table(tmp_path: Path, pool: RecognizerPool) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"x")
    (tmp_path / "good.png").write_bytes(encode(np.zeros((48, 48, 3), np.uint8), ".png"))
    first = bulk.classify([str(tmp_path / "bad.jpg")], pool, [tmp_path / "r.csv"])
    for suffix in ("json", "parquet"):
        second = bulk.classify([str(tmp_path / "good.png")], pool, [tmp_path / f"r.{suffix}"])
        assert not second.error_file.exists()
    assert first.error_file.exists()
    both = [tmp_path / "s.csv", tmp_path / "r.csv"]
    bulk.classify([str(tmp_path / "good.png")], pool, both)
    assert not first.error_file.exists()  # its table has been replaced
    with pytest.raises(FerError, match=r"the table of errors of s\.csv has this name"):
        bulk.classify([str(tmp_path / "good.png")], pool, [tmp_path / "s.csv.errors.csv"])


def test_nothing_is_written_where_a_file_has_no_rows(
    photos: Path, tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_batches", lambda photos, on_photo: iter([list(photos)[:-1]]))
    with pytest.raises(FerError, match="1 of 8 files have no rows"):
        bulk.classify([str(photos)], pool, [tmp_path / "t.csv"])
    assert not (tmp_path / "t.csv").exists()


KILLED_WRITE = """
import os, signal, sys
from pathlib import Path
replace = Path.replace
def replacing(self, target):
    if Path(target).name.startswith(sys.argv[1]):
        if (sign := int(sys.argv[2])) != signal.SIGKILL:
            signal.signal(sign, signal.SIG_DFL)  # nohup has it ignored
        os.kill(os.getpid(), sign)
    return replace(self, target)
Path.replace = replacing
from fer_core.cli.main import main
main(sys.argv[3:])
"""


@pytest.mark.parametrize(
    ("file", "sign"),
    [("000000-", signal.SIGKILL), ("plan.json", signal.SIGTERM), ("t.csv", signal.SIGABRT),
     ("t.csv.errors.csv", signal.SIGHUP)],
)  # fmt: skip
def test_a_kill_while_a_file_is_written_leaves_nothing(
    photos: Path, tmp_path: Path, pool: RecognizerPool, file: str, sign: signal.Signals
) -> None:
    target = tmp_path / "t.csv"
    command = ["classify", str(photos), "--out", str(target), "--workers", "1"]
    script = [sys.executable, "-c", KILLED_WRITE, file, str(int(sign)), *command]
    assert (
        subprocess.run([*script, "--detector", "haar"], cwd=ROOT, check=False).returncode == -sign
    )
    decided = dict(plan([str(photos)], pool, bulk.Options()))
    bulk.classify(
        [str(photos)], pool, [target], bulk.Options(restart=decided["detector"] != "haar")
    )
    entries = {entry.name for entry in tmp_path.iterdir() if entry != photos}
    assert entries - {"home", "cache"} == {"t.csv", "t.csv.errors.csv"}


def test_a_kind_that_is_passed_over_sends_no_control_code_to_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.\x1b[31m").write_bytes(b"text")
    (tmp_path / "in" / "wall.png").write_bytes(encode(wall(0), ".png"))
    assert main(["classify", str(tmp_path / "in"), "--out", str(tmp_path / "t.csv")]) == 0
    assert r"1 .\x1b[31m" in capfd.readouterr().err


def test_what_a_folder_listing_passes_over_is_counted(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    make_clip(tmp_path / "00001.MTS", 3)
    (tmp_path / "noname").write_bytes(encode(wall(0)))
    for folder in (".thumbnails", "__MACOSX", "deep/.trash"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes(encode(wall(0)))
    (tmp_path / ".trashed-1-x.jpg").write_bytes(encode(wall(0)))
    for name in ("a.txt", "b.TXT", "deep/c.csv", "._x.jpg", ".DS_Store", "README"):
        (tmp_path / name).write_bytes(b"text")
    found = inputs.listing([str(tmp_path)])
    assert [source.path.name for source in found.sources] == ["00001.MTS", "noname"]
    assert [source.is_video for source in found.sources] == [True, False]
    assert found.passed_over == {".txt": 2, ".csv": 1, "hidden or of the system": 6,
                                 "without a suffix": 1}  # fmt: skip
    assert found.notice.startswith(
        "10 files were passed over; only images and videos are read: 6 hid"
    )


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "avi", "ts", "m2ts", "mpg", "flv", "mov", "asf"])
def test_a_video_of_an_unknown_suffix_counts_by_its_content(tmp_path: Path, suffix: str) -> None:
    codec = "mpeg4" if suffix in {"avi", "asf"} else "libx264"
    clip = make_clip(tmp_path / f"x.{suffix}", 12, codec=codec)
    file = clip.rename(tmp_path / "x.rec")
    assert inputs.Source("x.rec", file).is_video
    assert inputs.is_media(file)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_an_image_of_an_unknown_suffix_counts_by_its_content(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "x.rec").write_bytes(encode(wall(0), suffix))
    assert not inputs.Source("x.rec", tmp_path / "x.rec").is_video
    assert inputs.is_media(tmp_path / "x.rec")


@pytest.mark.parametrize("data", [b"", b"text", b"%PDF-1.7", b"PK\x03\x04", bytes(400)])
def test_other_content_is_neither(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.rec").write_bytes(data)
    assert not inputs.is_media(tmp_path / "x.rec")
