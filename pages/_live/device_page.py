"""The live page where faces are recognized on the visitor's device."""

import streamlit as st

from fer_core.errors import FerError
from fer_core.live import DeviceView
from fer_core.live.browser_files import BrowserFiles, prepare
from fer_core.models.card import INT8_FILE, LITERT_FILE, ModelCard
from fer_core.system.settings import settings
from fer_core.system.text import markdown
from pages._live.correction import show_frozen
from pages._live.device import DeviceOptions, SentCrop, show_bars, show_device_view
from pages._live.panel import choose_face, show_history
from pages._live.recording import offer_files, offer_recording
from pages._live.state import Frozen, viewer

NOTHING_SENT = (
    "Frames are recognized by your browser and stay on this device. Nothing is sent while the "
    "timeline is off and nothing is recorded."
)
ROWS_SENT = (
    "Frames are recognized by your browser and stay on this device. Only results are sent, as "
    "numbers, for the timeline or a recording."
)


def browser_files(card: ModelCard, head: str, full_precision: bool) -> BrowserFiles:
    """Return what the browser needs; a message and the page's end where it is not to be had."""
    files = (card.folder / name for name in ("card.json", LITERT_FILE, INT8_FILE))
    changed = tuple(file.stat().st_mtime if file.is_file() else 0 for file in files)
    try:
        return _prepare(card, str(card.folder), changed, head, full_precision)
    except FerError as error:
        st.warning(
            "Faces cannot be recognized on this device: the server lacks what the browser needs. "
            f"{markdown(str(error))} Choose another mode above."
        )
        st.stop()


@st.cache_resource(show_spinner="Preparing the recognizer for the browser", max_entries=8)
def _prepare(
    _card: ModelCard, folder: str, changed: tuple[float, ...], head: str, full_precision: bool
) -> BrowserFiles:
    """Prepare the files; ``folder`` and ``changed`` make the cache see a replaced model."""
    return prepare(_card, head, full_precision)


@st.fragment
def show_on_device(files: BrowserFiles, options: DeviceOptions) -> None:
    """Show the camera and everything beside it; runs anew with every message of the browser."""
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(key="live-video"):
        show_device_view(files, options, _freeze)
    with right, st.container(key="live-panel"):
        show_bars()
        offer_files()
        _show_panel(options.timeline)
        show_frozen()


def _show_panel(show_timeline: bool) -> None:
    session = viewer().session
    session = session if isinstance(session, DeviceView) else None
    is_live = session is not None and session.is_running
    with st.container(horizontal=True, vertical_alignment="center"):
        offer_recording(session, is_live)
    if session and session.refused:
        st.caption(f"{session.refused} results of the browser were out of range and left out.")
    if session and (show_timeline or viewer().recorder):
        show_history(session, choose_face(session))


def _freeze(crops: tuple[SentCrop, ...]) -> None:
    for sent in crops:
        if sent.purpose == "correction" and not settings().public:
            viewer().frozen = Frozen(sent.crop, sent.face.emotion)
