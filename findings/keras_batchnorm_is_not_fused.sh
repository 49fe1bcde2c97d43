#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0 trains BatchNormalization with separate operations, not with TensorFlow's FusedBatchNormV3,
# which Keras 2 used. Each of them reads and writes the whole feature map, so the layer costs more than the convolutions around it.
# Observed on MobileNetV2 at 96 pixels, batches of 32: no fused operation among those of a step, and one for each of the
# 52 layers if the layer's call is replaced; values and gradients of a layer agree within 1e-3; the step takes about 0.6 times
# as long on two CPU cores.
# The time is printed; the test is for the operations and the values.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow==2.21.0
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES= env/bin/python - <<'PY'
import time

import keras
import numpy as np
import tensorflow as tf

Layer = keras.layers.BatchNormalization
own_call = Layer.call


def fused_call(self, inputs, training=None, mask=None):
    if not training:
        return own_call(self, inputs, training=training, mask=mask)
    outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        inputs, self.gamma.value, self.beta.value, epsilon=self.epsilon, is_training=True
    )
    for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
        average.assign(average * self.momentum + value * (1 - self.momentum))
    return outputs


def measure(call):
    """Return the names of a step's operations and its seconds, and a layer's values and gradients."""
    Layer.call = call
    keras.utils.set_random_seed(1)
    network = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(96, 96, 3), pooling="avg")
    random = np.random.default_rng(2)
    pixels = tf.constant(random.normal(size=(32, 96, 96, 3)).astype("float32"))
    target = tf.constant(random.normal(size=(32, 1280)).astype("float32"))

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((network(pixels, training=True) - target) ** 2)
        return tape.gradient(loss, network.trainable_variables)

    names = [op.type for op in step.get_concrete_function().graph.get_operations()]
    times = []
    for _ in range(9):
        begun = time.perf_counter()
        step()[0].numpy()
        times.append(time.perf_counter() - begun)
    layer = Layer()
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        values = layer(pixels, training=True)
        loss = tf.reduce_sum(tf.sin(values))
    gradients = tape.gradient(loss, [pixels, *layer.trainable_variables])
    return names, [values.numpy(), *(g.numpy() for g in gradients)], sorted(times)[len(times) // 2]


names, plain, seconds = measure(own_call)
fused_names, fused, fused_seconds = measure(fused_call)
count = [found.count("FusedBatchNormV3") for found in (names, fused_names)]
print("fused operations:", *count, "; operations of a step:", len(names), len(fused_names))
print(f"a step: {seconds * 1000:.0f} ms as it is, {fused_seconds * 1000:.0f} ms fused")
assert count == [0, 52]
far = max(np.abs(a - b).max() / np.abs(a).max() for a, b in zip(plain, fused))
print(f"values and gradients of a layer differ by at most {far:.1e} of the largest")
assert far < 1e-3
PY
