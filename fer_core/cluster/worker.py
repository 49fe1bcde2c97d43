"""The work of one core of a cluster: a recogniser that reads shares."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from fer_core.bulk.checkpoint import Standing
from fer_core.bulk.inputs import Opener, Source
from fer_core.bulk.run import Options, read_photo
from fer_core.bulk.video_job import VideoJob
from fer_core.cluster.result_folder import Folder
from fer_core.errors import ModelError
from fer_core.models.card import LITERT_FILE
from fer_core.recognition.pool import RecognizerPool
from fer_core.system.files import digest

AHEAD: Final = 8
"""Files that are fetched at the same time: object stores answer slowly, but many at once."""


@dataclass(frozen=True, slots=True)
class Order:
    """What every member is told.

    Attributes:
        out: Path or address of the ``Folder``.
        model: Folder of the model; every machine has it there.
        model_digest: SHA-256 of its network: a machine with another one must not answer.
        detector: The detector by name, never ``auto``.
        reading: Head of the model that answers.
        options: How files are read.
    """

    out: str
    model: Path
    model_digest: str
    detector: str
    head: str
    options: Options


class Member:
    """Reads shares, writes their parts, and says what they hold. Ray makes one on each core."""

    def __init__(self, order: Order) -> None:
        if digest(order.model / LITERT_FILE) != order.model_digest:
            raise ModelError(
                f"{order.model}: this machine has another network under that name. Give every "
                "machine the same models."
            )
        self._order = order
        self._pool = RecognizerPool(1, order.model, order.detector, order.head)
        self._folder = Folder(order.out)
        self._opener = Opener(ExitStack())

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Ray Data's call: numbers of shares in, their counts out."""
        counts = [self.read(int(share)) for share in batch["share"]]
        names = ("files", "faces", "rows", "errors")
        said = {name: np.array([getattr(one, name) for one in counts]) for name in names}
        return {"share": batch["share"], **said}

    def read(self, share: int) -> Any:
        """Read a share and write its part."""
        sources = self._folder.inputs(share)
        return self._folder.write_part(share, self._rows(sources), len(sources))

    def _rows(self, sources: list[Source]) -> Iterator[Mapping[str, Any]]:
        how = self._order.options
        if sources[0].is_video:
            rows = _Rows()
            for _ in VideoJob(sources[0], self._pool, rows, how.sampling, None).go(Standing()):
                pass
            yield from rows.rows
            return
        with ThreadPoolExecutor(AHEAD) as pool:
            for source, fetched in _ahead(pool, self._opener, sources):
                photo = read_photo(self._pool.first, source.name, fetched.result, how)
                yield from photo.rows()


class _Rows:
    """Keeps the rows of one video."""

    folder = Path()

    def __init__(self) -> None:
        self.rows: list[Mapping[str, Any]] = []

    def add(self, rows: Iterable[Mapping[str, Any]], standing: Standing) -> None:
        self.rows += rows


def _ahead(
    pool: ThreadPoolExecutor, opener: Opener, sources: list[Source]
) -> Iterator[tuple[Source, "Future[bytes]"]]:
    """Sources in their order, each with its bytes; a few are fetched ahead."""
    waiting: deque[tuple[Source, Future[bytes]]] = deque()
    for source in sources:
        waiting.append((source, pool.submit(opener.read, source)))
        if len(waiting) > AHEAD:
            yield waiting.popleft()
    yield from waiting
