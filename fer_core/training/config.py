"""The choices of a training run: one frozen ``TrainConfig``, as YAML on disk."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, get_args

import yaml
from pydantic import Field
from pydantic.dataclasses import dataclass

from fer_core.errors import FerError, TrainingError
from fer_core.images.augment import Spec
from fer_core.system.config_fields import (
    STRICT,
    Checked,
    Names,
    Numbers,
    described,
    fields_of,
    must_be,
    no_such_field,
    shown_name,
)
from fer_core.system.files import reading, write_bytes
from fer_core.system.yaml_files import fields_of as yaml_fields

Architecture = Literal["mobilenetv2", "mobilenet", "fernet", "fernet-large"]
Loss = Literal["cross_entropy", "focal", "class_balanced", "logit_adjusted"]
ClassWeights = Literal["none", "balanced", "effective"]
Optimizer = Literal["adamw", "sgd"]
Schedule = Literal["cosine", "constant"]
Monitor = Literal["val_accuracy", "val_macro_f1", "val_loss"]

ARCHITECTURES: Final[tuple[str, ...]] = get_args(Architecture)
HEADS: Final = ("fer2013", "ferplus")
VERSION: Final = 1


def _range(name: str, default: float) -> Any:
    """Return a range of ``Spec`` with another default."""
    field = fields_of(Spec)[name]
    return described(default, field.help, high=field.high)


@dataclass(frozen=True, config=STRICT)
class Augmentation(Spec):
    """The ranges of ``augment.Spec`` and what only training does; 0 turns a change off."""

    error: ClassVar[type[FerError]] = TrainingError
    prefix: ClassVar[str] = "augmentation."

    rotation: float = _range("rotation", 12.0)
    shift: float = _range("shift", 0.09)
    zoom: float = _range("zoom", 0.15)
    brightness: float = _range("brightness", 0.14)
    contrast: float = _range("contrast", 0.35)
    noise: float = _range("noise", 12.0)
    erasing: float = _range("erasing", 0.4)
    sharpness: float = described(
        1.0, "Largest unsharp mask (up) or blur (down), as a share of the detail.", high=1
    )
    mixup: float = described(
        0.0, "Alpha of MixUp's beta distribution (Zhang et al., 2018); two images are blended.",
        high=4,
    )  # fmt: skip
    cutmix: float = described(
        0.0, "Probability of CutMix (Yun et al., 2019): a box from another image.", high=1
    )
    webcam: float = described(
        0.0, "Share of images degraded as a webcam does: blur, low light, JPEG, few pixels.",
        high=1,
    )  # fmt: skip
    occlusion: float = described(
        0.0, "Share of images in which a mask, a hand or sunglasses cover part of the face.",
        high=1,
    )  # fmt: skip


@dataclass(frozen=True, config=STRICT)
class TrainConfig(Checked):
    """Every choice of a run. Wrong values raise ``TrainingError`` naming the field.

    The defaults are the recipe ``mobilenetv2-imagenet``. Each field carries its help and limits
    (see ``config_fields.fields_of``); the training page and the documentation show them.
    """

    architecture: Architecture = described("mobilenetv2", "The network.")
    start: str = described(
        "imagenet",
        "Initial weights: imagenet, scratch, a .weights.h5 file of the network without top "
        "(trained on ImageNet or on faces), or a model (name or folder) to continue from.",
    )
    input_size: int = described(96, "Side of the square input in pixels.", 32, 224)
    channels: Literal[1, 3] = described(1, "1 for grey input, 3 for RGB.", None)
    alpha: float = described(1.0, "Width of MobileNetV2 and MobileNet.", 0.35, 1.4)
    stride1_stem: bool = described(
        False, "MobileNetV2 without its first halving, for small inputs such as 48."
    )
    dropout: float = described(0.3, "Dropout before the heads.", high=0.9)
    heads: Names = described(
        HEADS, "Label sources, a head each: the dataset's labels (fer2013), FER+ votes."
    )
    loss: Loss = described("cross_entropy", "Loss on the dataset's labels.")
    label_smoothing: float = described(
        0.1, "Share of each label spread over all classes.", high=0.9
    )
    focal_gamma: float = described(2.0, "Focus of the focal loss on hard samples.", high=10)
    effective_beta: float = described(
        0.999, "Beta of the effective number of samples (Cui et al., 2019).", high=0.99999
    )
    logit_adjustment: float = described(
        1.0, "Strength of the class prior in the logit-adjusted loss.", high=3
    )
    class_weights: ClassWeights = described("none", "Weight of each class in the loss on labels.")
    ferplus_weight: float = described(
        1.0, "Weight of the loss on FER+ votes beside the labels'.", high=9
    )
    teachers: Names = described(
        (), "Models to learn from besides the labels (knowledge distillation)."
    )
    teacher_weights: Numbers = described(
        (), "Weight of each teacher in their mean; left out: equal weights."
    )
    distill_weight: float = described(
        0.5, "Share of the loss that comes from the teachers.", high=1
    )
    distill_temperature: float = described(
        2.0, "Softening of teachers and network (Hinton et al., 2015).", 0.1, 20
    )
    optimizer: Optimizer = described("adamw", "AdamW, or SGD with Nesterov momentum 0.9.")
    learning_rate: float = described(1e-3, "Highest learning rate.", 1e-7, 1)
    schedule: Schedule = described(
        "cosine", "Cosine with warm-up down to a thousandth, or constant."
    )
    warmup_epochs: float = described(
        0.5, "Epochs until the cosine schedule is at its highest.", high=50
    )
    weight_decay: float = described(0.02, "Decoupled weight decay.", high=1)
    epochs: int = described(15, "Passes over the training images.", 1, 10_000)
    batch_size: int = described(64, "Images a step.", 1, 4096)
    sam: float = described(
        0.0, "Radius of sharpness-aware minimization, such as 0.05; 0 for none. Twice the time.",
        high=1,
    )  # fmt: skip
    small_size: int = described(
        0, "Input size of the first small_epochs: a multiple of 32 below input_size.", high=224
    )
    small_epochs: int = described(
        0, "First epochs that train at small_size, in a part of the time.", high=10_000
    )
    head_epochs: int = described(0, "First epochs that train the heads only.", high=10_000)
    train_from: float = described(
        0.0, "Share of the backbone's layers that stays frozen, counted from the input.", high=1
    )
    batchnorm_momentum: float = described(
        0.9, "Momentum of BatchNorm's averages. Keras' MobileNetV2 has 0.999, which trails.",
        high=0.9999,
    )  # fmt: skip
    refresh_batchnorm: int = described(
        0, "Batches on which BatchNorm's averages are measured again before each validation.",
        high=1000,
    )  # fmt: skip
    ema: float = described(
        0.0, "Momentum of the weights' moving average; 0 for none.", high=0.99999
    )
    monitor: Monitor = described("val_accuracy", "The metric that decides which epoch is best.")
    early_stopping: int = described(0, "Epochs without improvement after which to stop; 0 never.")
    early_stopping_min_delta: float = described(
        0.0, "Smallest gain that counts as an improvement.", high=1
    )
    reduce_lr: int = described(
        0, "Epochs without improvement after which the learning rate falls; 0 never. "
        "Needs the constant schedule.",
    )  # fmt: skip
    reduce_lr_factor: float = described(0.5, "Factor by which the learning rate falls.", high=0.99)
    reduce_lr_min: float = described(1e-6, "Lowest learning rate.", high=1)
    tensorboard: bool = described(False, "Also write TensorBoard's event files.")
    seed: int = described(7, "Seed of all random numbers.", high=2**31)
    augmentation: Augmentation = Field(
        default_factory=Augmentation, description="How images are changed in training."
    )

    def __post_init__(self) -> None:
        if not self.heads or not set(self.heads) <= set(HEADS):
            raise _not_allowed("heads", f"one or both of {', '.join(HEADS)}", self.heads)
        if self.reduce_lr and self.schedule != "constant":
            allowed = "0 with the cosine schedule, which sets the rate itself"
            raise _not_allowed("reduce_lr", allowed, self.reduce_lr)
        is_file = self.start.endswith(".weights.h5")
        if self.architecture.startswith("fernet") and (is_file or self.start == "imagenet"):
            raise _not_allowed("start", f"scratch or a model for {self.architecture}", self.start)
        if self.architecture == "mobilenet" and self.start == "imagenet":
            allowed = "scratch, a .weights.h5 file or a model for mobilenet"
            raise _not_allowed("start", allowed, self.start)
        self._check_sizes()
        weights = self.teacher_weights
        if weights and (len(weights) != len(self.teachers) or min(weights) <= 0):
            allowed = f"a number above 0 for each of the {len(self.teachers)} teachers"
            raise _not_allowed("teacher_weights", allowed, weights)
        if self.head_epochs >= self.epochs:
            raise _not_allowed(
                "head_epochs", f"fewer than epochs ({self.epochs})", self.head_epochs
            )

    def _check_sizes(self) -> None:
        """Progressive sizes pad alike: every halving is of an even number of pixels."""
        if not self.small_epochs:
            return
        if (
            self.input_size % 32
            or self.small_size % 32
            or not 32 <= self.small_size < self.input_size
        ):
            allowed = f"a multiple of 32 below an input_size that is one ({self.input_size})"
            raise _not_allowed("small_size", allowed, self.small_size)
        if self.small_epochs >= self.epochs:
            raise _not_allowed(
                "small_epochs", f"fewer than epochs ({self.epochs})", self.small_epochs
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, lists for tuples, with the version of the format."""
        values = asdict(self)
        values = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
        return {"version": VERSION, **values}

    def save(self, file: Path) -> None:
        """Write as YAML."""
        write_bytes(file, yaml.safe_dump(self.to_dict(), sort_keys=False).encode())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainConfig":
        """Return the config of ``values``; fields left out have their defaults.

        Raises:
            TrainingError: An unknown field, a wrong type or value, or a newer version.
        """
        outer = dict(values)
        if "readings" in outer:  # the name in version 0.1
            outer.setdefault("heads", outer.pop("readings"))
        version = outer.pop("version", VERSION)
        if version != VERSION:
            raise TrainingError(
                f"this program reads configs of version {VERSION}. Received: {version!r}. "
                "Update FER Studio or write the config again."
            )
        inner = outer.pop("augmentation", {})
        if not isinstance(inner, Mapping):
            raise _not_allowed("augmentation", "a group of fields", inner)
        _check_names(outer, cls, "")
        _check_names(inner, Augmentation, "augmentation.")
        return cls(**outer, augmentation=Augmentation(**inner))

    @classmethod
    def load(cls, file: Path) -> "TrainConfig":
        """Read YAML; see ``from_dict``."""
        with reading(file, TrainingError):
            data = file.read_bytes()
        try:
            return cls.from_dict(yaml_fields(data))
        except TrainingError as error:
            raise TrainingError(f"{file}: {error}") from error


def differences(config: TrainConfig, other: TrainConfig) -> list[tuple[str, Any, Any]]:
    """Return the fields in which two configs differ, with both values."""
    first, second = _flat(config), _flat(other)
    return [(name, first[name], second[name]) for name in first if first[name] != second[name]]


def _flat(config: TrainConfig) -> dict[str, Any]:
    values = config.to_dict()
    inner = values.pop("augmentation")
    return values | {f"augmentation.{name}": value for name, value in inner.items()}


def recipes() -> dict[str, Path]:
    """Return the recipes that come with this package, name to file."""
    folder = Path(__file__).parent / "recipes"
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def _check_names(values: Mapping[Any, Any], config: type, prefix: str) -> None:
    fields = fields_of(config)
    for name in values:
        if name not in fields:
            raise no_such_field(f"{prefix}{shown_name(name)}", fields)


def _not_allowed(name: str, allowed: str, value: Any) -> TrainingError:
    return TrainingError(must_be(name, allowed, value))
