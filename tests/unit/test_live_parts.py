"""The small parts of a live session: latest value, limit, history, ICE servers, corrections."""

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_core.dataset import corrections
from fer_core.errors import DatasetError, SettingsError
from fer_core.labels import EMOTIONS
from fer_core.live import BusyError, History, SessionLimit
from fer_core.live.history import BINS, MOST_PERSONS
from fer_core.live.ice_servers import ice_servers
from fer_core.live.latest_value import LatestValue
from fer_core.system.settings import Settings
from tests.unit.live_stubs import tracked


def test_only_the_newest_value_is_taken():
    newest: LatestValue[int] = LatestValue()
    assert [newest.put(n) for n in (1, 2, 3)] == [False, True, True]
    assert (newest.take(0), newest.take(0)) == (3, None)


def test_closing_wakes_the_thread_that_waits_for_a_value():
    newest: LatestValue[int] = LatestValue()
    values = []
    thread = threading.Thread(target=lambda: values.append(newest.take(30)))
    thread.start()
    newest.close()
    thread.join(5)
    newest.put(1)
    assert (values, newest.take(0)) == ([None], None)


class Session:
    active = True


def test_sessions_that_fall_silent_or_vanish_do_not_count_for_the_limit():
    limit = SessionLimit(2)
    first, second, third, fourth = Session(), Session(), Session(), Session()
    limit.add(first)
    limit.add(second)
    with pytest.raises(BusyError, match="at most 2 at once"):
        limit.add(third)
    first.active = False
    limit.add(third)
    with pytest.raises(BusyError):
        limit.add(fourth)
    del second
    limit.add(fourth)


def test_shares_and_timeline_of_each_person():
    history = History()
    for step in range(100):
        faces = [tracked(1)] if step < 50 else [tracked(1), tracked(2, uncertain=True)]
        history.add(faces if step % 10 else [], 1000 + step / 10)
    first, second = history.of(1, 1009.9), history.of(2, 1009.9)
    assert (first.results, second.results, history.of(None, 1009.9).results) == (90, 45, 135)
    assert (first.shares["happy"], second.uncertain) == (1.0, 1.0)
    assert history.without_face == pytest.approx(0.1)
    assert history.persons() == (1, 2)
    assert first.timeline.shape == (BINS, len(EMOTIONS))
    assert np.nansum(first.timeline[-1]) == pytest.approx(1, abs=1e-5)
    assert np.isnan(first.timeline[:-21]).all()
    assert not np.isnan(second.timeline[-10:]).any()


def test_the_timeline_forgets_after_a_minute_and_unknown_persons_are_empty():
    history = History()
    history.add([tracked(1)], 10.0)
    assert np.isnan(history.of(1, 80.0).timeline).all()
    assert history.of(1, 80.0).results == 1
    assert history.of(9, 10.0).results == 0


def test_memory_is_bounded_over_many_persons():
    history = History()
    for person in range(1, 200):
        history.add([tracked(person)], person)
    assert len(history.persons()) == MOST_PERSONS
    assert history.persons()[0] == 199


@pytest.mark.parametrize(
    ("secrets", "host", "servers"),
    [
        (None, "localhost", []),
        (None, "[::1]", []),
        (None, "studio.example.org", None),
        ({"urls": "stun:s.example.org"}, "localhost", [{"urls": ["stun:s.example.org"]}]),
        (
            {"urls": ["turn:t.example.org:3478"], "username": "a", "credential": "b"},
            "x.org",
            [{"urls": ["turn:t.example.org:3478"], "username": "a", "credential": "b"}],
        ),
    ],
)
def test_ice_servers(secrets, host, servers):
    assert ice_servers(secrets, host) == servers


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        ({}, "urls"),
        ({"urls": []}, "urls"),
        ({"urls": 3}, "urls"),
        ({"urls": "https://t.example.org"}, "stun: or turn:"),
        ({"urls": "turn:t.example.org"}, "username and credential"),
        ({"urls": "turn:t.example.org", "username": "a"}, "username and credential"),
    ],
)
def test_incomplete_secrets_are_explained(secrets, message):
    with pytest.raises(SettingsError, match=message):
        ice_servers(secrets, "x.org")


def config(folder: Path, public: bool = False) -> Settings:
    return Settings(home=folder, cache=folder, public=public)


def test_a_correction_becomes_a_file_of_an_ordinary_dataset(tmp_path):
    crop = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    file = corrections.save(crop, "sad", config(tmp_path))
    assert file.parent == tmp_path / "datasets" / "corrections" / "sad"
    assert np.array_equal(cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB), crop)
    assert corrections.counts(config(tmp_path))["sad"] == 1
    assert sum(corrections.counts(config(tmp_path)).values()) == 1


def test_nothing_is_kept_on_a_public_link(tmp_path):
    with pytest.raises(SettingsError, match="public"):
        corrections.save(np.zeros((96, 96, 3), np.uint8), "sad", config(tmp_path, public=True))
    assert not list(tmp_path.rglob("*.png"))


def test_only_the_seven_emotions_can_be_kept(tmp_path):
    with pytest.raises(ValueError, match="bored"):
        corrections.save(np.zeros((96, 96, 3), np.uint8), "bored", config(tmp_path))


def test_a_correction_that_cannot_be_written_says_where(tmp_path):
    (tmp_path / "datasets").write_text("a file where a folder should be")
    with pytest.raises(DatasetError, match=r"sad cannot be written .*another FER_HOME"):
        corrections.save(np.zeros((96, 96, 3), np.uint8), "sad", config(tmp_path))
