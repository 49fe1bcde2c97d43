#!/usr/bin/env bash
# Keras 3.15.1: CategoricalFocalCrossentropy multiplies every class by alpha = 0.25 unless told otherwise, so with
# gamma = 0 it is a quarter of the cross-entropy, not the cross-entropy. In the paper (Lin et al., 2017) alpha weighs
# the positive class against the background; with several classes it only scales the loss, against weight decay and
# any other loss beside it.
# Observed: 0.2291 against 0.9163.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.0
KERAS_BACKEND=jax JAX_PLATFORMS=cpu env/bin/python - <<'PY'
import keras
import numpy as np

y_true = np.eye(7, dtype="float32")[[3]]
y_pred = np.full((1, 7), 0.1, "float32")
y_pred[0, 3] = 0.4
focal = float(keras.losses.CategoricalFocalCrossentropy(gamma=0.0)(y_true, y_pred))
plain = float(keras.losses.CategoricalCrossentropy()(y_true, y_pred))
print(f"focal with gamma 0: {focal:.4f}, cross-entropy: {plain:.4f}")
assert abs(focal / plain - 0.25) < 1e-3
PY
