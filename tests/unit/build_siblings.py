"""Networks as other people build and save them, with what each gives for some faces."""

import json
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np

SIDE = 24
layers = keras.layers


def trunk(*end: keras.layers.Layer, channels: int = 1, batch: int | None = None) -> keras.Model:
    """A small network whose last layers are ``end``."""
    shape = (batch, SIDE, SIDE, channels)
    return keras.Sequential([
        keras.Input(batch_shape=shape),
        layers.Conv2D(8, 5, strides=3, activation="relu", kernel_initializer="random_normal"),
        layers.GlobalAveragePooling2D(),
        *end,
    ])  # fmt: skip


def dense(activation: str | None = None) -> keras.layers.Layer:
    return layers.Dense(
        7,
        activation=activation,
        kernel_initializer=keras.initializers.RandomNormal(stddev=3),
        bias_initializer="random_normal",
    )


def nested() -> keras.Model:
    """A backbone and a head, each a network of its own, within a third."""
    pixels = keras.Input((SIDE, SIDE, 1))
    backbone = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            layers.Conv2D(8, 5, strides=3, activation="relu"),
            layers.BatchNormalization(),
        ]
    )
    maps = keras.Input(backbone.output_shape[1:])
    head = keras.Model(
        maps, layers.Activation("softmax")(dense()(layers.GlobalAveragePooling2D()(maps)))
    )
    return keras.Model(pixels, head(backbone(pixels)))


def mean() -> keras.Model:
    pixels = keras.Input((SIDE, SIDE, 1))
    return keras.Model(
        pixels, layers.Average()([trunk(dense("softmax"))(pixels) for _ in range(2)])
    )


def mixed() -> keras.Model:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return trunk(dense(), layers.Activation("softmax", dtype="float32"))
    finally:
        keras.config.set_dtype_policy("float32")


def sure() -> keras.Model:
    model = keras.Sequential(
        [keras.Input((SIDE, SIDE, 1)), layers.Flatten(), layers.Dense(7, activation="sigmoid")]
    )
    bias = np.full(7, -5, np.float32)
    bias[3] = 5
    model.layers[-1].set_weights([np.zeros((SIDE * SIDE, 7), np.float32), bias])
    return model


def reshaped() -> keras.Model:
    pixels = keras.Input(batch_shape=(4, SIDE, SIDE, 1))
    return keras.Model(pixels, dense("softmax")(keras.ops.reshape(pixels, (4, SIDE * SIDE))))


def open_size() -> keras.Model:
    pixels = keras.Input((None, None, 3))
    maps = layers.Conv2D(8, 5, strides=3, activation="relu")(pixels)
    return keras.Model(pixels, dense("softmax")(layers.GlobalAveragePooling2D()(maps)))


def as_keras_2(model: keras.Model, folder: Path) -> None:
    """The two files that Keras 2 would have written: other modules, other groups of weights."""
    model.save(folder / "new.keras")
    with (
        zipfile.ZipFile(folder / "new.keras") as new,
        zipfile.ZipFile(folder / "keras-2.keras", "w") as old,
    ):
        text = new.read("config.json").decode()
        for kind, module, place in (
            ("Functional", "keras.src.models.functional", "functional"),
            ("Sequential", "keras", "sequential"),
        ):
            text = text.replace(
                f'"module": "{module}", "class_name": "{kind}"',
                f'"module": "keras.src.engine.{place}", "class_name": "{kind}"',
            )
        policy = {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": "float32"},
            "registered_name": None,
        }
        old.writestr("config.json", text.replace(json.dumps(policy), '"float32"'))
        old.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
        weights = folder / "w.h5"
        weights.write_bytes(new.read("model.weights.h5"))
        with h5py.File(weights, "r+") as opened:
            _rename(opened)
        old.write(weights, "model.weights.h5")
    model.save(folder / "keras-2.h5")
    with h5py.File(folder / "keras-2.h5", "r+") as opened:
        config = json.loads(opened.attrs["model_config"])
        opened.attrs["model_config"] = json.dumps(_without_modules(config))


