"""Damaged and hostile files: each ends in an answer or a ``FerError``, soon and within bounds.

``make test`` tries each reader for half a second; ``make stress`` for ten minutes (``--fuzz``).
"""

import io
import resource
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from fer_core.bulk import inputs
from fer_core.dataset import DatasetIndex, decisions, ferplus, groups, image_reading, vote_table
from fer_core.dataset.importers import ImportOptions, fer2013_csv, import_dataset, with_name
from fer_core.dataset.index import make_table
from fer_core.errors import DatasetError, FerError
from fer_core.images import codec, limits
from fer_core.models.importing.inspection import check_keras
from fer_core.system.yaml_files import fields_of
from fer_core.training import run_archive
from fer_core.training.config import TrainConfig
from fer_core.video.decoder import frames, probe
from tests.clips import make_clip

SLOWEST_S = 4.0
"""Of computing; 2 on a core with nothing else to do."""

MOST_BYTES = 1_500_000_000
"""How much higher the process's peak may be after all of it."""


def saved(kind: str, mode: str = "RGB", **options: object) -> bytes:
    random = np.random.default_rng(1)
    shape = (24, 32) if mode == "L" else (24, 32, 4 if mode == "RGBA" else 3)
    buffer = io.BytesIO()
    picture = Image.fromarray(random.integers(0, 256, shape, np.uint8), mode if mode else None)
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "TIFF")
    return buffer.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return buffer.getvalue()


GREY_PNG = saved("PNG", "L")
PICTURES = [
    saved("JPEG"), saved("JPEG", progressive=True), saved("PNG", "RGBA"), GREY_PNG, saved("WEBP"),
    saved("BMP"), saved("GIF", "L"), saved("TIFF"), saved("TIFF", compression="tiff_lzw"),
    tiff(np.full((24, 32), 40_000, np.uint16)), tiff(np.full((24, 32), 0.5, np.float32)),
]  # fmt: skip
VOTES = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
    "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0\nTraining,fer0000001.png,6,0,1,1,0,0,0,0,2,0\n"
)
ROW = " ".join(["70"] * 2304)
CSV = f"emotion,pixels,Usage\n0,{ROW},Training\n3,{ROW},PublicTest\n"
LAYER = b'{"module": "keras.layers", "class_name": "Dense", "config": {}, "registered_name": null}'
INDEX = DatasetIndex(
    Path("data"),
    make_table({"file": ["train/happy/fer0000000.png", "train/sad/fer0000001.png"],
                "split": ["train"] * 2, "label": ["happy", "sad"], "error": [""] * 2}),
    np.zeros((2, 16, 16), np.uint8),
)  # fmt: skip


