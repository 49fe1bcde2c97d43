"""The fields of a config as widgets, with the help that ``TrainConfig`` carries."""

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any

import streamlit as st

from fer_core.training.config import Augmentation, TrainConfig

TITLES = {
    "epochs": "Epochs", "batch_size": "Batch", "learning_rate": "Learning rate",
    "schedule": "Schedule", "warmup_epochs": "Warm-up epochs", "weight_decay": "Weight decay",
    "optimizer": "Optimizer", "seed": "Seed", "ema": "Averaged weights",
    "input_size": "Input size", "channels": "Channels", "alpha": "Width", "dropout": "Dropout",
    "head_epochs": "Epochs for the heads alone", "train_from": "Frozen share",
    "batchnorm_momentum": "BatchNorm momentum", "refresh_batchnorm": "BatchNorm refresh",
    "loss": "Loss", "class_weights": "Class weights", "label_smoothing": "Label smoothing",
    "focal_gamma": "Focal gamma", "effective_beta": "Effective beta",
    "logit_adjustment": "Logit adjustment", "ferplus_weight": "Weight of the votes",
    "monitor": "Monitor", "early_stopping": "EarlyStopping: patience",
    "early_stopping_min_delta": "Least gain", "reduce_lr": "ReduceLROnPlateau: patience",
    "reduce_lr_factor": "ReduceLROnPlateau: factor",
    "reduce_lr_min": "ReduceLROnPlateau: lowest rate", "tensorboard": "TensorBoard",
    "flip": "Mirrored, probability", "rotation": "Rotation, degrees", "shift": "Shift",
    "zoom": "Zoom", "brightness": "Brightness", "contrast": "Contrast", "noise": "Noise",
    "erasing": "Erased rectangle, probability", "sharpness": "Sharpness", "mixup": "MixUp, alpha",
    "cutmix": "CutMix, probability", "webcam": "Spoilt as webcams do, share",
}  # fmt: skip

GROUPS = {
    "Network": ("input_size", "channels", "alpha", "dropout", "head_epochs", "train_from",
                "batchnorm_momentum", "refresh_batchnorm"),
    "Loss and labels": ("loss", "class_weights", "label_smoothing", "focal_gamma",
                        "effective_beta", "logit_adjustment", "ferplus_weight"),
    "Optimizer": ("optimizer", "schedule", "warmup_epochs", "weight_decay", "ema", "seed"),
    "Callbacks": ("monitor", "early_stopping", "early_stopping_min_delta", "reduce_lr",
                  "reduce_lr_factor", "reduce_lr_min", "tensorboard"),
}  # fmt: skip

ONLY_WITH = {
    "focal_gamma": ("loss", "focal"), "effective_beta": ("loss", "class_balanced"),
    "logit_adjustment": ("loss", "logit_adjusted"), "warmup_epochs": ("schedule", "cosine"),
    "alpha": ("architecture", "mobilenetv2"), "reduce_lr": ("schedule", "constant"),
    "reduce_lr_factor": ("schedule", "constant"), "reduce_lr_min": ("schedule", "constant"),
}  # fmt: skip
"""Fields that count only where another has that value."""

KNOWN = {one.name: one for one in fields(TrainConfig)}


def groups(values: dict[str, Any], key: str) -> None:
    """All further fields, folded; ``values`` is changed to what is chosen."""
    for title, names in GROUPS.items():
        with st.expander(title):
            _group(names, values, key)
            if title == "Callbacks":
                st.caption(
                    "Always on: ModelCheckpoint keeps the best epoch by the monitor, and the model "
                    "is made of that one; CSVLogger writes history.csv; a loss that is not a "
                    "number stops the run. ReduceLROnPlateau needs the constant schedule."
                )
    with st.expander("Augmentation"), st.grid(min_column_width=200, gap="medium"):
        inner = values["augmentation"]
        for one in fields(Augmentation):
            inner[one.name] = field(one, inner[one.name], f"{key}-augmentation")


def _group(names: tuple[str, ...], values: dict[str, Any], key: str) -> None:
    with st.grid(min_column_width=200, gap="medium"):
        for name in names:
            only = ONLY_WITH.get(name)
            if only is None or values[only[0]] == only[1]:
                own = f"{key}-{values['start']}" if name in ("input_size", "channels") else key
                values[name] = field(KNOWN[name], values[name], own)  # a start brings its own shape


def field(one: "Field[Any]", value: Any, key: str) -> Any:
    """One widget; its value."""
    known: Mapping[str, Any] = one.metadata
    title, key = TITLES[one.name], f"{key}-{one.name}"
    common = {"help": known.get("help"), "key": key, "persist_state": "session"}
    if known.get("choices"):
        options = list(known["choices"])
        return st.selectbox(title, options, options.index(value), format_func=_plain, **common)
    if isinstance(one.default, bool):
        return st.toggle(title, value, **common)
    low, high = known.get("low", 0), known.get("high", 100)
    if isinstance(one.default, int):
        return int(st.number_input(title, int(low), int(high), int(value), **common))
    return st.number_input(
        title, float(low), float(high), float(value), step=None or _step(value), format="%g",
        **common,
    )  # fmt: skip


def _step(value: float) -> float:
    """About a tenth of the value, so that the buttons are of use."""
    return 10.0 ** (len(f"{value:.0f}") - 2) if value >= 1 else 0.05 if value >= 0.1 else 0.0005


def _plain(choice: object) -> str:
    return str(choice).replace("_", " ")
