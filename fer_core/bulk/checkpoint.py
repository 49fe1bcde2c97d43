"""Results of a long job in numbered parts: what is written stays, whatever happens next.

A part is one Parquet file with the rows and, in its metadata, what is finished after it and where
a half-read video goes on. It appears under its name when it is complete, so a killed job leaves
whole parts only, and the next one goes on behind the last.
"""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fer_core.errors import FerError
from fer_core.recognition import results
from fer_core.system.files import write_bytes, write_json
from fer_core.video import Position

KEY: Final = b"fer_studio"
PLAN: Final = "plan.json"
OLD_KEYS: Final = {"reading": "head"}
"""Keys of a plan in version 0.1 and their present names."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job stands after a part.

    Attributes:
        finished: Names of the sources that this part finished.
        video: Name of the video that is half read, or empty.
        position: Where its reading goes on.
        pieces: Pieces of its annotated copy that are written.
    """

    finished: tuple[str, ...] = ()
    video: str = ""
    position: Position | None = None
    pieces: int = 0


class Parts:
    """The parts in ``folder``.

    Args:
        folder: Where they lie; made if needed.
        plan: What the job is asked to do. Parts of another plan are not continued.
        restart: Throw away what is there.

    Raises:
        FerError: Parts of another plan are there, or they cannot be written.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any], restart: bool = False) -> None:
        self.folder = folder
        if restart:
            self.delete()
        plan = json.loads(json.dumps(plan))
        known = self._known_plan()
        if known is None:
            write_json(folder / PLAN, plan)
        elif known != plan:
            changed = ", ".join(sorted(key for key in plan if known.get(key) != plan[key]))
            raise FerError(
                f"{folder} holds half of another job (different: {changed or 'version'}). Give the "
                "same options to finish it, --restart to begin anew, or another --out."
            )

    def add(self, rows: Iterable[Mapping[str, Any]], standing: Standing) -> None:
        """Write the next part."""
        table = pa.Table.from_pandas(results.table(map(dict, rows)), preserve_index=False)
        note = json.dumps(asdict(standing)).encode()
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), KEY: note})
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        write_bytes(self.folder / f"{len(self._files()):06}.parquet", buffer.getvalue())

    def standing(self) -> Standing:
        """Where the job stands: everything finished, and the half-read video of the last part."""
        finished: list[str] = []
        last = Standing()
        for file in self._files():
            note = json.loads(pq.read_schema(file).metadata[KEY])
            position = Position(**note["position"]) if note["position"] else None
            last = Standing(tuple(note["finished"]), note["video"], position, note["pieces"])
            finished += last.finished
        return Standing(tuple(finished), last.video, last.position, last.pieces)

    def tables(self) -> Iterator[pd.DataFrame]:
        """The rows, part by part."""
        for file in self._files():
            yield pq.read_table(file).to_pandas().astype(results.TYPES)

    def delete(self) -> None:
        """Remove the parts and what belongs to them."""
        for file in (self.folder / PLAN, *self._files(), *self.folder.glob("*.nut")):
            file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.parquet"))

    def _known_plan(self) -> Any:
        try:
            return read_plan((self.folder / PLAN).read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise FerError(f"{self.folder / PLAN} is damaged. Use --restart.") from error


def read_plan(text: str) -> dict[str, Any]:
    """Return the plan that a JSON text holds; the keys of version 0.1 get their present names.

    Raises:
        ValueError: It is no JSON object.
    """
    plan = json.loads(text)
    if not isinstance(plan, dict):
        raise ValueError("it is no JSON object")
    return {OLD_KEYS.get(str(key), str(key)): value for key, value in plan.items()}
