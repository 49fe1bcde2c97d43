"""FER Studio's entry: ``streamlit run streamlit_app.py``. A router and nothing else."""

from pathlib import Path

import streamlit as st

from pages._server.startup import start_once
from pages._server.taps import correct_taps
from pages._server.uploads import drop_removed_uploads

SERVER = Path(__file__).parent / "pages" / "_server"

# A file of this server: Streamlit fetches icons given by name from Google's servers.
st.set_page_config(page_title="FER Studio", page_icon=str(SERVER / "icon.png"), layout="wide")
start_once()
drop_removed_uploads()
for style in ("contrast.css", "layout.css", "touch.css"):
    st.html(SERVER / style)
correct_taps()

st.navigation(
    [
        st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
        st.Page("pages/upload.py", title="Photos and video", icon=":material/image:"),
        st.Page("pages/live.py", title="Live", icon=":material/videocam:"),
        st.Page("pages/dataset.py", title="Dataset", icon=":material/balance:"),
        st.Page("pages/train.py", title="Train", icon=":material/model_training:"),
        st.Page("pages/evaluate.py", title="Evaluate", icon=":material/fact_check:"),
        st.Page("pages/models.py", title="Models", icon=":material/neurology:"),
    ],
    position="top",
).run()
