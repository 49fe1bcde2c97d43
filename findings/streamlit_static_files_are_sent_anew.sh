#!/usr/bin/env bash
# Streamlit 1.67.0 serves an app's static files (server.enableStaticServing) with an ETag, but never answers 304: a browser that asks with
# If-None-Match gets the whole file again. A network in a .tflite is gzipped anew for every request, and a random one even grows.
# Observed: again: 200 300000; gzipped: 200 300133 (bytes of a file of 300,000)
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check streamlit==1.67.0
mkdir static
head -c 300000 /dev/urandom >static/model.tflite
echo 'import streamlit as st; st.write("app")' >app.py
port=$(env/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
env/bin/python -m streamlit run app.py --server.port "$port" --server.address 127.0.0.1 --server.headless true \
    --server.enableStaticServing true >log 2>&1 &
server=$!
file="http://127.0.0.1:$port/app/static/model.tflite"
for _ in $(seq 300); do curl -sf -o /dev/null "http://127.0.0.1:$port/_stcore/health" && break; sleep 0.2; done
etag=$(curl -s -D - -o /dev/null "$file" | tr -d '\r' | sed -n 's/^etag: //Ip')
[ -n "$etag" ]
again=$(curl -s -o /dev/null -w '%{http_code} %{size_download}' -H "If-None-Match: $etag" "$file")
gzipped=$(curl -s -o /dev/null -w '%{http_code} %{size_download}' -H 'Accept-Encoding: gzip' "$file")
echo "again: $again; gzipped: $gzipped"
[ "$again" = "200 300000" ]
[ "${gzipped#200 }" -gt 300000 ]
