"""What a training run is made of: one frozen ``TrainConfig``, as YAML on disk."""

from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import yaml

from fer_core.errors import TrainingError
from fer_core.images.augment import Spec
from fer_core.system.config_fields import described
from fer_core.system.files import reading, write_bytes
from fer_core.system.yaml_files import fields_of

ARCHITECTURES: Final = ("mobilenetv2", "fernet")
HEADS: Final = ("fer2013", "ferplus")
LOSSES: Final = ("cross_entropy", "focal", "class_balanced", "logit_adjusted")
CLASS_WEIGHTS: Final = ("none", "balanced", "effective")
OPTIMIZERS: Final = ("adamw", "sgd")
SCHEDULES: Final = ("cosine", "constant")
MONITORS: Final = ("val_accuracy", "val_macro_f1", "val_loss")
VERSION: Final = 1


RANGES: Final = {one.name: one for one in fields(Spec)}


def _other(name: str, default: float) -> Any:
    """A range of ``Spec`` with another default."""
    return field(default=default, metadata=RANGES[name].metadata)


@dataclass(frozen=True, slots=True)
class Augmentation(Spec):
    """``augmentation.Spec`` and what only training does; 0 turns a change off."""

    rotation: float = _other("rotation", 12.0)
    shift: float = _other("shift", 0.09)
    zoom: float = _other("zoom", 0.15)
    brightness: float = _other("brightness", 0.14)
    contrast: float = _other("contrast", 0.35)
    noise: float = _other("noise", 12.0)
    erasing: float = _other("erasing", 0.4)
    sharpness: float = described(
        1.0, "Largest unsharp mask (up) or blur (down), as a share of the detail.", high=1
    )
    mixup: float = described(
        0.0, "Alpha of MixUp's beta distribution (Zhang et al., 2018); pictures are blended.",
        high=4,
    )  # fmt: skip
    cutmix: float = described(
        0.0, "Probability of CutMix (Yun et al., 2019): a box from another picture.", high=1
    )
    webcam: float = described(
        0.0, "Share of pictures spoilt as a webcam would: blur, low light, JPEG, few pixels.",
        high=1,
    )  # fmt: skip

    def __post_init__(self) -> None:
        for one in fields(self):
            _check_number(f"augmentation.{one.name}", getattr(self, one.name), one)


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Every choice of a run. Wrong values raise ``TrainingError`` naming the field.

    The defaults are the recipe ``mobilenetv2-imagenet``. Each field carries its help in
    ``dataclasses.fields(TrainConfig)``'s metadata; the training page and the documentation show it.
    """

    architecture: str = described("mobilenetv2", "The network.", choices=ARCHITECTURES)
    start: str = described(
        "imagenet",
        "Where weights come from: imagenet, scratch, a .weights.h5 file of ImageNet weights "
        "without top, or a model (name or folder) to go on from.",
    )
    input_size: int = described(96, "Side of the square input in pixels.", low=32, high=224)
    channels: int = described(1, "1 for grey input, 3 for RGB.", choices=(1, 3))
    alpha: float = described(1.0, "Width of MobileNetV2.", low=0.35, high=1.4)
    stride1_stem: bool = described(
        False, "MobileNetV2 without its first halving, for small inputs such as 48."
    )
    dropout: float = described(0.3, "Dropout before the heads.", high=0.9)
    heads: tuple[str, ...] = described(
        HEADS, "Label sources, a head each: the dataset's labels (fer2013), FER+ votes."
    )
    loss: str = described("cross_entropy", "Loss on the dataset's labels.", choices=LOSSES)
    label_smoothing: float = described(
        0.1, "Share of each label spread over all classes.", high=0.9
    )
    focal_gamma: float = described(2.0, "Focus of the focal loss on hard pictures.", high=10)
    effective_beta: float = described(
        0.999, "Beta of the effective number of samples (Cui et al., 2019).", high=0.99999
    )
    logit_adjustment: float = described(
        1.0, "Strength of the class prior in the logit-adjusted loss.", high=3
    )
    class_weights: str = described(
        "none", "Weight of each class in the loss on labels.", choices=CLASS_WEIGHTS
    )
    ferplus_weight: float = described(
        1.0, "Weight of the loss on FER+ votes beside the labels'.", high=9
    )
    teachers: tuple[str, ...] = described(
        (), "Models to learn from besides the labels (knowledge distillation)."
    )
    distill_weight: float = described(
        0.5, "Share of the loss that comes from the teachers.", high=1
    )
    distill_temperature: float = described(
        2.0, "Softening of teachers and network (Hinton et al., 2015).", low=0.1, high=20
    )
    optimizer: str = described(
        "adamw", "AdamW, or SGD with Nesterov momentum 0.9.", choices=OPTIMIZERS
    )
    learning_rate: float = described(1e-3, "Highest learning rate.", low=1e-7, high=1)
    schedule: str = described(
        "cosine", "Cosine with warm-up down to a thousandth, or constant.", choices=SCHEDULES
    )
    warmup_epochs: float = described(
        0.5, "Epochs until the cosine schedule is at its highest.", high=50
    )
    weight_decay: float = described(0.02, "Decoupled weight decay.", high=1)
    epochs: int = described(15, "Passes over the training pictures.", low=1, high=10_000)
    batch_size: int = described(64, "Pictures a step.", low=1, high=4096)
    head_epochs: int = described(0, "First epochs that train the heads alone.", high=10_000)
    train_from: float = described(
        0.0, "Share of the backbone's layers that stays frozen, counted from the input.", high=1
    )
    batchnorm_momentum: float = described(
        0.9, "Of BatchNorm's averages. Keras' MobileNetV2 has 0.999, which trails.", high=0.9999
    )
    refresh_batchnorm: int = described(
        0, "Batches on which BatchNorm's averages are measured anew before each validation.",
        high=1000,
    )  # fmt: skip
    ema: float = described(
        0.0, "Momentum of the weights' moving average; 0 for none.", high=0.99999
    )
    monitor: str = described("val_accuracy", "What decides which epoch is best.", choices=MONITORS)
    early_stopping: int = described(0, "Epochs without a better one after which to stop; 0 never.")
    early_stopping_min_delta: float = described(0.0, "Gain that counts as better.", high=1)
    reduce_lr: int = described(
        0, "Epochs without a better one after which the learning rate falls; 0 never. "
        "Needs the constant schedule.",
    )  # fmt: skip
    reduce_lr_factor: float = described(0.5, "What the learning rate is multiplied by.", high=0.99)
    reduce_lr_min: float = described(1e-6, "The learning rate never falls below this.", high=1)
    tensorboard: bool = described(False, "Also write TensorBoard's event files.")
    seed: int = described(7, "Of everything drawn by chance.", high=2**31)
    augmentation: Augmentation = field(
        default_factory=Augmentation, metadata={"help": "How pictures are changed in training."}
    )

    def __post_init__(self) -> None:
        for one in fields(self):
            _check(one.name, getattr(self, one.name), one)
        self._check_together()

    def _check_together(self) -> None:
        if not self.heads or not set(self.heads) <= set(HEADS):
            raise _wrong("heads", f"one or both of {', '.join(HEADS)}", self.heads)
        if self.reduce_lr and self.schedule != "constant":
            raise _wrong("reduce_lr", "0 with the cosine schedule, which sets the rate itself",
                         self.reduce_lr)  # fmt: skip
        has_imagenet = self.start == "imagenet" or self.start.endswith(".weights.h5")
        if self.architecture == "fernet" and has_imagenet:
            raise _wrong("start", "scratch or a model for fernet", self.start)
        if self.head_epochs >= self.epochs:
            raise _wrong("head_epochs", f"fewer than epochs ({self.epochs})", self.head_epochs)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, lists for tuples, with the version of the format."""
        values = asdict(self)
        values = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
        return {"version": VERSION, **values}

    def save(self, file: Path) -> None:
        """Write as YAML."""
        write_bytes(file, yaml.safe_dump(self.to_dict(), sort_keys=False).encode())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainConfig":
        """The config of ``values``; fields left out have their defaults.

        Raises:
            TrainingError: An unknown field, a wrong type or value, or a newer version.
        """
        rest = dict(values)
        if "readings" in rest:  # the name in version 0.1
            rest.setdefault("heads", rest.pop("readings"))
        version = rest.pop("version", VERSION)
        if version != VERSION:
            raise TrainingError(
                f"this program reads configs of version {VERSION}. Received: {version!r}. "
                "Update FER Studio or write the config anew."
            )
        inner = rest.pop("augmentation", {})
        _check_names(rest, cls, "")
        _check_names(inner, Augmentation, "augmentation.")
        return cls(**_plain(rest, cls), augmentation=Augmentation(**_plain(inner, Augmentation)))

    @classmethod
    def load(cls, file: Path) -> "TrainConfig":
        """Read YAML; see ``from_dict``."""
        with reading(file, TrainingError):
            data = file.read_bytes()
        try:
            return cls.from_dict(fields_of(data))
        except TrainingError as error:
            raise TrainingError(f"{file}: {error}") from error


