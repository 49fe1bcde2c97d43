"""Recognizers side by side: results in the order of the inputs, bounded memory."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import cv2

from fer_core.models.classifier import EmotionClassifier
from fer_core.recognition.detection import choose_detector
from fer_core.recognition.recognizer import Recognizer
from fer_core.system import memory

T = TypeVar("T")
R = TypeVar("R")


class RecognizerPool:
    """Recognizers in threads of their own, each on one core; predictions are mirror-averaged.

    Decoding, detecting and classifying leave Python for nearly all of their time, so threads use
    the cores as well as processes would, and share the memory. OpenCV's own threads are switched
    off and freed memory is retained, for the whole process: this is for work in the background,
    not for servers.

    Args:
        workers: Number of threads.
        model: See ``Recognizer.load``; so are ``detector`` and ``head``.
        detector: Face detector.
        head: Head of the model that classifies.

    Attributes:
        first: A recognizer that tells names and thresholds.

    Raises:
        FerError: As ``Recognizer.load``.
    """

    def __init__(
        self,
        workers: int = 2,
        model: str | Path | None = None,
        detector: str = "auto",
        head: str | None = None,
    ) -> None:
        cv2.setNumThreads(1)
        memory.retain_freed()
        members = []
        for _ in range(workers):
            choice = choose_detector(detector)
            classifier = EmotionClassifier.load(model, head, threads=1, mirror=True)
            members.append(Recognizer(classifier, choice.detector, choice.notice))
        self.workers = workers
        self.first = members[0]
        self._free: queue.SimpleQueue[Recognizer] = queue.SimpleQueue()
        for member in members:
            self._free.put(member)

    def map(self, work: Callable[[Recognizer, T], R], things: Iterable[T]) -> Generator[R]:
        """Yield ``work(recognizer, thing)`` for all ``things``, in their order, a few ahead."""
        executor = ThreadPoolExecutor(self.workers)
        waiting: deque[Future[R]] = deque()
        try:
            for thing in things:
                waiting.append(executor.submit(self._do, work, thing))
                if len(waiting) > 2 * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            executor.shutdown(cancel_futures=True)

    def _do(self, work: Callable[[Recognizer, T], R], thing: T) -> R:
        recognizer = self._free.get()
        try:
            return work(recognizer, thing)
        finally:
            self._free.put(recognizer)


def prefetch(things: Iterable[T], size: int) -> Generator[T]:
    """Yield the same things, fetched in a thread of its own up to ``size`` ahead.

    Errors of ``things`` are raised here. When this generator is closed, the thread ends too.
    """
    ready: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(size)
    stopped = threading.Event()

    def put(item: tuple[T] | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def fetch() -> None:
        try:
            for thing in things:
                put((thing,))
                if stopped.is_set():
                    return
            put(None)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=fetch, name="prefetch", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        stopped.set()
        thread.join()
