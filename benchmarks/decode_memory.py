"""Measure the peak memory of decoding one photo, in bytes a pixel, for every format and kind.

    python -m benchmarks.decode_memory [--megapixels 12] [--only jpeg]

Each file is decoded in a process of its own, whose peak is counted above that of the same process
after it has decoded a small file of the same kind. Noise compresses badly, so the file itself is
counted apart. The goal is 4; what a library needs beyond that stands in ``docs/performance.md``.
"""

import argparse
import io
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent

CHILD = """
import resource, sys
from pathlib import Path
from fer_core.images import read_image
read_image(Path(sys.argv[1]).read_bytes(), "small")
data = Path(sys.argv[2]).read_bytes()
open("/proc/self/clear_refs", "w").write("5")  # forget the peak so far
peak = lambda: next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM"))
before = peak()
image = read_image(data, "photo")
print((peak() - before) * 1024, *image.pixels.shape[:2], image.scale)
"""

Kind = tuple[str, str, str, dict[str, object]]
"""Name, format, mode and what Pillow's ``save`` is told."""

_EXIF = Image.Exif()
_EXIF[0x0112] = 6
TURNED = _EXIF.tobytes()

KINDS: tuple[Kind, ...] = (
    ("JPEG", "JPEG", "RGB", {}),
    ("JPEG, turned", "JPEG", "RGB", {"exif": TURNED}),
    ("JPEG, progressive", "JPEG", "RGB", {"progressive": True}),
    ("JPEG, progressive, 4:4:4", "JPEG", "RGB", {"progressive": True, "subsampling": 0}),
    ("JPEG, progressive, turned", "JPEG", "RGB", {"progressive": True, "exif": TURNED}),
    ("JPEG, grey", "JPEG", "L", {}),
    ("JPEG, CMYK", "JPEG", "CMYK", {}),
    ("JPEG, cut off", "JPEG", "RGB", {"cut": True}),
    ("PNG", "PNG", "RGB", {}),
    ("PNG, transparent", "PNG", "RGBA", {}),
    ("PNG, palette", "PNG", "P", {}),
    ("PNG, 16 bits grey", "PNG", "I;16", {}),
    ("PNG, 16 bits RGB", "PNG", "RGB16", {}),
    ("WebP", "WEBP", "RGB", {}),
    ("WebP, transparent", "WEBP", "RGBA", {}),
    ("WebP, lossless", "WEBP", "RGB", {"lossless": True, "quality": 0, "method": 0}),
    ("BMP", "BMP", "RGB", {}),
    ("TIFF", "TIFF", "RGB", {}),
    ("TIFF, turned", "TIFF", "RGB", {"tiffinfo": {274: 6}}),
    ("TIFF, LZW", "TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF, JPEG", "TIFF", "RGB", {"compression": "jpeg"}),
    ("TIFF, CMYK", "TIFF", "CMYK", {}),
    ("TIFF, 16 bits grey", "TIFF", "I;16", {}),
    ("TIFF, float", "TIFF", "F", {}),
    ("GIF", "GIF", "P", {}),
    ("AVIF", "AVIF", "RGB", {"speed": 10}),
    ("AVIF, turned", "AVIF", "RGB", {"speed": 10, "exif": TURNED}),
    ("HEIC", "HEIF", "RGB", {}),
    ("HEIC, turned", "HEIF", "RGB", {"exif": TURNED}),
)


def scene(pixels: float) -> Image.Image:
    """Return a smooth RGB scene of 4:3 with some noise."""
    width = round(math.sqrt(pixels * 4 / 3))
    height = round(width * 3 / 4)
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (height // 40 + 2, width // 40 + 2, 3), np.uint8)
    return Image.fromarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


def encoded(image: Image.Image, kind: str, mode: str, options: dict[str, object]) -> bytes:
    """Return the image as a file of one kind."""
    buffer, options = io.BytesIO(), dict(options)
    is_cut = options.pop("cut", False)
    if mode == "RGB16":
        wide = np.asarray(image)[..., ::-1].astype(np.uint16) * 257
        return cv2.imencode(".png", wide)[1].tobytes()
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    elif mode == "RGBA":
        image = image.convert("RGBA")
        image.putalpha(image.getchannel("R"))
    else:
        image = image.convert(mode)
    image.save(buffer, kind, **options)
    data = buffer.getvalue()
    return data[: len(data) * 9 // 10] if is_cut else data


def measured(megapixels: float, only: str) -> Iterator[tuple[str, float, int, float]]:
    """Yield name, bytes a pixel of the file, size of the file and scale of what was decoded."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    large, small = scene(megapixels * 1e6), scene(20_000)
    save: Callable[[Path, bytes], int] = Path.write_bytes
    with tempfile.TemporaryDirectory() as name:
        for title, kind, mode, options in KINDS:
            if only.lower() not in title.lower():
                continue
            first, second = Path(name) / "small", Path(name) / "large"
            save(first, encoded(small, kind, mode, options))
            size = save(second, encoded(large, kind, mode, options))
            done = subprocess.run(
                [sys.executable, "-c", CHILD, str(first), str(second)],
                cwd=ROOT, capture_output=True, text=True, check=True,
            )  # fmt: skip
            peak, *_, scale = done.stdout.split()
            yield title, int(peak) / (large.width * large.height), size, float(scale)


def main() -> None:
    """Print one line a kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--only", default="", help="part of the names of kinds")
    options = parser.parse_args()
    for title, peak, size, scale in measured(options.megapixels, options.only):
        print(f"{title:30} {peak:5.1f} bytes a pixel, file {size / 1e6:5.1f} MB, 1:{scale:.0f}")


if __name__ == "__main__":
    main()
