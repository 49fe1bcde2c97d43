#!/usr/bin/env bash
# Streamlit 1.67.0: a run that ends with st.stop() keeps the state of every widget that it did not draw; a run that ends by itself drops it.
# When such a widget is drawn again, the browser shows its default and the server goes on with the old value, until the next click:
# a filter that shows "All" filters, and an upload field that is empty still holds its files and then loses them.
# Observed on the server's side: after another source and back the filter is "No face" with st.stop(), and "All" with if and else;
# the browser shows "All" in both cases (seen in Chromium).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check streamlit==1.67.0
cat > stops.py <<'PY'
import streamlit as st

source = st.segmented_control("Source", ["Photos", "Video"], default="Photos", required=True, key="source")
if source == "Video":
    st.write("a video")
    st.stop()
st.segmented_control("Show", ["All", "No face"], default="All", required=True, key="shown")
PY
cat > ends.py <<'PY'
import streamlit as st

source = st.segmented_control("Source", ["Photos", "Video"], default="Photos", required=True, key="source")
if source == "Video":
    st.write("a video")
else:
    st.segmented_control("Show", ["All", "No face"], default="All", required=True, key="shown")
PY
env/bin/python - <<'PY' 2>/dev/null
from streamlit.testing.v1 import AppTest


def back_again(script):
    """Choose a filter, then another source and back; return the filter that the server has."""
    app = AppTest.from_file(script).run()
    app.segmented_control(key="shown").set_value("No face").run()
    app.segmented_control(key="source").set_value("Video").run()
    app.segmented_control(key="source").set_value("Photos").run()
    return app.segmented_control(key="shown").value


found = {script: back_again(script) for script in ("stops.py", "ends.py")}
print(found)
assert found == {"stops.py": "No face", "ends.py": "All"}
PY
