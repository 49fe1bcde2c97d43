#!/usr/bin/env bash
# aiortc 1.16.0: the H.264 encoder cannot send a picture with an odd side (libx264 refuses 4:2:0 with one); the VP8 encoder can.
# A callback that crops or scales frames to such a size works while the browser negotiates VP8 and raises as soon as it negotiates H.264.
# Observed: 641x481 gives one VP8 packet, and ExternalError ('Generic error in an external library') for H.264.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check aiortc==1.16.0 numpy==2.3.5
env/bin/python - <<'PY'
from fractions import Fraction

import av
import numpy as np
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder


def packets(encoder, width, height):
    """Return the number of packets of one grey frame, or the name of the error."""
    frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 120, np.uint8), "rgb24")
    frame = frame.reformat(format="yuv420p")
    frame.pts, frame.time_base = 0, Fraction(1, 90_000)
    try:
        return len(encoder.encode(frame)[0])
    except av.FFmpegError as error:
        return type(error).__name__


seen = {
    (kind.__name__, size): packets(kind(), *size)
    for kind in (Vp8Encoder, H264Encoder)
    for size in ((640, 480), (641, 481))
}
print(seen)
assert isinstance(seen["Vp8Encoder", (641, 481)], int)
assert isinstance(seen["H264Encoder", (640, 480)], int)
assert seen["H264Encoder", (641, 481)] == "ExternalError"
PY
