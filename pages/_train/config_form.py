"""The fields of a config as widgets, with the help that ``TrainConfig`` carries."""

from typing import Any

import streamlit as st

from fer_core.system.config_fields import ConfigField, fields_of
from fer_core.training.config import Augmentation, TrainConfig

TITLES = {
    "epochs": "Epochs", "batch_size": "Batch size", "learning_rate": "Learning rate",
    "schedule": "Schedule", "warmup_epochs": "Warm-up epochs", "weight_decay": "Weight decay",
    "optimizer": "Optimizer", "seed": "Seed", "ema": "EMA of weights",
    "input_size": "Input size", "channels": "Channels", "alpha": "Width", "dropout": "Dropout",
    "head_epochs": "Head-only epochs", "train_from": "Frozen layers (share)",
    "batchnorm_momentum": "BatchNorm momentum", "refresh_batchnorm": "BatchNorm refresh",
    "loss": "Loss", "class_weights": "Class weights", "label_smoothing": "Label smoothing",
    "focal_gamma": "Focal gamma", "effective_beta": "Effective beta",
    "logit_adjustment": "Logit adjustment", "ferplus_weight": "Weight of FER+ votes",
    "monitor": "Monitor", "early_stopping": "EarlyStopping: patience",
    "early_stopping_min_delta": "Min. improvement (min_delta)",
    "reduce_lr": "ReduceLROnPlateau: patience",
    "reduce_lr_factor": "ReduceLROnPlateau: factor",
    "reduce_lr_min": "ReduceLROnPlateau: lowest rate", "tensorboard": "TensorBoard",
    "flip": "Horizontal flip (probability)", "rotation": "Rotation (degrees)", "shift": "Shift",
    "zoom": "Zoom", "brightness": "Brightness", "contrast": "Contrast", "noise": "Noise",
    "erasing": "Random erasing (probability)", "sharpness": "Sharpness", "mixup": "MixUp (alpha)",
    "cutmix": "CutMix (probability)", "webcam": "Webcam degradation (share)",
    "occlusion": "Occlusion (share)",
}  # fmt: skip

GROUPS = {
    "Network": ("input_size", "channels", "alpha", "dropout", "head_epochs", "train_from",
                "batchnorm_momentum", "refresh_batchnorm"),
    "Loss and labels": ("label_smoothing", "focal_gamma", "effective_beta", "logit_adjustment",
                        "ferplus_weight"),
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
"""Fields that matter only where another field has that value."""

FIELDS = fields_of(TrainConfig)
AUGMENTATION = fields_of(Augmentation)


def groups(values: dict[str, Any], key: str) -> None:
    """Draw all further fields in expanders, and put their values into ``values``."""
    for title, names in GROUPS.items():
        with st.expander(title):
            _group(names, values, key)
            if title == "Callbacks":
                st.caption(
                    "Always on: ModelCheckpoint keeps the best epoch by the monitor, which becomes "
                    "the model; CSVLogger writes history.csv; a NaN loss stops the "
                    "run. ReduceLROnPlateau needs the constant schedule."
                )
    with st.expander("Augmentation"), st.grid(min_column_width=200, gap="medium"):
        inner = values["augmentation"]
        for name, about in AUGMENTATION.items():
            inner[name] = widget(about, inner[name], f"{key}-augmentation")


def _group(names: tuple[str, ...], values: dict[str, Any], key: str) -> None:
    with st.grid(min_column_width=200, gap="medium"):
        for name in names:
            only = ONLY_WITH.get(name)
            if only is None or values[only[0]] == only[1]:
                shape_key = f"{key}-{values['start']}"  # a model to continue from has its own shape
                widget_key = shape_key if name in ("input_size", "channels") else key
                values[name] = widget(FIELDS[name], values[name], widget_key)


def widget(field: ConfigField, value: Any, key: str) -> Any:
    """Draw one field and return its value."""
    title, key = TITLES[field.name], f"{key}-{field.name}"
    common = {"help": field.help, "key": key, "persist_state": "session"}
    if field.choices:
        index = field.choices.index(value)
        return st.selectbox(title, field.choices, index, format_func=_plain, **common)
    if field.kind is bool:
        return st.toggle(title, value, **common)
    if field.kind is int:
        high = None if field.high is None else int(field.high)
        return int(st.number_input(title, int(field.low), high, int(value), **common))
    return st.number_input(
        title, field.low, field.high, float(value), step=_step(value), format="%g", **common
    )


def _step(value: float) -> float:
    """Return about a tenth of the value, a useful step for the buttons."""
    return 10.0 ** (len(f"{value:.0f}") - 2) if value >= 1 else 0.05 if value >= 0.1 else 0.0005


def _plain(choice: object) -> str:
    return str(choice).replace("_", " ")
