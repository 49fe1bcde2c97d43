"""What the metrics tell: the best epoch, seams, callbacks, advice."""

import pytest

from fer_core.labels import EMOTIONS
from fer_core.training import history
from fer_core.training.config import TrainConfig
from tests.run_kit import line

CONFIG = TrainConfig(epochs=20)


def lines(count: int, **series) -> list[dict]:
    """Epochs of a run that does well, but for the values given."""
    return [line(n, **{name: v[n] for name, v in series.items()}) for n in range(count)]


SILENT = dict.fromkeys(EMOTIONS, 0.5) | {"disgust": 0.0}
NO_DISGUST = [[0] * 7 if row == 1 else [5] * 7 for row in range(7)]
SWING = [0.5, 0.6, 0.48, 0.61, 0.5, 0.62, 0.49, 0.6]


@pytest.mark.parametrize(
    ("epochs", "says"),
    [
        ([], ""),
        (lines(1), ""),
        (lines(8), ""),
        (lines(6, val_loss=[1.5, 1.2, 1.3, 1.5, 1.6, 1.8]), "It overfits since epoch 2"),
        (lines(6, val_loss=[1.5, 1.2, 1.21, 1.2, 1.22, 1.21]), ""),
        (lines(4, val_loss=[1.5, 1.2, 1.3, 1.5]), ""),
        (lines(6, val_loss=[1.5, 1.2, 1.3, 1.5, 1.6, 1.8], loss=[1] * 6), ""),
        (lines(6, recall=[SILENT] * 6), "disgust has not been predicted correctly once"),
        (lines(4, recall=[SILENT] * 4), ""),
        (lines(6, recall=[SILENT] * 5 + [dict.fromkeys(EMOTIONS, 0.1)]), ""),
        (lines(6, recall=[SILENT] * 6, confusion=[NO_DISGUST] * 6), ""),
        (lines(8, val_accuracy=SWING), "stale BatchNorm averages"),
        (lines(8, val_accuracy=[0.5 + v / 10 for v in SWING]), ""),
        (lines(3, val_accuracy=SWING[:3]), ""),
        (lines(4, val_macro_f1=[0.04] * 4), "hardly learned anything"),
        (lines(2, val_macro_f1=[0.04] * 2), ""),
        (lines(20), "The last epoch was the best"),
    ],
)  # fmt: skip
def test_advice(epochs: list[dict], says: str) -> None:
    said = history.advice(epochs, CONFIG)
    assert says in " ".join(said)
    assert bool(said) == bool(says)


@pytest.mark.parametrize(
    ("monitor", "values", "epoch"),
    [
        ("val_accuracy", [0.1, 0.5, 0.5, 0.4], 1),
        ("val_loss", [0.3, 0.5, 0.2, 0.2], 2),
        ("val_macro_f1", [], None),
    ],
)
def test_the_best_epoch_is_the_first_of_equals(monitor: str, values: list, epoch) -> None:
    found = history.best(lines(len(values), **{monitor: values}), monitor)
    assert (found and found["epoch"]) == epoch


def test_resumed_epochs_are_where_sessions_begin() -> None:
    assert history.resumed_epochs([]) == []
    assert history.resumed_epochs(lines(5, session=[0, 0, 1, 3, 3])) == [2, 3]


def test_the_callbacks_say_how_long_they_wait_and_what_they_did() -> None:
    config = TrainConfig(schedule="constant", early_stopping=4, reduce_lr=2)
    epochs = lines(3, learning_rate=[1e-3, 1e-3, 5e-4])
    assert history.waiting([], config) == (
        history.Waiting("EarlyStopping", 0, 4), history.Waiting("ReduceLROnPlateau", 0, 2),
    )  # fmt: skip
    assert history.waiting(epochs, config)[0] == history.Waiting("EarlyStopping", 1, 4)
    assert history.waiting(epochs, CONFIG) == ()
    (said,) = history.drops(epochs, config)
    assert said.startswith(
        "After epoch 2 the learning rate fell from 0.001 to 0.0005: val_accuracy had not"
    )
    assert history.drops(epochs, CONFIG) == []


def test_the_figures_of_two_readings_have_their_names() -> None:
    assert history.training_value({"loss": 1.0}, "loss", "fer2013") == 1.0
    assert history.training_value({"loss": 3.0, "fer2013_loss": 1.0}, "loss", "fer2013") == 1.0
    assert history.training_value({}, "loss", "fer2013") is None


@pytest.mark.parametrize(
    ("count", "waited", "patience", "says"),
    [(8, 3, 3, "after epoch 8 of 20: val_accuracy had not improved for 3 epochs"), (8, 2, 3, ""),
     (20, 3, 3, ""), (8, 9, 0, ""), (0, 3, 3, "")],
)  # fmt: skip
def test_a_run_that_early_stopping_ended_says_so(
    count: int, waited: int, patience: int, says: str
) -> None:
    epochs = lines(count, callbacks=[{"EarlyStopping": {"wait": waited}}] * count)
    said = history.ended_early(epochs, TrainConfig(epochs=20, early_stopping=patience))
    assert says in said
    assert bool(said) == bool(says)