def keras_file(folder: Path) -> bytes:
    return zipped({"config.json": LAYER, "metadata.json": b"{}", "model.weights.h5": bytes(99)})


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A good file in which some bytes were changed, cut out, put in or doubled."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        how = draw(st.integers(0, 4))
        if how == 0 and data:
            data[at] = draw(st.integers(0, 255))
        elif how == 1:
            data[at : at + draw(st.sampled_from([1, 4, 64]))] = b""
        elif how == 2:
            data[at:at] = draw(st.binary(max_size=12))
        elif how == 3:
            data[at : at + 4] = draw(
                st.sampled_from([b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff", b"\x80\0\0\0"])
            )
        else:
            data = data[:at]
    return bytes(data)


def read_picture(data: bytes, _: Path) -> None:
    rgb = codec.decode(data, "x")
    assert rgb.dtype == np.uint8
    assert rgb.shape[2:] == (3,)
    assert rgb.shape[0] * rgb.shape[1] <= limits.MAX_PIXELS


def read_dataset_picture(data: bytes, _: Path) -> None:
    image_reading.facts(image_reading.from_bytes(data, "x"))


def read_zip(data: bytes, folder: Path) -> None:
    options = ImportOptions("fuzzed", folder / "datasets")
    root = import_dataset(with_name(data, "fuzzed.zip"), options)
    assert root.parent == folder / "datasets"


def read_zip_of_photos(data: bytes, folder: Path) -> None:
    (folder / "x.zip").write_bytes(data)
    found = inputs.listing([str(folder / "x.zip")]).sources
    with inputs.ExitStack() as stack:
        opener = inputs.Opener(stack)
        for one in found:
            with suppress(FerError):
                opener.read(one)


def read_csv(data: bytes, folder: Path) -> None:
    options = ImportOptions("fuzzed", folder / "datasets")
    import_dataset(with_name(data, "fuzzed.csv"), options)


def read_votes(data: bytes, _: Path) -> None:
    table = vote_table.parse(data, "fer2013new.csv")
    if table is not None:
        ferplus.join(table, INDEX)


def read_decisions(data: bytes, _: Path) -> None:
    decisions.parse(data)


def read_config(data: bytes, _: Path) -> None:
    TrainConfig.from_dict(fields_of(data))


def read_network(data: bytes, folder: Path) -> None:
    (folder / "x.keras").write_bytes(data)
    check_keras(folder / "x.keras")


def read_run(data: bytes, _: Path) -> None:
    run_archive.import_run(io.BytesIO(data), "x.zip")


def read_video(data: bytes, folder: Path) -> None:
    (folder / "x.mp4").write_bytes(data)
    probe(folder / "x.mp4")
    for frame in frames(folder / "x.mp4"):
        assert frame.yuv.dtype == np.uint8


CONFIG = TrainConfig()
READERS: dict[str, tuple[Callable[[bytes, Path], None], Callable[[Path], list[bytes]]]] = {
    "pictures": (read_picture, lambda _: PICTURES),
    "dataset pictures": (read_dataset_picture, lambda _: [GREY_PNG, saved("PNG"), *PICTURES]),
    "dataset ZIP": (
        read_zip,
        lambda _: [zipped({"train/happy/a.png": GREY_PNG, "test/sad/b.png": GREY_PNG,
                           "fer2013new.csv": VOTES.encode()})],
    ),
    "ZIP of photos": (read_zip_of_photos, lambda _: [zipped({"a.png": GREY_PNG, "b/c.jpg": b"x"})]),
    "fer2013.csv": (read_csv, lambda _: [CSV.encode()]),
    "votes": (read_votes, lambda _: [VOTES.encode()]),
    "decisions": (read_decisions, lambda _: [b"file,given,action,label,reason\na.png,happy,relabel,sad,label\n"]),
    "config": (read_config, lambda folder: [saved_config(folder), b"a: &a [1]\nb: [*a, *a]\n"]),
    "network": (read_network, lambda folder: [keras_file(folder)]),
    # without a network, which would be opened in another process, for seconds each
    "run": (read_run, lambda folder: [zipped({"r/config.yaml": saved_config(folder)})]),
    "video": (read_video, lambda folder: [make_clip(folder / "good.mp4", frames=4).read_bytes()]),
}  # fmt: skip


def saved_config(folder: Path) -> bytes:
    CONFIG.save(folder / "config.yaml")
    return (folder / "config.yaml").read_bytes()


def peak_bytes() -> int:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_a_chunk_that_says_it_has_4_gb_gets_none() -> None:
    data, before = bytearray(saved("PNG")), peak_bytes()
    at = data.index(b"IDAT")
    data[at - 4 : at] = b"\xff" * 4
    assert image_reading.from_bytes(bytes(data), "x.png").shape == (24, 32, 3)
    assert peak_bytes() - before < 100_000_000


@pytest.mark.parametrize(
    "data",
    [
        b"," * 300_000 + b"\n",
        b"file,group\n" + b"," * 300_000 + b"\n",
        b'"a\n",' + b'"\n",' * 150_000 + b"\n",
        b'\xef\xbb\xbf\xef\xbb\xbf"a\n' + b",\n" * 300_000 + b'"',
        b"file,group" + b",x" * 4_000 + (b"\na,b" + b"," * 8_000) * 200,
    ],
    ids=["header", "first row", "rows in quotes", "two marks", "columns nobody wants"],
)
def test_many_columns_cost_neither_memory_nor_time(data: bytes) -> None:
    before, start = peak_bytes(), time.process_time()
    with suppress(DatasetError):
        vote_table.parse(data, "labels.csv")
    with suppress(DatasetError):
        groups.from_bytes(data, "labels.csv", INDEX)
    with suppress(DatasetError):
        decisions.parse(data)
    with suppress(DatasetError):
        list(fer2013_csv.rows(io.StringIO(data.decode(errors="replace"))))
    assert peak_bytes() - before < 150_000_000
    assert time.process_time() - start < SLOWEST_S


@pytest.mark.parametrize("what", READERS)
def test_damaged_files_end_in_an_answer(
    what: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    read, make = READERS[what]
    seeds = make(tmp_path)
    end = time.monotonic() + pytestconfig.getoption("fuzz")
    before = peak_bytes()
    tried = 0

    @settings(
        max_examples=200, deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(data=damaged(seeds))
    def try_one(data: bytes) -> None:
        nonlocal tried
        if tried > 20 and time.monotonic() > end:
            return
        began = time.process_time()
        with suppress(FerError):
            read(data, tmp_path)
        assert time.process_time() - began < SLOWEST_S
        tried += 1

    while tried <= 20 or time.monotonic() < end:
        try_one()
    grown = peak_bytes() - before
    assert grown < MOST_BYTES, f"{grown / 1e6:,.0f} MB more after {tried:,} files"
