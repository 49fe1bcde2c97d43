"""Start, stop and take along a recording.

Buttons call what they do, before anything is drawn: a click that is only seen where its button is
drawn gets lost when something before it asks for a new run.
"""

import streamlit as st

from fer_core.live import LiveSession
from fer_core.live.recorder import LIMIT_S
from pages._live.state import viewer


def offer_recording(session: LiveSession | None, coming: bool) -> None:
    """Start a recording, watch it, stop it."""
    mine = viewer()
    if mine.recorder is None:
        if coming and session:
            icon = ":material/fiber_manual_record:"
            st.button("Record", icon=icon, on_click=mine.record, args=[session])
        return
    state = mine.recorder.state
    if state.running:
        st.markdown(f":red[**● Recording**] {clock(state.seconds)} of {clock(LIMIT_S)}")
        st.button("Stop recording", icon=":material/stop:", on_click=mine.recorder.stop)
    elif not mine.offered:
        st.rerun()  # for its files, which stand elsewhere


@st.fragment
def offer_files() -> None:
    """Take a finished recording along, or delete it.

    Apart from what is refreshed twice a second: a download button that is drawn anew between the
    click and the answer leads nowhere.
    """
    mine = viewer()
    recorder = mine.recorder
    if recorder is None or recorder.state.running:
        return
    mine.offered = True
    state = recorder.state
    why = " It stopped at the limit." if state.at_limit else ""
    lost = f" {state.left_out} pictures were left out." if state.left_out else ""
    st.caption(f"Recorded {clock(state.seconds)}, {state.rows} rows.{why}{lost} {state.error}")
    with st.container(horizontal=True):
        st.download_button(
            "CSV", recorder.csv.read_bytes, "live.csv", "text/csv",
            on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        if state.frames:
            st.download_button(
                "Clip", recorder.mp4.read_bytes, "live.mp4", "video/mp4",
                on_click="ignore", icon=":material/download:",
            )  # fmt: skip
        st.button(
            "Delete", icon=":material/delete:", help="Nothing of it stays here",
            on_click=mine.delete_recording,
        )  # fmt: skip


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
