"""BatchNorm as one operation: the values, gradients and averages of Keras' layer."""

import keras
import numpy as np
import pytest

from fer_core.training import networks
from fer_core.training.fused_batchnorm import FusedBatchNorm, fused


def built(channels: int = 5, **options) -> keras.layers.BatchNormalization:
    """A layer whose weights are not the initial ones."""
    layer = keras.layers.BatchNormalization(momentum=0.8, **options)
    layer.build((None, 4, 4, channels))
    random = np.random.default_rng(1)
    layer.set_weights([random.uniform(0.5, 2, w.shape) for w in layer.get_weights()])
    return layer


def run(layer, source: keras.layers.BatchNormalization, maps: np.ndarray, training: bool) -> list:
    """Values, gradients of maps and weights, and the source's weights after it."""
    import tensorflow as tf

    x = tf.constant(maps)
    with tf.GradientTape() as tape:
        tape.watch(x)
        values = layer(x, training=training)
        loss = tf.reduce_sum(tf.sin(values))
    gradients = tape.gradient(loss, [x, *source.trainable_weights])
    return [values.numpy(), *(g.numpy() for g in gradients), *source.get_weights()]


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}, {"epsilon": 0.1}])
@pytest.mark.parametrize("shape", [(6, 4, 4, 5), (1, 1, 1, 5)])
@pytest.mark.parametrize("training", [True, False])
def test_it_computes_what_the_layer_computes(options, shape, training: bool) -> None:
    maps = np.random.default_rng(2).normal(3, 2, shape).astype(np.float32)
    plain, source = built(**options), built(**options)
    expected = run(plain, plain, maps, training)
    found = run(FusedBatchNorm(source), source, maps, training)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


def test_a_frozen_layer_keeps_its_averages() -> None:
    source = built()
    source.trainable = False
    before = source.get_weights()
    maps = np.random.default_rng(2).normal(3, 2, (6, 4, 4, 5)).astype(np.float32)
    np.testing.assert_array_equal(FusedBatchNorm(source)(maps, training=True), source(maps))
    for a, b in zip(before, source.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("options", [{"renorm": True}, {"axis": 1}])
def test_other_kinds_stay_keras_own(options) -> None:
    layer = keras.layers.BatchNormalization(**options)
    assert fused(layer) is layer


def test_the_trained_model_has_the_variables_of_the_network_in_its_order() -> None:
    """A state that was saved without the operation is restored with it."""
    network = keras.Sequential([
        keras.Input((32, 32, 1)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(),
        keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(),
    ])  # fmt: skip
    trained = networks.for_training(network, 32)
    assert [id(v) for v in trained.variables] == [id(v) for v in network.variables]
    assert sum(isinstance(layer, FusedBatchNorm) for layer in trained.layers) == 2
    assert not any(isinstance(layer, FusedBatchNorm) for layer in network.layers)
