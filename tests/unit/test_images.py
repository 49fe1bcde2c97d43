import io
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageFile, ImageOps

from fer_core.errors import ImageError
from fer_core.images import codec, formats, limits
from fer_core.images.boxes import Box
from fer_core.images.crop import face_crop, network_input, shrink, whole_face
from tests.conftest import ROOT

RED = (255, 0, 0)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def declared_png(width: int, height: int) -> bytes:
    """A PNG that only claims its size: its pixels are missing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    check = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(header)) + b"IHDR" + header + check
    return start + struct.pack(">I", 100) + b"IDAT"


def far_tiff() -> bytes:
    """A TIFF that says its pixels begin at byte 2**64 - 1."""
    data = encoded(Image.new("RGB", (8, 6), RED), "TIFF")
    strips = data.index(struct.pack("<HHI", 273, 4, 1))
    return (
        data[:strips] + struct.pack("<HHII", 273, 16, 1, len(data)) + data[strips + 12 :]
        + b"\xff" * 8
    )  # fmt: skip


JPEG = encoded(Image.new("RGB", (64, 48), RED), "JPEG")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"this is text, not a photo", "not an image"),
        (JPEG[: len(JPEG) // 2], "damaged"),
        (JPEG[:20], "(damaged|not an image)"),
        (encoded(Image.new("RGB", (64, 48)), "PNG")[:60], "damaged"),
        (far_tiff(), "damaged"),
        (declared_png(20_000, 20_000), "too large"),
        (declared_png(8_000, 7_000), "8,000×7,000 pixels are too large"),
        (declared_png(40_000, 20), "40,000×20 pixels are too large"),
        (b"%PDF-1.7 something", "not an image"),
    ],
    ids=[
        "empty",
        "text",
        "half-jpeg",
        "jpeg-head",
        "half-png",
        "far-tiff",
        "huge",
        "over-limit",
        "long",
        "pdf",
    ],
)
def test_bad_files_are_named_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=f"^holiday.jpg: .*({message})"):
        codec.decode(data, "holiday.jpg")


@pytest.mark.parametrize(
    ("picture", "kind", "expected"),
    [
        (Image.new("RGB", (8, 6), RED), "PNG", RED),
        (Image.new("RGB", (8, 6), RED), "BMP", RED),
        (Image.new("RGB", (8, 6), RED), "TIFF", RED),
        (Image.new("RGB", (8, 6), RED), "WEBP", RED),
        (Image.new("L", (8, 6), 77), "PNG", (77, 77, 77)),
        (Image.new("1", (8, 6), 1), "PNG", (255, 255, 255)),
        (Image.new("P", (8, 6), 0), "GIF", (0, 0, 0)),
        (Image.new("RGBA", (8, 6), (255, 0, 0, 0)), "PNG", (255, 255, 255)),
        (Image.new("RGBA", (8, 6), (255, 0, 0, 255)), "PNG", RED),
        (Image.new("LA", (8, 6), (10, 0)), "PNG", (255, 255, 255)),
        (Image.fromarray(np.full((6, 8), 32768, np.uint16)), "PNG", (127, 127, 127)),
        (Image.fromarray(np.full((6, 8), 65535, np.uint16)), "TIFF", (255, 255, 255)),
        (Image.fromarray(np.full((6, 8), 1.0, np.float32)), "TIFF", (255, 255, 255)),
        (Image.new("CMYK", (8, 6), (0, 255, 255, 0)), "JPEG", RED),
    ],
    ids=["rgb", "bmp", "tiff", "webp", "grey", "bilevel", "palette", "clear", "opaque",
         "grey-clear", "16-bit", "16-bit-tiff", "float", "cmyk"],
)  # fmt: skip
def test_every_kind_becomes_rgb(picture: Image.Image, kind: str, expected: tuple[int, ...]) -> None:
    rgb = codec.decode(encoded(picture, kind), "x")
    assert rgb.shape == (6, 8, 3)
    assert rgb.dtype == np.uint8
    np.testing.assert_allclose(rgb[3, 4], expected, atol=6)


@pytest.mark.parametrize(
    ("orientation", "corner"), [(1, (0, 0)), (3, (3, 7)), (6, (0, 3)), (8, (7, 0))]
)
def test_exif_rotation_is_undone(orientation: int, corner: tuple[int, int]) -> None:
    picture = Image.new("RGB", (8, 4))
    picture.putpixel((0, 0), RED)
    exif = Image.Exif()
    exif[0x0112] = orientation
    rgb = codec.decode(encoded(picture, "PNG", exif=exif), "x")
    assert tuple(rgb[corner]) == RED


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (8, 6), color) for color in (RED, (0, 0, 255))]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(codec.decode(data, "x")[0, 0], RED, atol=3)


def test_one_pixel_is_a_picture() -> None:
    assert codec.decode(encoded(Image.new("RGB", (1, 1)), "PNG"), "x").shape == (1, 1, 3)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_encode_round_trip(suffix: str) -> None:
    rgb = np.full((20, 30, 3), RED, np.uint8)
    np.testing.assert_allclose(codec.decode(codec.encode(rgb, suffix), "x"), rgb, atol=3)


@pytest.mark.parametrize(
    ("shape", "edge", "expected"),
    [((100, 200, 3), 50, (25, 50, 3)), ((10, 20, 3), 50, (10, 20, 3)), ((1, 900, 3), 9, (1, 9, 3))],
)
def test_shrink_never_enlarges(shape: tuple, edge: int, expected: tuple) -> None:
    assert shrink(np.zeros(shape, np.uint8), edge).shape == expected


def test_crop_of_the_whole_is_the_picture() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)
    np.testing.assert_array_equal(face_crop(rgb, Box(0, 0, 48, 48), 48), rgb)


@pytest.mark.parametrize("shape", [(30, 48), (48, 30, 3), (1, 9)])
def test_a_whole_face_lies_in_the_middle_of_its_square(shape: tuple[int, ...]) -> None:
    face = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    square = whole_face(face)
    side = max(shape[:2])
    top, left = (side - shape[0]) // 2, (side - shape[1]) // 2
    assert square.shape == (side, side, *shape[2:])
    inner = square[top : top + shape[0], left : left + shape[1]]
    np.testing.assert_array_equal(inner, face)
    np.testing.assert_array_equal(square[0], square[top])
    np.testing.assert_array_equal(square[:, 0], square[:, left])


def test_crop_is_centred_square_with_margin() -> None:
    rgb = np.zeros((200, 200, 3), np.uint8)
    rgb[80:120, 90:110] = 255  # 20 wide, 40 high
    tight = face_crop(rgb, Box(90, 80, 110, 120), 40)
    assert tight[:, 10:30].min() == 255
    assert tight[:, :9].max() == tight[:, 31:].max() == 0
    wide = face_crop(rgb, Box(90, 80, 110, 120), 80, margin=0.5)
    assert wide[20:60, 30:50].min() == 255
    assert wide[:19].max() == wide[61:].max() == wide[:, :29].max() == wide[:, 51:].max() == 0


def test_a_face_of_any_size_is_cut_alike() -> None:
    """From a copy where it is very large."""
    random = np.random.default_rng(1)
    small = cv2.resize(random.integers(0, 255, (8, 8, 3), np.uint8), (400, 300))
    large = cv2.resize(small, (4000, 3000), interpolation=cv2.INTER_LINEAR)
    box = Box(60, 20, 320, 290)
    one, other = face_crop(small, box, 96), face_crop(large, box.scale(10), 96)
    assert np.abs(one.astype(int) - other).mean() < 2


def test_crop_turns_a_leaning_face_upright() -> None:
    """A bar that leans 20 degrees clockwise stands upright in the crop."""
    picture = Image.new("RGB", (200, 200))
    picture.paste((255, 255, 255), (92, 40, 108, 160))
    leaning = np.asarray(picture.rotate(-20, Image.Resampling.BICUBIC))
    crop = face_crop(leaning, Box(40, 40, 160, 160), 120, roll=20)
    assert crop[10:110, 56:64].min() > 200
    assert crop[:, :45].max() < 60


def test_crop_repeats_the_edge_outside() -> None:
    rgb = np.full((50, 50, 3), 9, np.uint8)
    rgb[:, 0] = 200
    crop = face_crop(rgb, Box(-30, 10, 10, 50), 40)
    assert (crop[:, :28] == 200).all()


@pytest.mark.parametrize(
    ("crops", "channels", "shape"),
    [
        ([], 1, (0, 32, 32, 1)),
        ([np.zeros((48, 48), np.uint8)], 1, (1, 32, 32, 1)),
        ([np.zeros((48, 48), np.uint8)], 3, (1, 32, 32, 3)),
        ([np.zeros((9, 9, 3), np.uint8), np.zeros((99, 99, 3), np.uint8)], 1, (2, 32, 32, 1)),
    ],
)
def test_network_input_shapes(crops: list, channels: int, shape: tuple) -> None:
    pixels = network_input(crops, 32, channels)
    assert (pixels.shape, pixels.dtype) == (shape, np.float32)


def test_network_input_keeps_the_range() -> None:
    assert network_input([np.full((32, 32, 3), 200, np.uint8)], 32, 1)[0, 0, 0, 0] == 200


def passes(times: int) -> bytes:
    """A progressive JPEG whose last scan comes ``times`` more times."""
    buffer = io.BytesIO()
    Image.new("L", (640, 480), 128).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * times + data[-2:]


def test_a_jpeg_of_thousands_of_passes_is_refused_before_the_first() -> None:
    assert codec.decode(passes(20), "x.jpg").shape == (480, 640, 3)
    with pytest.raises(ImageError, match=r"x\.jpg: .* more than 100 passes"):
        codec.decode(passes(200), "x.jpg")
    film = b"\xff\xda" * 5_000  # what phones put behind a picture
    assert codec.decode(passes(0) + film, "x.jpg").shape == (480, 640, 3)
    thumbnail = b"\xff\xe1" + (20_002).to_bytes(2, "big") + b"\xff\xda" * 10_000
    data = passes(0)
    assert codec.decode(data[:2] + thumbnail + data[2:], "x.jpg").shape == (480, 640, 3)
    many, at = passes(200), data.rindex(b"\xff\xda")
    with pytest.raises(ImageError, match="passes"):  # 2 starts no segment: nothing hides in it
        codec.decode(many[:at] + b"\xff\x02\xff\xff" + many[at:], "x.jpg")


def tiled(side: int) -> bytes:
    """A TIFF of 64×64 pixels in one tile of ``side``."""
    packed = zlib.compress(bytes(side * side))
    entries = [(256, 64), (257, 64), (258, 8), (259, 8), (262, 1), (277, 1), (322, side),
               (323, side), (324, 134), (325, len(packed))]  # fmt: skip
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return (
        head
        + b"".join(struct.pack("<HHII", tag, 4, 1, v) for tag, v in entries)
        + bytes(4)
        + packed
    )


def test_tiles_of_a_tiff_count_as_its_pixels_do() -> None:
    assert codec.decode(tiled(256), "x.tif").shape == (64, 64, 3)
    with pytest.raises(ImageError, match=r"x\.tif: .* tiles far larger"):
        codec.decode(tiled(4096), "x.tif")


def camera(size: tuple[int, int] = (640, 480)) -> Image.Image:
    """An image with detail everywhere."""
    noise = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC))


@pytest.mark.parametrize("lost", [1, 2, 3, 50, 900])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_lost_its_end_is_read_with_a_note(lost: int, progressive: bool) -> None:
    data = encoded(camera(), "JPEG", quality=92, progressive=progressive)
    whole, part = codec.decode(data, "x"), codec.read_image(data[:-lost], "camera.jpg")
    assert part.note == "camera.jpg: the end of the file is missing; the rest was read."
    assert part.pixels.shape == (480, 640, 3)
    difference = np.abs(part.pixels.astype(int) - whole)
    assert (difference == 0).all() if lost <= 2 else difference[:200].max() < 60
    assert codec.read_image(data, "x").note == ""
    assert codec.read_image(data + b"film", "x").note == ""


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_other_files_that_lost_their_end_are_read_too(kind: str) -> None:
    data = encoded(camera(), kind)
    part = codec.read_image(data[: len(data) * 3 // 4], "scan")
    assert part.note.startswith("scan: the end of the file is missing")
    same = (part.pixels == codec.decode(data, "x")).all(axis=(1, 2))
    assert 0.6 < same.mean() < 0.9
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize("kind", ["AVIF", "HEIF", "WEBP", "JPEG", "PNG", "BMP", "TIFF", "GIF"])
def test_content_decides_the_format(kind: str, tmp_path: Path) -> None:
    pillow_heif.register_heif_opener()
    data = encoded(camera(), kind)
    image = codec.decode(data, "holiday.txt")
    assert image.shape == (480, 640, 3)
    assert np.abs(image.astype(int) - np.asarray(camera())).mean() < 20
    assert formats.image_format(data[: formats.HEAD_BYTES]) == kind
    (tmp_path / "holiday").write_bytes(data)
    assert formats.is_image_file(tmp_path / "holiday")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"BM is a text that says so",
        b"\x00\x00\x00\x18ftypmp42\0\0\0\0isommp42",
        b"RIFF____AVI LIST",
    ],
)
def test_other_content_is_no_image(head: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(head)
    assert not formats.is_image_file(tmp_path / "x.jpg")
    assert not formats.is_image_file(tmp_path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_orientation_is_undone_as_pillow_does(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(camera((60, 40)), kind, exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    np.testing.assert_array_equal(codec.decode(data, "x"), expected)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 30}])
def test_jpegs_are_decoded_as_pillow_does(mode: str, options: dict) -> None:
    data = encoded(camera().convert(mode), "JPEG", **options)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(codec.decode(data, "x"), expected)


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("BMP", "RGB", {}),
        ("BMP", "L", {}),
        ("TIFF", "RGB", {}),
        ("TIFF", "L", {}),
        ("TIFF", "CMYK", {}),
        ("TIFF", "RGB", {"compression": "tiff_lzw"}),
        ("TIFF", "RGB", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", "L", {"compression": "packbits"}),
        ("TIFF", "CMYK", {"compression": "tiff_lzw"}),
        ("TIFF", "RGB", {"compression": "jpeg"}),
        ("WEBP", "RGB", {"lossless": True}),
        ("JPEG", "CMYK", {"quality": 95}),
    ],
)
def test_the_quick_ways_give_what_pillow_does(kind: str, mode: str, options: dict) -> None:
    image = camera((900, 601))
    if mode == "CMYK":  # with black of its own, which a conversion does not make
        inks = [*image.convert("CMYK").split()[:3], image.convert("L").rotate(180)]
        image = Image.merge("CMYK", inks)
    data = encoded(image.convert(mode), kind, **options)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert np.abs(codec.decode(data, "x") - expected).max() <= (2 if mode == "CMYK" else 0)


def test_16_bits_of_colour_keep_their_high_byte() -> None:
    wide = np.random.default_rng(2).integers(0, 65536, (40, 50, 3), np.uint16)
    data = cv2.imencode(".png", wide[..., ::-1])[1].tobytes()
    np.testing.assert_array_equal(codec.decode(data, "x"), wide >> 8)


def test_an_uncompressed_file_that_lost_its_end_is_read_as_far_as_it_goes() -> None:
    for kind in ("BMP", "TIFF"):
        data = encoded(camera((64, 48)), kind)
        image = codec.read_image(data[: len(data) * 2 // 3], "x")
        assert image.pixels.shape == (48, 64, 3)
        assert image.note.startswith("x: the end of the file is missing")


def test_transparency_is_mixed_with_white() -> None:
    rgba = np.random.default_rng(1).integers(0, 256, (40, 50, 4), np.uint8)
    alpha = rgba[..., 3:] / 255
    expected = rgba[..., :3] * alpha + 255 * (1 - alpha)
    for kind in ("PNG", "TIFF"):
        rgb = codec.decode(encoded(Image.fromarray(rgba), kind), "x")
        assert np.abs(rgb - expected).max() <= 1


def test_a_jpeg_beyond_50_megapixels_is_reduced() -> None:
    data = encoded(camera((9000, 6000)), "JPEG")
    image = codec.read_image(data, "x")
    assert (image.pixels.shape, image.scale) == ((3000, 4500, 3), 2.0)
    small = cv2.resize(np.asarray(camera()), (45, 30), interpolation=cv2.INTER_AREA)
    again = cv2.resize(image.pixels, (45, 30), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - again).mean() < 6


PEAK = """
import sys
from fer_core.images import read_image
data, warm = sys.stdin.buffer.read(), open("docs/images/astronaut.jpg", "rb").read()
read_image(warm, "x")
def memory(field):
    return int(next(l for l in open("/proc/self/status") if l.startswith(field)).split()[1]) * 1024
