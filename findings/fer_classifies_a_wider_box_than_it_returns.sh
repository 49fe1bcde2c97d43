#!/usr/bin/env bash
# The package fer 25.10.3 classifies a region that is ten pixels larger on every side than the box it returns (offsets=(10, 10)),
# whatever the size of the face: of a 48-pixel face it reads 68 x 68 pixels, twice the area, of a 400-pixel face 420.
# Its own network was trained on FER-2013, whose crops are tight; with face_rectangles given by the caller the margin is added as well.
# Observed: painting only the ten pixels around a 48-pixel box changes a score by 0.19, painting what lies further out changes nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check --no-deps fer==25.10.3
env/bin/pip install --quiet --disable-pip-version-check tensorflow==2.21.0 opencv-python-headless==4.14.0.94 setuptools==80.10.2 pandas==3.1.1 requests==2.34.2 tqdm==4.70.1 pillow==13.0.0
TF_CPP_MIN_LOG_LEVEL=3 env/bin/python - <<'PY'
import numpy as np
from fer.fer import FER

random = np.random.default_rng(0)
image = random.integers(0, 256, (200, 200, 3), np.uint8)
box = (76, 76, 48, 48)  # x, y, width, height


def scores(margin, reach):
    """Return the seven scores with everything from ``margin`` to ``reach`` pixels outside the box painted white."""
    changed = image.copy()
    changed[76 - reach : 124 + reach, 76 - reach : 124 + reach] = 255
    changed[76 - margin : 124 + margin, 76 - margin : 124 + margin] = (
        image[76 - margin : 124 + margin, 76 - margin : 124 + margin]
    )
    (face,) = detector.detect_emotions(changed, face_rectangles=[box])
    assert tuple(face["box"]) == box
    return np.array(list(face["emotions"].values()))


detector = FER()
plain = scores(0, 0)
near, far = np.abs(scores(0, 10) - plain).max(), np.abs(scores(10, 60) - plain).max()
print("largest change of a score: painted 0 to 10 pixels outside the box", near, "10 to 60 pixels", far)
assert near > 0.02
assert far == 0
PY