def recipes() -> dict[str, Path]:
    """Name to file of the recipes that come with this package."""
    folder = Path(__file__).parent / "recipes"
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def _check(name: str, value: Any, one: "Field[Any]") -> None:
    kind = type(one.default) if one.name != "augmentation" else Augmentation
    if kind is tuple:
        if not isinstance(value, tuple) or not all(isinstance(part, str) for part in value):
            raise _wrong(name, "a list of names", value)
    elif choices := one.metadata.get("choices"):
        if type(value) is not kind or value not in choices:
            raise _wrong(name, f"one of {', '.join(map(str, choices))}", value)
    elif kind in (int, float):
        _check_number(name, value, one)
    elif not isinstance(value, kind):
        words = {bool: "true or false", str: "text", Augmentation: "a group of fields"}
        raise _wrong(name, words.get(kind, "a number"), value)


def _check_number(name: str, value: Any, one: "Field[Any]") -> None:
    low, high = one.metadata["low"], one.metadata["high"]
    whole = isinstance(one.default, int)
    fits = isinstance(value, int) if whole else isinstance(value, (int, float))
    if isinstance(value, bool) or not fits or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise _wrong(name, f"{kind} from {low:g} to {high:g}", value)


def _check_names(values: Any, kind: type, prefix: str) -> None:
    if not isinstance(values, Mapping):
        raise _wrong(prefix.rstrip("."), "a group of fields", values)
    known = {one.name for one in fields(kind)}
    for name in values:
        if name not in known:
            raise TrainingError(
                f"there is no field {prefix}{_plainly(name)}. Fields: {', '.join(sorted(known))}."
            )


def _plain(values: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """Lists as tuples, and numbers such as 1e-3, which YAML 1.1 takes for text, as numbers."""
    kinds = {one.name: type(one.default) for one in fields(kind)}
    return {name: _value(f"{name}", value, kinds[name]) for name, value in values.items()}


def _value(name: str, value: Any, kind: type) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if kind is float and isinstance(value, str):
        try:
            return float(value)
        except ValueError as error:
            raise _wrong(name, "a number", value) from error
    if kind is float and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise _wrong(name, "a number", value)
    return value


def _wrong(name: str, allowed: str, value: Any) -> TrainingError:
    return TrainingError(f"{name} must be {allowed}. Received: {_shown(value)}.")


def _plainly(name: Any) -> str:
    return name[:100] if isinstance(name, str) else _shown(name)


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes out no number of more than 4,300 digits
        return "a number too long to be shown"
    return text if len(text) <= 200 else f"{text[:200]}…"