def _rename(group: h5py.Group) -> None:
    if "layers" in group:
        for name in group["layers"]:
            _rename(group["layers"][name])
        group.move("layers", "_layer_checkpoint_dependencies")


def _without_modules(value: object) -> object:
    """Keras 2 named no modules in HDF5 files, and wrote groups for depthwise layers."""
    if isinstance(value, dict):
        rest = {
            k: _without_modules(v)
            for k, v in value.items()
            if k not in ("module", "registered_name", "build_config")
        }
        if rest.get("class_name") == "DTypePolicy":
            return "float32"
        if rest.get("class_name") == "DepthwiseConv2D":
            rest["config"]["groups"] = 1
        return rest
    return [_without_modules(one) for one in value] if isinstance(value, list) else value


def _described(file: Path, layer: dict) -> None:
    """Replace the first hidden layer in the description of an HDF5 file."""
    with h5py.File(file, "r+") as opened:
        config = json.loads(opened.attrs["model_config"])
        config["config"]["layers"][1] = layer
        opened.attrs["model_config"] = json.dumps(config)


def main(folder: Path, faces: np.ndarray) -> None:
    keras.utils.set_random_seed(11)
    grey = faces[..., :1].astype(np.float32) / 255
    networks = {
        "sigmoid": trunk(dense("sigmoid")),
        "sigmoid-layer": trunk(dense(), layers.Activation("sigmoid")),
        "nested": nested(),
        "mean": mean(),
        "log-softmax": trunk(dense("log_softmax")),
        "mixed": mixed(),
        "fixed": trunk(dense("softmax"), batch=2),
        "tanh": trunk(dense("tanh")),
        "sure": sure(),
        "reshaped": reshaped(),
    }
    for name, model in networks.items():
        model.save(folder / f"{name}.keras")
        if name in ("fixed", "reshaped"):
            size = model.inputs[0].shape[0]
            given = [model.predict_on_batch(np.repeat(face[None], size, 0))[0] for face in grey]
            np.save(folder / f"{name}.npy", np.stack(given))
        else:
            np.save(folder / f"{name}.npy", model.predict_on_batch(grey))
    networks["sigmoid"].save(folder / "sigmoid.h5")
    networks["nested"].save(folder / "nested.h5")
    networks["sigmoid"].save_weights(folder / "only.weights.h5")
    (folder / "only.weights.h5").rename(folder / "weights.h5")
    for name, kind in (("operation", "TFOpLambda"), ("lambda", "Lambda")):
        networks["sigmoid"].save(folder / f"{name}.h5")
        _described(folder / f"{name}.h5", {"class_name": kind, "config": {"name": "x"}})
    mobile = keras.Sequential([
        keras.Input((SIDE, SIDE, 1)), layers.Conv2D(4, 3), layers.DepthwiseConv2D(3), layers.ReLU(),
        keras.Sequential([layers.GlobalAveragePooling2D(), dense("softmax")]),
    ])  # fmt: skip
    as_keras_2(mobile, folder)
    np.save(folder / "keras-2.npy", mobile.predict_on_batch(grey))
    model = open_size()
    model.save(folder / "open.keras")
    rgb = faces.astype(np.float32) / 255
    mono = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    for name, pixels in (
        ("RGB", rgb),
        ("BGR", rgb[..., ::-1]),
        ("grey", np.repeat(mono[..., None], 3, axis=3)),
    ):
        np.save(folder / f"open-{name}.npy", model.predict_on_batch(np.ascontiguousarray(pixels)))
    one = trunk(dense("softmax"), batch=1)
    one.export(folder / "one.tflite", format="litert", verbose=False)
    np.save(folder / "one.npy", np.concatenate([one.predict_on_batch(face[None]) for face in grey]))
    networks["sigmoid"].export(folder / "sigmoid.tflite", format="litert", verbose=False)
