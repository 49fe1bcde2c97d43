#!/usr/bin/env bash
# A video whose header mirrors it (display matrix -1 0 0 1, as some front cameras write) is turned by 180 degrees by
# cv2.VideoCapture (opencv-python-headless 4.14.0.94), and PyAV 18.1.0 reports frame.rotation -180: of the matrix only the angle
# is read. A vertical flip (1 0 0 -1) is lost. ffmpeg and browsers apply the matrix whole. Faces come out upside down, where
# most detectors find few.
# Observed: the bright corner at the top left should move to the top right and moves to the bottom right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check opencv-python-headless==4.14.0.94 av==18.1.0 numpy==2.3.5
env/bin/python - <<'PY'
import struct
from pathlib import Path

import av
import cv2
import numpy as np

with av.open("plain.mp4", "w") as out:
    stream = out.add_stream("libx264", rate=10, options={"crf": "10"})
    stream.width = stream.height = 64
    stream.pix_fmt = "yuv420p"
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32, :32] = 255
    for _ in range(3):
        out.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
    out.mux(stream.encode())
data = bytearray(Path("plain.mp4").read_bytes())
place = data.find(b"tkhd") + 44  # the display matrix of the track header, version 0
assert struct.unpack(">9i", data[place : place + 36]) == (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)


def bright_corner(matrix):
    """Write the matrix into the header; return PyAV's rotation and OpenCV's bright corner."""
    a, b, c, d = (value * 65536 for value in matrix)
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    Path("turned.mp4").write_bytes(data)
    with av.open("turned.mp4") as container:
        rotation = next(container.decode(video=0)).rotation
    image = cv2.VideoCapture("turned.mp4").read()[1]
    (corner,) = [
        f"{row} {column}"
        for y, row in enumerate(("top", "bottom"))
        for x, column in enumerate(("left", "right"))
        if image[16 + 32 * y, 16 + 32 * x].mean() > 128
    ]
    return rotation, corner


seen = {name: bright_corner(matrix) for name, matrix in {
    "plain": (1, 0, 0, 1), "mirrored": (-1, 0, 0, 1), "flipped": (1, 0, 0, -1), "turned": (-1, 0, 0, -1),
}.items()}
print(seen)
assert seen["plain"] == (0, "top left")
assert abs(seen["turned"][0]) == 180 and seen["turned"][1] == "bottom right"
assert abs(seen["mirrored"][0]) == 180 and seen["mirrored"][1] == "bottom right"  # should be top right
assert seen["flipped"] == (0, "top left")  # should be bottom left
PY
