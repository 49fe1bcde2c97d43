"""Train configs: YAML in and out, and errors that name the field."""

import re
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from fer_core.errors import FerError, TrainingError
from fer_core.system.config_fields import fields_of
from fer_core.training.config import HEADS, Augmentation, TrainConfig, recipes
from fer_core.training.run_dataset import for_dataset
from tests.conftest import ROOT


def test_yaml_gives_the_same_config_back(tmp_path: Path) -> None:
    config = TrainConfig(
        architecture="fernet", start="scratch", teachers=("a", "b"),
        augmentation=Augmentation(mixup=0.2),
    )  # fmt: skip
    config.save(tmp_path / "config.yaml")
    assert TrainConfig.load(tmp_path / "config.yaml") == config


def test_fields_left_out_have_their_defaults(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("epochs: 3\naugmentation: {rotation: 0}\n")
    config = TrainConfig.load(tmp_path / "c.yaml")
    assert config == replace(TrainConfig(), epochs=3, augmentation=Augmentation(rotation=0))


def test_numbers_in_scientific_notation_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("learning_rate: 1e-3\n")  # text, by YAML 1.1
    assert TrainConfig.load(tmp_path / "c.yaml").learning_rate == 0.001


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epochs": 0}, "epochs must be a whole number from 1"),
        ({"epochs": "ten"}, "epochs must be a whole number"),
        ({"epochs": 2.5}, "epochs must be a whole number"),
        ({"epochs": True}, "epochs must be a whole number"),
        ({"learning_rate": "fast"}, "learning_rate must be a number"),
        (
            {"architecture": "resnet"},
            "architecture must be one of mobilenetv2, mobilenet, fernet, fernet-large",
        ),
        ({"loss": 3}, "loss must be one of"),
        ({"tensorboard": "yes"}, "tensorboard must be true or false"),
        ({"heads": "fer2013"}, "heads must be a list"),
        ({"heads": ["kinect"]}, "heads must be one or both of"),
        ({"heads": []}, "heads must be one or both of"),
        ({"channels": 2}, "channels must be one of 1, 3"),
        ({"reduce_lr": 3}, "reduce_lr must be 0 with the cosine schedule"),
        ({"head_epochs": 15}, "head_epochs must be fewer than epochs"),
        ({"architecture": "fernet"}, "start must be scratch or a model"),
        ({"batchsize": 3}, "there is no field batchsize"),
        ({"augmentation": {"tilt": 3}}, "there is no field augmentation.tilt"),
        ({"augmentation": {"mixup": 9}}, "augmentation.mixup must be a number from 0 to 4"),
        ({"augmentation": {"rotation": 90}}, "rotation must be a number from 0 to 45"),
        ({"augmentation": 3}, "augmentation must be a group of fields"),
        ({"version": 2}, "reads configs of version 1"),
    ],
)
def test_a_wrong_value_is_refused_by_name(values: dict[str, Any], words: str) -> None:
    with pytest.raises(FerError) as caught:
        TrainConfig.from_dict(values)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n", "epochs: [", "epochs: !!python/object:os.system {}"])
def test_files_that_are_no_config(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(TrainingError, match=r"c\.yaml"):
        TrainConfig.load(tmp_path / "c.yaml")


def test_every_field_has_its_help() -> None:
    for field in (*fields_of(TrainConfig).values(), *fields_of(Augmentation).values()):
        assert field.help.endswith("."), field.name


def test_a_wrong_value_is_refused_without_yaml_too() -> None:
    with pytest.raises(TrainingError, match=r"batch_size must be a whole number .* Received: 0\."):
        TrainConfig(batch_size=0)
    with pytest.raises(
        TrainingError, match=r"augmentation\.rotation must be a number from 0 to 45"
    ):
        Augmentation(rotation=float("nan"))
    with pytest.raises(TrainingError, match=r"learning_rate must be a number .* Received: 2"):
        replace(TrainConfig(), learning_rate=2)
    with pytest.raises(FrozenInstanceError):
        TrainConfig().epochs = 3


@pytest.mark.parametrize("name", sorted(recipes()))
def test_recipes_can_be_read(name: str) -> None:
    config = TrainConfig.load(recipes()[name])
    assert config.epochs >= (
        1 if config.train_from else 10
    )  # what goes on from a model may be short


@pytest.mark.parametrize(
    ("wanted", "has_votes", "trained"),
    [(HEADS, True, HEADS), (HEADS, False, ("fer2013",)), (("fer2013",), True, ("fer2013",)),
     (("ferplus",), False, ("ferplus",))],
)  # fmt: skip
def test_without_votes_their_reading_is_left_out_unless_it_is_all_that_is_wanted(
    wanted: tuple[str, ...], has_votes: bool, trained: tuple[str, ...]
) -> None:
    config = replace(TrainConfig.load(recipes()["fernet-scratch"]), heads=wanted)
    assert for_dataset(config, has_votes) == replace(config, heads=trained)


@pytest.mark.parametrize("page", ["README.md", "docs/training.md"])
def test_the_recipes_that_documents_name_exist(page: str) -> None:
    named = set(re.findall(r"train --config ([\w-]+) ", (ROOT / page).read_text("utf-8")))
    assert named
    assert named <= set(recipes())
