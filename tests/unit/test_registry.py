import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_core import EMOTIONS
from fer_core.errors import ModelError
from fer_core.evaluation.model_card import model_card
from fer_core.models import registry
from fer_core.system.settings import settings


def rewrite(folder: Path, **changes: object) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | changes))


def test_the_shipped_card() -> None:
    card = registry.load_card()
    assert card.name == "mobilenetv2"
    assert card.labels == EMOTIONS
    assert card.parameters <= 3_500_000
    assert set(card.heads) == {"fer2013", "ferplus"}
    for head in card.heads.values():
        assert set(head.figures) == {"validation", "test"}
    assert card.heads["fer2013"].figures["validation"]["accuracy"] >= 0.66
    assert "limits" in card.facts


def test_the_card_belongs_to_the_network_beside_it() -> None:
    folder = registry.SHIPPED / "mobilenetv2"
    assert {"model.keras", "model.tflite", "card.json"} <= {f.name for f in folder.iterdir()}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["happy", "sad"]}, "needs the labels angry.*Received: happy, sad"),
        ({"labels": list(reversed(EMOTIONS))}, "in this order"),
        ({"labels": None}, "damaged"),
        ({"input_size": "large"}, "damaged"),
        ({"input_size": 4}, "input_size"),
        ({"channels": 2}, "channels"),
        ({"heads": {}}, "default_head"),
        ({"heads": {"x": {"title": "", "temperature": 0, "abstain_below": 0}}}, "temperature"),
        ({"heads": []}, "damaged"),
        ({"default_head": "other"}, "default_head"),
    ],
)  # fmt: skip
def test_wrong_cards_say_what_is_wrong(model_copy: Path, changes: dict, message: str) -> None:
    rewrite(model_copy, **changes)
    with pytest.raises(ModelError, match=message):
        registry.load_card(model_copy)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"labels": 3}', "\x00\x01"])
def test_damaged_cards(model_copy: Path, text: str) -> None:
    (model_copy / "card.json").write_text(text)
    with pytest.raises(ModelError, match="damaged"):
        registry.load_card(model_copy)


def test_unknown_models_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match=r"no model 'nope'.*mobilenetv2"):
        registry.load_card("nope")


def test_promote_and_go_back(model_copy: Path) -> None:
    home = settings().home / "models"
    home.mkdir(parents=True)
    model_copy.rename(home / "mine")
    registry.promote("mine")
    assert registry.load_card().folder == home / "mine"
    registry.promote("mobilenetv2")
    assert registry.load_card().folder == registry.SHIPPED / "mobilenetv2"


def test_promoting_what_is_not_there_changes_nothing() -> None:
    with pytest.raises(ModelError):
        registry.promote("nope")
    assert not (settings().home / "default.json").exists()


def test_a_folder_of_its_own_is_not_promoted(model_copy: Path) -> None:
    with pytest.raises(ModelError, match="Copy it into"):
        registry.promote(str(model_copy))
    assert not (settings().home / "default.json").exists()


def test_a_damaged_default_is_named() -> None:
    settings().home.mkdir(parents=True)
    (settings().home / "default.json").write_text("{")
    with pytest.raises(ModelError, match=r"default\.json is damaged"):
        registry.load_card()


def test_a_users_model_hides_the_shipped_one_of_its_name(model_copy: Path) -> None:
    home = settings().home / "models"
    home.mkdir(parents=True)
    model_copy.rename(home / "mobilenetv2")
    assert registry.load_card().folder == home / "mobilenetv2"


def test_unknown_readings_are_refused() -> None:
    with pytest.raises(ModelError, match=r"fer2013, ferplus.*'other'"):
        registry.load_card().head("other")


def paths(value: object, path: tuple = ()) -> Iterator[tuple]:
    """Every field, but of lists and of what has the same form only the first."""
    yield path
    if isinstance(value, dict):
        alike = len(path) in (1, 3) or set(EMOTIONS) <= set(value)
        for key in list(value)[:1] if alike and path != ("training",) else value:
            yield from paths(value[key], (*path, key))
    elif isinstance(value, list) and value:
        yield from paths(value[0], (*path, 0))


STRANGE = (None, "high", [], {}, -1, True, [None], {"x": 1})


def test_a_strange_card_is_an_error_in_words_or_can_be_shown(tmp_path: Path) -> None:
    """Whatever stands in any place of it: a hand, another version or a run's ZIP wrote it."""
    card = json.loads((registry.SHIPPED / "fernet" / "card.json").read_text())
    shown, refusals = 0, []
    for path in list(paths(card))[1:]:
        for strange in STRANGE:
            changed = copy.deepcopy(card)
            inner = changed
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = strange
            (tmp_path / "card.json").write_text(json.dumps(changed))
            try:
                model_card(registry.load_card(tmp_path), "strange")
                shown += 1
            except ModelError as error:
                refusals.append(str(error))
    assert all(str(tmp_path) in refusal for refusal in refusals)
    assert shown > 100  # strange metrics are left out, the model still works


def test_metrics_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    card = json.loads((registry.SHIPPED / "fernet" / "card.json").read_text())
    for head in next(card[key] for key in ("heads", "readings") if key in card).values():
        head["figures"]["test"]["accuracy"] = None
    (tmp_path / "card.json").write_text(json.dumps(card))
    for head in registry.load_card(tmp_path).heads.values():
        assert list(head.figures) == ["validation"]
