"""Live: the webcam with every face's emotion, without lag."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from streamlit_webrtc import WebRtcStreamerContext, webrtc_streamer

from fer_core import EMOTIONS, Recognizer, corrections
from fer_core.errors import FerError
from fer_core.images import Pixels
from fer_core.live import LiveOptions, LiveSession, ReadOptions, Recorder, Seats, memory
from fer_core.live.connection import ice_servers
from fer_core.live.recorder import LIMIT_S
from fer_core.photos import PhotoReader
from fer_core.settings import settings
from fer_core.tracking import TrackedFace
from pages import _live_view as view
from pages._live_player import VIDEO, WORDS, Processor, camera
from pages._shared import choose_reading, model_card, notice, recognizer, show_bars

PLAYER = "live-player"
REFRESH_S = 0.5


@dataclass
class Frozen:
    """A face held still to be corrected."""

    crop: Pixels
    emotion: str


@dataclass
class Viewer:
    """What one visitor's live page holds on to."""

    session: LiveSession | None = None
    recorder: Recorder | None = None
    frozen: Frozen | None = None
    connecting_since: float = field(default_factory=time.monotonic)

    def release(self) -> None:
        """End the session and delete the recording."""
        if self.session:
            self.session.end()
        if self.recorder:
            self.recorder.delete()


@st.cache_resource(scope="session", on_release=Viewer.release)
def viewer() -> Viewer:
    return Viewer()


@st.cache_resource
def seats() -> Seats:
    return Seats(settings().streams)


@st.cache_resource
def prepare_once() -> None:
    memory.settle()


def choose_options() -> tuple[LiveOptions, str]:
    """What the visitor wants, and which way the camera looks."""
    with st.popover("Settings", icon=":material/tune:"):
        facing = st.segmented_control(
            "Camera",
            ["Front", "Back"],
            default="Front",
            required=True,
            key="facing",
            help="On a phone. It counts from the next start.",
        )
        turned = st.toggle("Mirror", value=True, key="mirror")
        bars = st.toggle("Bars beside the faces", value=True, key="bars")
        half_life = st.slider(
            "Smoothing",
            0.0,
            2.0,
            0.3,
            0.1,
            format="%.1f s",
            key="smoothing",
            help="Time after which an old reading counts half. 0 shows each picture's own reading.",
        )
    return LiveOptions(turned, bars, ReadOptions(half_life)), facing


def play(reader: Recognizer, options: LiveOptions, facing: str) -> WebRtcStreamerContext:
    """The player; every start of it is a new session."""
    mine, places = viewer(), seats()

    def open_session() -> Processor:
        session = LiveSession(reader, options)
        places.take(session)
        mine.session = session
        return Processor(session)

    return webrtc_streamer(
        PLAYER,
        rtc_configuration=network(),
        media_stream_constraints=camera(facing),
        video_processor_factory=open_session,
        async_processing=False,
        video_html_attrs=VIDEO,
        translations=WORDS,
        media_toggle_controls=False,
    )


def network() -> dict | None:
    """STUN and TURN servers, from the secrets where they name some."""
    section = st.secrets.get("webrtc") if st.secrets.load_if_toml_exists() else None
    servers = ice_servers(section, urlsplit(st.context.url or "").hostname or "localhost")
    return None if servers is None else {"iceServers": servers}


def say_state(context: WebRtcStreamerContext, every: int, detector: str) -> bool:
    """One line on how it runs or what is missing; True while pictures come."""
    mine = viewer()
    session = mine.session
    if not context.state.playing and not context.state.signalling:
        mine.connecting_since = time.monotonic()
        st.info("The camera is off. Press Start below the picture.", icon=":material/videocam:")
        return False
    if session is None or not session.stats().frames:
        waited = time.monotonic() - mine.connecting_since
        if waited < 10:
            st.info("Connecting to the camera …", icon=":material/hourglass_empty:")
        else:
            st.warning(
                "No picture has come through yet. The network between this browser and the server "
                "may block video; then a TURN server is needed. A snapshot works without one."
            )
        return False
    if session.silent_s > 2:
        st.warning(
            f"No picture for {session.silent_s:.0f} seconds. Is the camera unplugged, covered by "
            "another program, or the connection gone? Press Stop, then Start."
        )
        return False
    st.html(view.stats_line(session.stats(), detector, every))
    return True


def choose_face(session: LiveSession) -> TrackedFace | None:
    """The face to show: the one chosen, or the largest."""
    result = session.latest
    faces = result.faces if result else ()
    persons = sorted(session.history.persons())
    wanted = None
    if len(persons) > 1:
        wanted = st.selectbox(
            "Person",
            [None, *persons],
            format_func=lambda n: "Largest face" if n is None else f"Person {n}",
            key="person",
        )
    if wanted is not None:
        return next((face for face in faces if face.person == wanted), None)
    return max(faces, key=lambda face: face.box.area, default=None)


