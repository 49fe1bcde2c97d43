"""Make the example video from the example photo: ``python scripts/example_clip.py``.

The camera sways over the photo (Eileen Collins, NASA, public domain), comes closer, leaves the face
for a second, and the light fades and returns.
"""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fer_core.images import Pixels, decode  # noqa: E402  # from a checkout

PHOTO: Final = ROOT / "docs" / "images" / "astronaut.jpg"
CLIP: Final = ROOT / "docs" / "images" / "example.mp4"
SIZE: Final = (640, 480)
RATE, SECONDS = 25, 8

KEYS: Final = np.array(
    # seconds, middle of the view (x, y) and its width in pixels of the photo, brightness
    [
        (0.0, 230, 190, 400, 1.00), (1.5, 250, 170, 330, 1.00), (3.0, 220, 140, 220, 1.00),
        (3.4, 230, 320, 220, 1.00), (3.6, 230, 320, 220, 1.00), (4.0, 225, 145, 240, 0.80),
        (5.8, 215, 140, 250, 0.08), (7.2, 235, 150, 300, 1.00), (8.0, 230, 190, 400, 1.00),
    ]
)  # fmt: skip


def view(photo: Pixels, time_s: float) -> Pixels:
    """Return what the camera shows at ``time_s``: uint8 (480, 640, 3)."""
    x, y, width, light = (np.interp(time_s, KEYS[:, 0], KEYS[:, i]) for i in range(1, 5))
    scale = SIZE[0] / width
    x += 6 * np.sin(2 * time_s)
    matrix = np.array(
        [[scale, 0, SIZE[0] / 2 - scale * x], [0, scale, SIZE[1] / 2 - scale * y]], np.float64
    )
    shown = cv2.warpAffine(
        photo, matrix, SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    noise = np.random.default_rng(round(time_s * RATE)).normal(0, 4 * (1 - light), shown.shape)
    return np.clip(shown * light + noise, 0, 255).astype(np.uint8)


def main() -> None:
    """Write the clip."""
    photo = decode(PHOTO.read_bytes(), PHOTO.name)
    with av.open(str(CLIP), "w", options={"movflags": "faststart"}) as clip:
        stream = clip.add_stream("libx264", rate=RATE, options={"crf": "28", "preset": "slow"})
        (stream.width, stream.height), stream.pix_fmt = SIZE, "yuv420p"
        for number in range(RATE * SECONDS):
            frame = av.VideoFrame.from_ndarray(view(photo, number / RATE), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            clip.mux(stream.encode(frame))
        clip.mux(stream.encode(None))


if __name__ == "__main__":
    main()
