#!/usr/bin/env bash
# cv2.CAP_PROP_FRAME_COUNT (opencv-python-headless 4.14.0.94) of a WebM file without a length in its header, which is what a browser's
# MediaRecorder writes, is a huge negative number, not 0 and not an error. range(int(count)) is then empty, so a program that
# loops over it reads no frame and reports no fault.
# Observed: -2.77e+17, though all 30 frames can be read.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check opencv-python-headless==4.14.0.94 av==18.1.0 numpy==2.3.5
env/bin/python - <<'PY'
import io
from pathlib import Path

import av
import cv2
import numpy as np


class Pipe(io.RawIOBase):
    """A target that cannot be rewound, so that the length is never filled in, as in a browser."""

    def __init__(self):
        self.data = bytearray()

    def writable(self):
        return True

    def seekable(self):
        return False

    def write(self, data):
        self.data += bytes(data)
        return len(data)


pipe = Pipe()
with av.open(pipe, "w", format="webm") as out:
    stream = out.add_stream("libvpx", rate=30)
    stream.width = stream.height = 64
    stream.pix_fmt = "yuv420p"
    for number in range(30):
        out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), number * 8, np.uint8), "rgb24")))
    out.mux(stream.encode())
Path("recording.webm").write_bytes(pipe.data)
video = cv2.VideoCapture("recording.webm")
count = video.get(cv2.CAP_PROP_FRAME_COUNT)
frames = 0
while video.read()[0]:
    frames += 1
print("CAP_PROP_FRAME_COUNT", count, "frames read", frames)
assert count < -1e15
assert frames == 30
PY
