"""Work in order, a bounded number of steps ahead, on recognisers of one's own."""

import threading
import time

import pytest

from fer_core.errors import ImageError, ModelError
from fer_core.recognition.pool import RecognizerPool, prefetch


@pytest.fixture(scope="module")
def pool() -> RecognizerPool:
    return RecognizerPool(2)


def test_answers_come_in_the_order_of_the_questions(pool: RecognizerPool) -> None:
    def work(_: object, number: int) -> int:
        time.sleep(0.01 if number % 2 else 0)
        return number

    assert list(pool.map(work, range(30))) == list(range(30))


def test_no_recogniser_is_used_twice_at_once(pool: RecognizerPool) -> None:
    busy: set[int] = set()
    lock = threading.Lock()

    def work(member: object, _: int) -> bool:
        with lock:
            clash = id(member) in busy
            busy.add(id(member))
        time.sleep(0.005)
        with lock:
            busy.discard(id(member))
        return clash

    assert not any(pool.map(work, range(20)))


@pytest.mark.parametrize("wrap", [lambda pool, things: pool.map(lambda _, n: n, things), lambda pool, things: prefetch(things, 4)])  # fmt: skip
def test_only_a_few_are_taken_ahead(pool: RecognizerPool, wrap) -> None:
    taken = []

    def things():
        for number in range(1000):
            taken.append(number)
            yield number

    answers = wrap(pool, things())
    for _ in range(3):
        next(answers)
    time.sleep(0.1)
    assert len(taken) <= 3 + 6
    answers.close()
    threads = {thread.name for thread in threading.enumerate()}
    assert "prefetch" not in threads


def test_errors_arrive(pool: RecognizerPool) -> None:
    def work(_: object, number: int) -> int:
        if number == 3:
            raise ImageError("three")
        return number

    answers = pool.map(work, range(10))
    assert [next(answers) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ImageError, match="three"):
        next(answers)

    def things():
        yield 1
        raise ImageError("end")

    fetched = prefetch(things(), 2)
    assert next(fetched) == 1
    with pytest.raises(ImageError, match="end"):
        next(fetched)


def test_a_missing_model_is_said() -> None:
    with pytest.raises(ModelError, match="no model 'nope'"):
        RecognizerPool(1, model="nope")
