"""The start file from faces: a network whose BatchNorm was folded gets it back."""

import json
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from scripts import face_start  # noqa: E402  # after keras


@pytest.fixture(scope="module")
def faces():
    return np.random.default_rng(1).uniform(-1, 1, (8, 32, 32, 3)).astype(np.float32)


def network():
    return keras.applications.MobileNet((32, 32, 3), alpha=0.25, include_top=False, weights=None)


def fold(source, folder: Path):
    """Write a network as TensorFlow.js has it: BatchNorm folded, BGR pixels less their mean."""
    tensors = {}
    for layer, norm in face_start.convolutions(source):
        (kernel,), (gamma, beta, mean, variance) = layer.get_weights(), norm.get_weights()
        scale = gamma / np.sqrt(variance + norm.epsilon)
        shift = beta - mean * scale
        if layer.name.startswith("conv_dw"):
            tensors[f"{layer.name}/depthwise_kernel"] = kernel
            tensors[f"{layer.name}_bn/batchnorm_1/mul"] = scale
        else:
            kernel = kernel * scale
            if layer.name == "conv1":
                kernel = kernel[:, :, ::-1] / 127.5
                shift = shift - np.einsum("hwio,i->o", kernel, 127.5 - face_start.MEAN_BGR)
            tensors[f"{layer.name}/convolution/merged_input"] = kernel
        tensors[f"{layer.name}_bn/batchnorm_1/sub"] = shift
    entries = [{"name": n, "shape": [*t.shape], "dtype": "float32"} for n, t in tensors.items()]
    (folder / "model.json").write_text(json.dumps({"weightsManifest": [{"weights": entries}]}))
    (folder / "model.bin").write_bytes(
        b"".join(t.astype("<f4").tobytes() for t in tensors.values())
    )
    return face_start.read_tensors(folder / "model.json", folder / "model.bin")


def test_batchnorm_is_restored(tmp_path, faces):
    source = network()
    random = np.random.default_rng(2)
    for _, norm in face_start.convolutions(source):
        gamma, beta, mean, variance = norm.get_weights()
        norm.set_weights(
            [
                random.uniform(0.5, 2, gamma.shape), random.normal(0, 0.3, beta.shape),
                random.normal(0, 0.1, mean.shape), random.uniform(0.5, 2, variance.shape),
            ]
        )  # fmt: skip
    tensors = fold(source, tmp_path)
    restored = network()
    face_start.restore(restored, tensors, faces)
    np.testing.assert_allclose(np.asarray(restored(faces)), np.asarray(source(faces)), atol=1e-4)
    first = restored.get_layer("conv1_bn").get_weights()
    assert not np.allclose(first[2], 0)  # averages were measured
    filters = restored.get_layer("conv_pw_3").get_weights()[0]
    np.testing.assert_allclose((filters**2).sum(axis=(0, 1, 2)), 1, atol=1e-5)
    in_training = np.asarray(restored(faces, training=True))
    np.testing.assert_allclose(in_training, np.asarray(restored(faces)), atol=0.05)


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="no PNG or JPEG"):
        face_start.read_faces(tmp_path, 10)
