#!/usr/bin/env bash
# Keras 3.15.1: an optimizer with use_ema=True averages the trainable weights only. After fit the averaged
# weights stand in the model, but BatchNormalization keeps the moving averages of the raw weights.
# Observed on synthetic images, four classes: validation loss 0.03 in the last epoch of fit (raw weights), 0.45
# after fit (averaged weights), 0.04 once the BatchNormalization statistics are estimated again with them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.0
KERAS_BACKEND=jax JAX_PLATFORMS=cpu env/bin/python - <<'PY'
import keras
import numpy as np

layers = keras.layers


def images(count, seed):
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    pixels = random.normal(0, 1, (count, 16, 16, 1)).astype("float32")
    for image, label in zip(pixels, labels):  # the class is the bright quarter
        top, left = label // 2 * 8, label % 2 * 8
        image[top : top + 8, left : left + 8] += 0.6
    return pixels * 3 + 5, labels


keras.utils.set_random_seed(1)
maps = inputs = keras.Input((16, 16, 1))
for width in (8, 16, 16):
    maps = layers.Conv2D(width, 3, padding="same", use_bias=False)(maps)
    maps = layers.BatchNormalization(momentum=0.9)(maps)
    maps = layers.MaxPooling2D()(layers.Activation("relu")(maps))
model = keras.Model(inputs, layers.Dense(4, activation="softmax")(layers.Flatten()(maps)))
optimizer = keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.99)
model.compile(optimizer, "sparse_categorical_crossentropy")
train, validation = images(2048, 0), images(1024, 1)
history = model.fit(*train, batch_size=64, epochs=4, validation_data=validation, verbose=0)
in_fit, after = history.history["val_loss"][-1], model.evaluate(*validation, verbose=0)

norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
seen = []
for layer in norms:
    layer.momentum = 0.0  # the statistics of one batch
for start in range(0, 2048, 128):
    model(train[0][start : start + 128], training=True)
    seen.append([[keras.ops.convert_to_numpy(v) for v in (n.moving_mean, n.moving_variance)] for n in norms])
for number, layer in enumerate(norms):
    layer.moving_mean.assign(np.mean([batch[number][0] for batch in seen], axis=0))
    layer.moving_variance.assign(np.mean([batch[number][1] for batch in seen], axis=0))
again = model.evaluate(*validation, verbose=0)
print(f"validation loss: in fit {in_fit:.3f}, after fit {after:.3f}, statistics estimated again {again:.3f}")
assert after > 3 * in_fit and after > 3 * again
PY
