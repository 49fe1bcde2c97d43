"""The live page with one thing changed, named in LIVE_VARIANT.

``slow``: recognition takes 300 ms longer. ``asynchronous``: the player's own thread and queue
stand between the video and the callback. ``late``: a connection is answered a second later.
``behind``: two runs are counted for each, as now and then on a busy server. ``plain``: nothing.
"""

import itertools
import os
import time
from pathlib import Path

import streamlit as st
from streamlit_webrtc import component
from streamlit_webrtc.webrtc import WebRtcWorker

from fer_core import Recognizer
from pages._live import player
from pages._server.startup import start_once

DELAY_S = 0.3
ANSWER_S = 1.0


@st.cache_resource
def change(variant: str) -> None:
    """Apply the variant once in a process."""
    if variant == "slow":
        classify = Recognizer.classify

        def slowly(self, rgb, detections):
            time.sleep(DELAY_S)
            return classify(self, rgb, detections)

        Recognizer.classify = slowly
    elif variant == "late":
        process_offer = WebRtcWorker.process_offer

        def lately(self, *args, **kw):
            time.sleep(ANSWER_S)
            return process_offer(self, *args, **kw)

        WebRtcWorker.process_offer = lately
    elif variant == "behind":
        counted = itertools.count(step=2)
        component.get_script_run_count = lambda _: next(counted)
    elif variant == "asynchronous":
        plain = player.webrtc_streamer
        player.webrtc_streamer = lambda *args, **kw: plain(*args, **kw | {"async_processing": True})


change(os.environ.get("LIVE_VARIANT", "plain"))
page = Path(__file__).parent.parent / "pages" / "live.py"
st.set_page_config(layout="wide")
start_once()
st.navigation([st.Page(page, title="Live", default=True)]).run()
