"""Configs to start from."""

from dataclasses import dataclass, replace
from typing import Final

from fer_core.training.config import HEADS, Augmentation, TrainConfig


@dataclass(frozen=True, slots=True)
class Preset:
    """A config with a sentence on when to choose it."""

    config: TrainConfig
    text: str


OWN_FACES: Final = "Own faces"
"""Preset for a dataset that was made here."""

PRESETS: Final = {
    OWN_FACES: Preset(
        TrainConfig(
            start="mobilenetv2", input_size=128, epochs=8, heads=("fer2013",), learning_rate=3e-4,
            train_from=0.6, head_epochs=1, batch_size=32, class_weights="balanced",
            warmup_epochs=1.0,
            augmentation=Augmentation(erasing=0.2),
        ),
        "For a small dataset of your own: the shipped model, its early layers frozen, a few "
        "epochs, class weights from the balance.",
    ),
    "Quick look": Preset(
        TrainConfig(
            architecture="fernet", start="scratch", input_size=48, heads=("fer2013",),
            learning_rate=2e-3, weight_decay=0.05, warmup_epochs=0.5, epochs=6,
            augmentation=Augmentation(erasing=0.0),
        ),
        "The small network from scratch, a few epochs: see it learn.",
    ),
    "Standard": Preset(
        TrainConfig(start="mobilenetv2", epochs=15),
        "The shipped MobileNetV2, trained further on your images, all layers.",
    ),
    "Best": Preset(
        TrainConfig(
            start="mobilenetv2", epochs=30, ema=0.999, augmentation=Augmentation(webcam=0.2),
            early_stopping=8,
        ),
        "Twice as long, with EMA of the weights and webcam degradation.",
    ),
}  # fmt: skip


def fitted(config: TrainConfig, has_votes: bool) -> TrainConfig:
    """Return ``config`` with the heads that a dataset with or without FER+ votes can train."""
    trainable = HEADS if has_votes else ("fer2013",)
    heads = tuple(head for head in config.heads if head in trainable) or ("fer2013",)
    return replace(config, heads=heads)
