"""Start, stop and download a recording.

Buttons call what they do, before anything is drawn: a click that is only seen where its button is
drawn gets lost when something before it asks for a new run.
"""

import streamlit as st

from fer_core.live import LiveView
from fer_core.live.recorder import LIMIT_S
from fer_core.system.text import markdown
from pages._live.state import viewer


def offer_recording(session: LiveView | None, is_live: bool) -> None:
    """Show the button to start a recording, and while it runs its length and the button to stop."""
    state = viewer()
    if state.recorder is None:
        if is_live and session:
            icon = ":material/fiber_manual_record:"
            st.button("Record", icon=icon, on_click=state.record, args=[session])
            if state.record_error:
                st.error(markdown(state.record_error))
        return
    recording = state.recorder.state
    if recording.running:
        if not state.announced:
            state.announced = True
            st.rerun()  # for the notice, which stands elsewhere
        text = f":red[**● Recording**] {clock(recording.seconds)} of {clock(LIMIT_S)}"
        st.markdown(text, width="content")
        st.button("Stop recording", icon=":material/stop:", on_click=state.recorder.stop)
    elif not state.offered:
        st.rerun()  # for its files, which stand elsewhere


@st.fragment
def offer_files() -> None:
    """Offer a finished recording for download, or to delete it.

    Apart from what is refreshed twice a second: a download button that is drawn anew between the
    click and the answer leads nowhere.
    """
    state = viewer()
    recorder = state.recorder
    if recorder is None or recorder.state.running:
        return
    state.offered = True
    recording = recorder.state
    if recording.error:
        st.error(markdown(f"The recording stopped. {recording.error}"))
    limit = " It stopped at the limit." if recording.at_limit else ""
    dropped = f" {recording.left_out} frames were left out." if recording.left_out else ""
    st.caption(f"Recorded {clock(recording.seconds)}, {recording.rows} rows.{limit}{dropped}")
    with st.container(horizontal=True):
        st.download_button(
            "CSV", recorder.csv.read_bytes, "live.csv", "text/csv",
            on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        if recording.frames and recorder.mp4.exists():
            st.download_button(
                "Clip", recorder.mp4.read_bytes, "live.mp4", "video/mp4",
                on_click="ignore", icon=":material/download:",
            )  # fmt: skip
        st.button(
            "Delete", icon=":material/delete:", help="Deletes the recording from the server",
            on_click=state.delete_recording,
        )  # fmt: skip


def clock(seconds: float) -> str:
    """Return seconds as ``1:05``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
