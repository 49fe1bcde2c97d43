#!/usr/bin/env bash
# Keras 3.15.1: RandomContrast reads a pair otherwise than the other augmentation layers.
# RandomBrightness((0.2, 0.3)) adds 0.2 to 0.3 of the range, and RandomZoom((0.2, 0.3)) draws from 0.2 to 0.3. RandomContrast((0.2, 0.3))
# multiplies the distance from the mean by 1 - 0.2 to 1 + 0.3: contrast falls as well as rises, and no pair
# asks for a rise alone.
# Observed: factors from 0.80 to 1.30; brightness from +51 to +76.5 of 255.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.0
KERAS_BACKEND=jax JAX_PLATFORMS=cpu env/bin/python - <<'PY'
import keras
import numpy as np

image = np.zeros((1, 4, 4, 1), "float32")
image[0, :2], image[0, 2:] = 100, 150  # mean 125


def draws(layer, measure):
    values = [float(measure(np.asarray(layer(image, training=True)))) for _ in range(400)]
    return min(values), max(values)


contrast = draws(keras.layers.RandomContrast((0.2, 0.3), seed=0), lambda x: np.ptp(x) / 50)
brightness = draws(keras.layers.RandomBrightness((0.2, 0.3), seed=0), lambda x: x.mean() - 125)
zoom = keras.layers.RandomZoom((0.2, 0.3))
print("contrast factors", contrast, "brightness", brightness, "zoom", (zoom.height_lower, zoom.height_upper))
assert 0.79 < contrast[0] < 0.82 and 1.28 < contrast[1] < 1.31
assert 50.9 < brightness[0] < 53 and 75 < brightness[1] < 76.6
assert (zoom.height_lower, zoom.height_upper) == (0.2, 0.3)
PY
