"""Compress a face as a video call does: VP8 at a bit rate, with a little motion."""

from fractions import Fraction
from typing import Final

import cv2
import numpy as np

from fer_core.types import Pixels

STREAM: Final = (320, 240)
"""Size in pixels of the stream that the bit rate is given for."""

RATE: Final = 15
"""Frames a second of that stream."""

FRAMES: Final = 4
"""Frames that are encoded; the image moves by a pixel in each, and the last one counts."""


def compress(image: Pixels, kilobits: float) -> Pixels:
    """Return uint8 (H, W, 3) RGB or (H, W) after VP8 in real time, of the same shape.

    A face gets its share, by area, of the bits of a whole stream. libvpx is limited as WebRTC
    limits it: a constant bit rate, key frames of three times a frame's share.

    Args:
        image: Enlarged to sides of even length where they are odd.
        kilobits: Bit rate in kbit/s of a stream of ``STREAM`` pixels and ``RATE`` frames a second.
    """
    import av

    height, width = image.shape[:2]
    even = cv2.resize(image, (width + width % 2, height + height % 2))
    rgb = even if even.ndim == 3 else cv2.cvtColor(even, cv2.COLOR_GRAY2RGB)
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.height, encoder.width = rgb.shape[:2]
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, RATE)
    encoder.bit_rate = max(
        round(1000 * kilobits * rgb.shape[0] * rgb.shape[1] / np.prod(STREAM)), 1
    )
    bits = str(encoder.bit_rate)
    encoder.options = {
        "deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "max-intra-rate": "300",
        "minrate": bits, "maxrate": bits, "bufsize": bits,
    }  # fmt: skip
    decoder = av.CodecContext.create("vp8", "r")
    encoder.thread_count = decoder.thread_count = 1
    decoded = []
    for number in range(FRAMES):
        moved = np.array(np.roll(rgb, FRAMES - 1 - number, axis=(0, 1)), np.uint8)
        frame = av.VideoFrame.from_ndarray(moved, format="rgb24").reformat(format="yuv420p")
        frame.pts = number
        decoded += [f for packet in encoder.encode(frame) for f in decoder.decode(packet)]
    for packet in (*encoder.encode(None), None):
        decoded += decoder.decode(packet)
    result = np.asarray(decoded[-1].to_ndarray(format="rgb24"), np.uint8)[:height, :width]
    return result if image.ndim == 3 else np.asarray(cv2.cvtColor(result, cv2.COLOR_RGB2GRAY))
