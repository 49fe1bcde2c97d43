"""Read shares of files on one core of a cluster."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from fer_core.bulk.checkpoint import Checkpoint
from fer_core.bulk.inputs import Opener, Source
from fer_core.bulk.photo_job import read_photo
from fer_core.bulk.plan import Options
from fer_core.bulk.video_job import VideoJob
from fer_core.cluster.result_folder import Counts, Folder
from fer_core.errors import ModelError
from fer_core.recognition.pool import RecognizerPool

AHEAD: Final = 8
"""Files that are fetched at the same time: object stores answer slowly, but many at once."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Settings of every worker.

    Attributes:
        out: Path or address of the ``Folder``.
        model: Folder of the model; every machine has it there.
        model_digest: SHA-256 of its network: a machine with another one must not take part.
        detector: The detector by name, never ``auto``.
        head: Head of the model that classifies.
        options: How files are read.
    """

    out: str
    model: Path
    model_digest: str
    detector: str
    head: str
    options: Options


class ShareReader:
    """Reads shares, writes their parts and returns their counts. Ray makes one on each core."""

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        self._pool = RecognizerPool(1, config.model, config.detector, config.head)
        if self._pool.first.classifier.card.network_digest() != config.model_digest:
            raise ModelError(
                f"{config.model}: this machine has another network under that name. Give every "
                "machine the same models."
            )
        self._folder = Folder(config.out)
        self._opener = Opener(ExitStack())

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Read the shares of a batch for Ray Data and return their counts."""
        counts = [self.read(int(share)) for share in batch["share"]]
        names = ("files", "faces", "rows", "errors")
        columns = {name: np.array([getattr(count, name) for count in counts]) for name in names}
        return {"share": batch["share"], **columns}

    def read(self, share: int) -> Counts:
        """Read a share and write its part."""
        sources, result = self._folder.inputs(share), _Rows()
        if sources[0].is_video:
            sampling = self._config.options.sampling
            for _ in VideoJob(sources[0], self._pool, result, sampling, None).run():
                pass
        else:
            self._read_photos(sources, result)
        return self._folder.write_part(share, result.rows, result.fingerprints)

    def _read_photos(self, sources: list[Source], result: "_Rows") -> None:
        def fetch(source: Source) -> bytes:
            result.fingerprints[source.name] = self._opener.fingerprint(source)
            return self._opener.read(source)

        is_crop = self._config.options.is_crop
        with ThreadPoolExecutor(AHEAD) as executor:
            for source, fetched in _fetch_ahead(executor, fetch, sources):
                photo = read_photo(self._pool.first, source.name, fetched.result, is_crop)
                result.rows += photo.rows()


class _Rows:
    """Holds the rows of a share in memory, and the fingerprint of each of its files."""

    folder = Path()

    def __init__(self) -> None:
        self.rows: list[Mapping[str, Any]] = []
        self.fingerprints: dict[str, str] = {}

    def add(self, rows: Iterable[Mapping[str, Any]], checkpoint: Checkpoint) -> None:
        """Append rows of a video; a share is read whole or not at all."""
        self.rows += rows
        self.fingerprints |= checkpoint.finished


def _fetch_ahead(
    executor: ThreadPoolExecutor, fetch: Callable[[Source], bytes], sources: list[Source]
) -> Iterator[tuple[Source, "Future[bytes]"]]:
    """Yield sources in their order, each with its bytes; a few are fetched ahead."""
    waiting: deque[tuple[Source, Future[bytes]]] = deque()
    for source in sources:
        waiting.append((source, executor.submit(fetch, source)))
        if len(waiting) > AHEAD:
            yield waiting.popleft()
    yield from waiting
