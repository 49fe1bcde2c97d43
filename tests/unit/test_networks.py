"""The architectures, and the models they may start from."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from fer_core.errors import TrainingError
from fer_core.training.config import TrainConfig
from tests.pictures_kit import TINY

keras = pytest.importorskip("keras")

from fer_core.training import networks  # noqa: E402


@pytest.fixture(autouse=True)
def clear_session() -> Iterator[None]:
    yield
    keras.backend.clear_session()


@pytest.mark.parametrize("architecture", ["mobilenetv2", "fernet"])
def test_networks_give_logits_of_every_reading(architecture: str) -> None:
    config = replace(TINY, architecture=architecture)
    network = networks.build(config)
    logits = network.predict_on_batch(np.zeros((2, 32, 32, 1), np.float32))
    assert {name: np.shape(v) for name, v in logits.items()} == {
        "fer2013": (2, 7), "ferplus": (2, 7),
    }  # fmt: skip
    kinds = {type(layer).__module__.split(".")[0] for layer in network.layers}
    assert kinds == {"keras"}


def test_fernet_stays_small() -> None:
    config = TrainConfig(architecture="fernet", start="scratch", input_size=48)
    assert networks.build(config).count_params() <= 1_500_000


def test_batchnorm_follows_the_weights() -> None:
    network = networks.build(replace(TINY, architecture="mobilenetv2"))
    norms = [x for x in network.layers if "BatchNorm" in type(x).__name__]
    assert norms
    assert {x.momentum for x in norms} == {0.9}


def test_stride_one_stem_doubles_the_feature_map() -> None:
    plain, fine = (
        networks.build(replace(TINY, architecture="mobilenetv2", stride1_stem=on))
        .get_layer("features")
        .output.shape[1]
        for on in (False, True)
    )
    assert (plain, fine) == (1, 2)


def test_a_start_from_another_architecture_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"mobilenetv2 \d+x\d+x1 .*; this run is for fernet 32"):
        networks.build(replace(TINY, architecture="fernet", start="mobilenetv2"))


@pytest.mark.parametrize("start", ["nowhere", "nowhere.weights.h5"])
def test_a_start_that_does_not_exist_is_refused(start: str) -> None:
    with pytest.raises(TrainingError, match="start"):
        networks.build(replace(TINY, architecture="mobilenetv2", start=start))


def test_a_start_may_have_another_input_size() -> None:
    config = TrainConfig(start="mobilenetv2", input_size=64, dropout=0.1)
    network, shipped = (networks.build(replace(config, input_size=size)) for size in (64, 96))
    assert network.inputs[0].shape[1:] == (64, 64, 1)
    assert network.get_layer("dropout").rate == 0.1
    for ours, theirs in zip(network.get_weights(), shipped.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_start_of_another_width_is_refused() -> None:
    config = TrainConfig(start="mobilenetv2", input_size=64, alpha=0.5)
    with pytest.raises(TrainingError, match="another width"):
        networks.build(config)
