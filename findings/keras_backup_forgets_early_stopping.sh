#!/usr/bin/env bash
# Keras 3.15.1: BackupAndRestore brings back weights, optimizer and epoch, but not the counters of the other callbacks.
# A run that was interrupted with four of six epochs of patience used up starts its patience anew.
# Observed: EarlyStopping.wait is 4 in epoch 4, and 0 in epoch 5 after the restart although nothing got better;
# training ends after epoch 11 and not after epoch 6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.0
KERAS_BACKEND=jax JAX_PLATFORMS=cpu env/bin/python - <<'PY'
import keras
import numpy as np

random = np.random.default_rng(0)
x, y = random.normal(size=(64, 8)).astype("float32"), random.integers(0, 2, 64)


def waits(stop_after):
    """Train a network that cannot improve; return the epochs and EarlyStopping's counter."""
    early, seen = keras.callbacks.EarlyStopping("loss", patience=6), []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((epoch, early.wait))
            if epoch == stop_after:
                raise KeyboardInterrupt

    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, "sigmoid", kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.0), "binary_crossentropy")
    try:
        model.fit(x, y, epochs=20, verbose=0, callbacks=[early, keras.callbacks.BackupAndRestore("backup"), Watch()])
    except KeyboardInterrupt:
        pass
    return seen


before, after = waits(4), waits(None)
print("before the interruption", before, "after it", after)
assert before == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]
assert after == [(5, 0), (6, 1), (7, 2), (8, 3), (9, 4), (10, 5), (11, 6)]
PY
