"""Options, photos and output that the measured tables share."""

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import skimage.data

from fer_core.images.codec import encode
from fer_core.recognition.detection import YUNET_NAME

ROOT = Path(__file__).resolve().parent.parent


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of every table."""
    result = argparse.ArgumentParser(description=doc)
    result.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    result.add_argument("--json", type=Path, help="also write the figures as JSON")
    return result


def use_yunet(shared: Path) -> None:
    """Use YuNet's file in ``shared`` if it is there, instead of downloading it."""
    yunet = shared / "weights" / YUNET_NAME
    if yunet.is_file():
        os.environ.setdefault("FER_YUNET", str(yunet))


def different_photos() -> list[bytes]:
    """Return 40 photos of 640x480 with one face, as JPEG."""
    face = cv2.resize(skimage.data.astronaut(), (480, 480), interpolation=cv2.INTER_AREA)
    scene = cv2.copyMakeBorder(face, 0, 0, 80, 80, cv2.BORDER_REPLICATE)
    return [encode(np.roll(scene, number, axis=1)) for number in range(40)]


def write_photos(folder: Path, count: int) -> Path:
    """Write ``count`` photos, 40 of them different, and return their folder."""
    folder.mkdir()
    data = different_photos()
    for number in range(count):
        (folder / f"{number:06}.jpg").write_bytes(data[number % len(data)])
    return folder


def show(rows: Mapping[str, float], file: Path | None) -> None:
    """Print the table, and write it as JSON where a file is named."""
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for label, value in rows.items():
        print(f"| {label} | {value:,.0f} |" if value >= 100 else f"| {label} | {value:.3g} |")
    if file:
        file.write_text(json.dumps(rows, indent=2))