open("/proc/self/clear_refs", "w").write("5")
before = memory("VmRSS")
read_image(data, "x")
print(memory("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measured on Linux")
@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGB", "JPEG", {}),
        ("L", "JPEG", {}),
        ("RGB", "JPEG", {"progressive": True}),
        (
            "RGB",
            "JPEG",
            {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"},
        ),
        ("CMYK", "JPEG", {}),
        ("RGB", "PNG", {"compress_level": 1}),
        ("RGBA", "PNG", {"compress_level": 1}),
        ("I;16", "PNG", {"compress_level": 1}),
        ("RGB", "BMP", {}),
        ("RGB", "TIFF", {}),
    ],
    ids=["jpeg", "grey", "progressive", "turned", "cmyk", "png", "rgba", "wide", "bmp", "tiff"],
)
def test_a_photo_takes_4_bytes_a_pixel_while_it_is_decoded(
    mode: str, kind: str, options: dict
) -> None:
    size = 6000, 4000
    data = encoded(Image.new(mode, size, 90), kind, **options)
    result = subprocess.run(
        [sys.executable, "-c", PEAK], cwd=ROOT, input=data, capture_output=True, check=True
    )
    assert int(result.stdout) / (size[0] * size[1]) < 4.2


def test_decoding_waits_for_the_shared_budget() -> None:
    shared = limits.Budget(100, wait_s=0.2)
    steps = []

    def second() -> None:
        with shared.reserve(70, "b.jpg"):
            steps.append("second")

    with shared.reserve(60, "a.jpg"):
        full = pytest.raises(ImageError, match=r"^c\.jpg: too many large images")
        with full, shared.reserve(50, "c.jpg"):
            raise AssertionError
        with shared.reserve(40, "small.jpg"):
            thread = threading.Thread(target=second)
            thread.start()
        steps.append("first")
    thread.join()
    assert steps == ["first", "second"]
    with shared.reserve(1000, "huge.jpg"):  # alone, a larger one may
        pass
