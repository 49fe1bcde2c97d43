"""The heap of a page by kind: what the page holds, and what the browser compiled for it."""

import json
from collections import Counter

from playwright.sync_api import CDPSession


def heap_megabytes(session: CDPSession) -> dict[str, float]:
    """Return MB of objects, JavaScript's and the DOM's, and of compiled code."""
    parts: list[str] = []
    add = lambda message: parts.append(message["chunk"])  # noqa: E731
    session.on("HeapProfiler.addHeapSnapshotChunk", add)
    session.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    session.remove_listener("HeapProfiler.addHeapSnapshotChunk", add)
    snapshot = json.loads("".join(parts))
    meta, nodes = snapshot["snapshot"]["meta"], snapshot["nodes"]
    fields, types = meta["node_fields"], meta["node_types"][0]
    kinds, sizes = (nodes[fields.index(name) :: len(fields)] for name in ("type", "self_size"))
    total: Counter[str] = Counter()
    for kind, size in zip(kinds, sizes, strict=True):
        total["code_mb" if types[kind] == "code" else "objects_mb"] += size
    return {name: round(size / 1e6, 2) for name, size in total.items()}
