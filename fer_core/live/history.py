"""What a live session has seen: the last minute and the shares since its start, per person."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fer_core.labels import EMOTIONS
from fer_core.recognition.tracking import TrackedFace

MINUTE_S: Final = 60
BIN_S: Final = 0.5
BINS: Final = int(MINUTE_S / BIN_S)
MOST_PERSONS: Final = 20
"""Persons remembered at once; the one unseen for longest makes room for a new one."""

Table = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PersonHistory:
    """One person, or everyone together.

    Attributes:
        timeline: float64 (``BINS``, 7), mean probabilities of the last minute in steps of
            ``BIN_S``, oldest first; NaN where there was no face.
        shares: Share of the readings that showed each emotion; sums to 1 less ``uncertain``.
        uncertain: Share of the readings without a clear emotion.
        readings: Number of readings; with 0 all shares are 0.
    """

    timeline: Table
    shares: dict[str, float]
    uncertain: float
    results: int


class _Person:
    """Sums of one person; the ring of bins is indexed by bin number modulo ``BINS``."""

    def __init__(self) -> None:
        self.sums = np.zeros((BINS, len(EMOTIONS)))
        self.counts = np.zeros(BINS)
        self.bins = np.full(BINS, -1)
        self.labels = np.zeros(len(EMOTIONS) + 1)
        self.last_bin = -1

    def add(self, face: TrackedFace, bin_: int) -> None:
        place = bin_ % BINS
        if self.bins[place] != bin_:
            self.bins[place], self.counts[place], self.sums[place] = bin_, 0, 0
        self.sums[place] += face.probabilities
        self.counts[place] += 1
        self.labels[-1 if face.uncertain else EMOTIONS.index(face.emotion)] += 1
        self.last_bin = bin_


class History:
    """Bounded memory of a live session. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._everyone = _Person()
        self._persons: dict[int, _Person] = {}
        self._results = 0
        self._without_face = 0

    def add(self, faces: Sequence[TrackedFace], time_s: float) -> None:
        """Note the faces of one picture taken at ``time_s``."""
        bin_ = int(time_s / BIN_S)
        with self._lock:
            self._results += 1
            self._without_face += not faces
            for face in faces:
                self._everyone.add(face, bin_)
                self._person(face.person).add(face, bin_)

    def persons(self) -> tuple[int, ...]:
        """Numbers of the persons remembered, the one seen last first."""
        with self._lock:
            order = sorted(self._persons.items(), key=lambda item: (-item[1].last_bin, item[0]))
            return tuple(number for number, _ in order)

    @property
    def without_face(self) -> float:
        """Share 0..1 of the pictures in which there was no face."""
        with self._lock:
            return self._without_face / max(self._results, 1)

    def of(self, person: int | None, now_s: float) -> PersonHistory:
        """The history of one person, or of everyone for None; empty for one not remembered."""
        with self._lock:
            seen = self._everyone if person is None else self._persons.get(person, _Person())
            wanted = np.arange(int(now_s / BIN_S) - BINS + 1, int(now_s / BIN_S) + 1)
            place = wanted % BINS
            valid = (seen.bins[place] == wanted) & (seen.counts[place] > 0)
            counts = np.where(valid, seen.counts[place], np.nan)[:, None]
            timeline = seen.sums[place] / counts
            labels = seen.labels / max(seen.labels.sum(), 1)
            results = int(seen.labels.sum())
        shares = dict(zip(EMOTIONS, labels[:-1].tolist(), strict=True))
        return PersonHistory(timeline, shares, float(labels[-1]), results)

    def _person(self, number: int) -> _Person:
        if number not in self._persons and len(self._persons) >= MOST_PERSONS:
            del self._persons[min(self._persons, key=lambda n: self._persons[n].last_bin)]
        return self._persons.setdefault(number, _Person())