def show_face(session: LiveSession, coming: bool) -> None:
    """Bars, last minute and shares of one person."""
    face = choose_face(session)
    chosen = st.session_state.get("person")
    if coming and face:
        st.html(view.bars(face))
    elif coming:
        st.html('<div style="font-size:1.25rem;font-weight:600">no face</div>')
        st.caption("Look into the camera; faces should be upright and well lit.")
    person = face.person if face else chosen
    now = session.now_s if session.active else session.now_s - session.silent_s
    seen = session.history.of(person, now)
    if seen.readings:
        st.html(view.timeline(seen))
        empty = session.history.without_face
        who = f"Person {person}" if person and len(session.history.persons()) > 1 else "All"
        st.caption(
            f"{who} since the start" + (f" · no face in {empty:.0%}" if empty > 0.005 else "")
        )
        st.html(view.shares(seen))
    if coming and face:
        offer_freeze(session, face)


def offer_freeze(session: LiveSession, face: TrackedFace) -> None:
    if settings().public:
        return
    if st.button("Correct this face", icon=":material/edit:", help="Hold it still and name it"):
        crop = session.crop(face.person)
        if crop is not None:
            viewer().frozen = Frozen(crop, face.emotion)


def show_frozen() -> None:
    """Name the face held still and keep it, if the visitor wants to."""
    mine = viewer()
    if mine.frozen is None:
        return
    with st.container(border=True):
        left, right = st.columns([1, 2], vertical_alignment="center")
        left.image(mine.frozen.crop, width=96, alt="The face held still")
        emotion = right.selectbox(
            "What does it show?",
            EMOTIONS,
            index=EMOTIONS.index(mine.frozen.emotion),
            key="correct-emotion",
        )
        st.caption(f"It is kept as a picture under {corrections.folder()}.")
        with st.container(horizontal=True):
            if st.button("Keep as training material", type="primary", key="keep"):
                corrections.keep(mine.frozen.crop, emotion)
                mine.frozen = None
                total = sum(corrections.counts().values())
                st.toast(f"Kept. Corrected faces so far: {total}.", icon=":material/check:")
                st.rerun(scope="fragment")
            if st.button("Discard", key="discard"):
                mine.frozen = None
                st.rerun(scope="fragment")


def offer_recording(session: LiveSession | None, coming: bool) -> None:
    """Start, stop and take along a recording."""
    mine = viewer()
    recorder = mine.recorder
    state = recorder.state if recorder else None
    if state is None or recorder is None:
        if coming and session and st.button("Record", icon=":material/fiber_manual_record:"):
            mine.recorder = session.record()
            st.rerun(scope="fragment")
        return
    if state.running:
        st.markdown(f":red[**● Recording**] {clock(state.seconds)} of {clock(LIMIT_S)}")
        if st.button("Stop recording", icon=":material/stop:"):
            recorder.stop()
            st.rerun(scope="fragment")
        return
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
        if st.button("Delete", icon=":material/delete:", help="Nothing of it stays here"):
            recorder.delete()
            mine.recorder = None
            st.rerun(scope="fragment")


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def beside(context: WebRtcStreamerContext, every: int, detector: str) -> None:
    """Everything that changes while the video runs."""
    mine = viewer()
    coming = say_state(context, every, detector)
    offer_recording(mine.session, coming)
    if mine.session:
        show_face(mine.session, coming)
    show_frozen()


def snapshot(reader: Recognizer) -> None:
    """The way out where video does not work."""
    shot = st.camera_input("Take a picture", key="live-snapshot")
    if shot is None:
        return
    photo = PhotoReader(reader).read(shot.getvalue(), "snapshot")
    if photo.error:
        st.error(photo.error)
        return
    left, right = st.columns([3, 2], gap="medium")
    left.image(photo.picture, alt="The snapshot with its faces")
    if not photo.faces:
        right.info("No face found.")
    with right:
        for number, face in enumerate(photo.faces):
            show_bars(face, key=f"snapshot-{number}")


camera_state = st.components.v2.component(
    "camera_state",
    html='<div role="status" style="font-weight:600"></div>',
    js=(Path(__file__).parent / "_camera.js").read_text("utf-8"),
)

card = model_card()
st.title("Live", anchor=False)
notice()
with st.container(horizontal=True, vertical_alignment="bottom"):
    way = st.segmented_control(
        "How", ["Video", "Snapshot"], default="Video", required=True, key="live-way",
        label_visibility="collapsed",
    )  # fmt: skip
    reading = choose_reading(card)
    options, facing = choose_options()
reader = recognizer(reading)
prepare_once()
if way == "Snapshot":
    snapshot(reader)
    st.stop()
left, right = st.columns([3, 2], gap="medium")
with left:
    try:
        context = play(reader, options, facing)
    except FerError as error:
        st.warning(str(error))
        st.stop()
    camera_state()
running = context.state.playing or context.state.signalling
if viewer().session:
    viewer().session.configure(reader, options)
with right:
    st.fragment(beside, run_every=REFRESH_S if running else None)(
        context, options.reading.detect_every, reader.detector
    )
