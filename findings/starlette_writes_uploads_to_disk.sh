#!/usr/bin/env bash
# Starlette 1.10.0 (below FastAPI and, since 2025, Streamlit) writes an uploaded file of more than 1 MiB to the server's temporary folder while
# it parses the form. An app that promises to keep photos in memory does not, unless it changes
# MultiPartParser.spool_max_size or the temporary folder is in memory.
# Observed: 1,048,576 bytes stay in memory, one byte more is on the disk.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check starlette==1.10.0 httpx==0.28.1 python-multipart==0.0.34
env/bin/python - <<'PY'
from starlette.applications import Starlette
from starlette.formparsers import MultiPartParser
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient


async def upload(request):
    async with request.form() as form:
        file = form["file"]
        return JSONResponse({"on disk": file.file._rolled, "size": file.size})


client = TestClient(Starlette(routes=[Route("/", upload, methods=["POST"])]))
seen = [client.post("/", files={"file": ("a.jpg", b"x" * size)}).json() for size in (1_048_576, 1_048_577, 5_000_000)]
print(MultiPartParser.spool_max_size, seen)
assert [one["on disk"] for one in seen] == [False, True, True]
PY
