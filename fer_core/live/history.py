"""Emotions of a live session per person: the last minute, and shares since the start."""

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
"""Persons stored at once; a new one replaces the one that was absent for longest."""

Table = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PersonHistory:
    """One person, or everyone together.

    Attributes:
        timeline: float64 (``BINS``, 7), mean probabilities of the last minute in steps of
            ``BIN_S``, oldest first; NaN where there was no face.
        shares: Share of the results with each emotion; sums to 1 less ``uncertain``.
        uncertain: Share of the results without a clear emotion.
        results: Number of results; with 0 all shares are 0.
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
        index = bin_ % BINS
        if self.bins[index] != bin_:
            self.bins[index], self.counts[index], self.sums[index] = bin_, 0, 0
        self.sums[index] += face.probabilities
        self.counts[index] += 1
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
        """Add the faces of one frame at ``time_s`` seconds."""
        bin_ = int(time_s / BIN_S)
        with self._lock:
            self._results += 1
            self._without_face += not faces
            for face in faces:
                self._everyone.add(face, bin_)
                self._person(face.person).add(face, bin_)

    def persons(self) -> tuple[int, ...]:
        """Return the numbers of the stored persons, the most recent first."""
        with self._lock:
            order = sorted(self._persons.items(), key=lambda item: (-item[1].last_bin, item[0]))
            return tuple(number for number, _ in order)

    @property
    def without_face(self) -> float:
        """Share 0..1 of the frames without a face."""
        with self._lock:
            return self._without_face / max(self._results, 1)

    def of(self, person: int | None, now_s: float) -> PersonHistory:
        """Return the history of one person, or of everyone for None; empty for an unknown one."""
        with self._lock:
            sums = self._everyone if person is None else self._persons.get(person) or _Person()
            bins = np.arange(int(now_s / BIN_S) - BINS + 1, int(now_s / BIN_S) + 1)
            index = bins % BINS
            valid = (sums.bins[index] == bins) & (sums.counts[index] > 0)
            counts = np.where(valid, sums.counts[index], np.nan)[:, None]
            timeline = sums.sums[index] / counts
            labels = sums.labels / max(sums.labels.sum(), 1)
            results = int(sums.labels.sum())
        shares = dict(zip(EMOTIONS, labels[:-1].tolist(), strict=True))
        return PersonHistory(timeline, shares, float(labels[-1]), results)

    def _person(self, number: int) -> _Person:
        if number not in self._persons and len(self._persons) >= MOST_PERSONS:
            del self._persons[min(self._persons, key=lambda n: self._persons[n].last_bin)]
        if number not in self._persons:
            self._persons[number] = _Person()
        return self._persons[number]
