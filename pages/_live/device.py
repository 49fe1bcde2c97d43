"""The live view on the visitor's own device: the component, and what it sends."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from fer_core import EMOTIONS
from fer_core.labels import COLORS
from fer_core.live import DeviceView, LiveOptions
from fer_core.live.browser_files import BrowserFiles, folder
from fer_core.live.device_view import DETECTOR, parse_crop, parse_face
from fer_core.recognition.crop_dataset import SIDES
from fer_core.recognition.detection import MARGINS
from fer_core.recognition.tracking import TrackedFace
from fer_core.types import Pixels
from pages._live.request import START_CAMERA
from pages._live.state import viewer
from pages._server.component_files import serve_folder

KEY = "on-device"
SOURCES = Path(__file__).parent / "on_device"
REPORT_EVERY_S = 1.0
MOST_CROPS = 10
"""Crops of one message that are taken; the browser sends no more."""

MOST_TAG = 200


@dataclass(frozen=True)
class Capture:
    """A wish for face crops: the browser sends them while a button is held.

    The page says which by the event ``fer-studio-hold`` with an ``emotion``, an empty one for none.

    Attributes:
        every_ms: Least time between two crops, each of the largest face of a frame.
        tag: Comes back with each crop, such as the person's name.
    """

    every_ms: int
    tag: str = ""


@dataclass(frozen=True)
class DeviceOptions:
    """Options that the browser gets.

    Attributes:
        live: As for a view over the server.
        facing: Side of a phone's camera, Front or Back.
        timeline: Results are sent for the timeline and the shares.
        may_correct: There is a button that sends one crop to be corrected.
        capture: Crops to send, for a page that collects them.
    """

    live: LiveOptions
    facing: str = "Front"
    timeline: bool = True
    may_correct: bool = False
    capture: Capture | None = None


@dataclass(frozen=True)
class SentCrop:
    """A face crop that the browser sent.

    Attributes:
        crop: uint8 (S, S, 3) RGB; for a correction as the network saw it, for a capture as
            ``crop_dataset.cut_face`` cuts faces for a dataset. Never mirrored.
        face: Where it was in its frame, and the smoothed probabilities.
        frame: Number of the frame.
        time_s: Its time since the start.
        purpose: ``correction`` or ``capture``.
        emotion: Of a capture: the one whose button was held when the frame was taken.
        tag: Of a capture: see ``Capture``.
    """

    crop: Pixels
    face: TrackedFace
    frame: int
    time_s: float
    purpose: str
    emotion: str = ""
    tag: str = ""


def show_device_view(
    files: BrowserFiles, options: DeviceOptions, on_crops: Callable[[tuple[SentCrop, ...]], None]
) -> None:
    """Show the camera, recognized by the browser; call it in a fragment.

    Args:
        files: What the browser needs.
        options: What it is to do.
        on_crops: Called with the crops that the browser sent, before the page is run. Each comes
            once: the browser keeps it until the next run says that it has arrived.
    """
    reasons = files.rules["reasons"]
    number = take_report(_value("report"), reasons)
    state = viewer()
    recorder = state.recorder
    state.start_camera = st.session_state.pop(START_CAMERA, False) or state.start_camera
    request = {
        "files": files.files,
        "rules": files.rules,
        "assets": serve_folder("files", folder()),
        "options": {
            "mirror": options.live.mirror,
            "bars": options.live.bars,
            "half_life_s": options.live.recognition.half_life_s,
            "detect_every": options.live.recognition.detect_every,
            "facing": "environment" if options.facing == "Back" else "user",
        },
        "start": state.start_camera,
        "report": options.timeline,
        "report_every_s": REPORT_EVERY_S,
        "running": isinstance(state.session, DeviceView) and state.session.is_running,
        "recording": bool(recorder and recorder.state.running),
        "recorded": recorder is not None,
        "acknowledged": number,
        "crops_acknowledged": state.crops_message,
        "may_correct": options.may_correct,
        "capture": _capture(options.capture) if options.capture else None,
    }

    def take() -> None:
        on_crops(take_crops(_value("crops"), reasons))

    _component()(key=KEY, data=request, on_report_change=_nothing, on_crops_change=take)


def show_bars() -> None:
    """Show the emotion and probabilities of the largest face, which the browser fills in."""
    rows = "".join(
        f'<div data-emotion="{emotion}"><span>{emotion}</span><div><div data-part="fill" '
        f'style="background:{COLORS[emotion]}"></div></div><span data-part="share"></span></div>'
        for emotion in EMOTIONS
    )
    caption = '<div data-part="caption">The camera is off</div>'
    html = f'<div data-part="bars" class="empty">{caption}{rows}</div>'
    name = f"{serve_folder('bars', SOURCES)}-inline"
    st.components.v2.component(name, html=html, css=BARS_STYLE, js=_source("bars.js"))(
        key="on-device-bars"
    )


BARS_STYLE = """
[data-part=bars] { font-family: var(--st-font); color: var(--st-text-color); font-size: .9rem }
[data-part=caption] { font-size: 1.5rem; font-weight: 600 }
[data-part=bars].empty > [data-emotion] { opacity: .6 }
[data-emotion] {
  display: grid; grid-template-columns: 5rem 1fr 3rem; align-items: center; gap: .5rem;
  margin-top: .15rem;
}
[data-emotion] > div { height: .8rem; border-radius: 3px; background: #8882 }
[data-part=fill] { height: .8rem; border-radius: 3px; width: 0 }
[data-part=share] { text-align: right }
"""


def take_report(message: Any, reasons: Sequence[str] = ()) -> int:
    """Add the browser's newest message to its view; return the message's number."""
    if not isinstance(message, Mapping):
        return 0
    state, number, start = viewer(), message.get("number"), str(message.get("view"))[:64]
    if type(number) is not int or (start, number) == state.device_message:
        return state.device_message[1]
    if not isinstance(state.session, DeviceView) or start != state.device_message[0]:
        if state.session:
            state.session.end()
        state.session = DeviceView(reasons)
        if state.recorder and state.recorder.state.running:
            state.recorder.stop()
    state.device_message = start, number
    state.start_camera = False
    state.session.add(message)
    return number


def take_crops(message: Any, reasons: Sequence[str] = ()) -> tuple[SentCrop, ...]:
    """Return the crops of a browser's message; none of a message that came before."""
    if not isinstance(message, Mapping):
        return ()
    state, number, queue = viewer(), message.get("number"), str(message.get("queue"))[:64]
    latest, last_number = state.crops_message
    if type(number) is not int or (queue == latest and number <= last_number):
        return ()
    state.crops_message = queue, number
    return parse_crops(message, reasons)


def parse_crops(message: Mapping[str, Any], reasons: Sequence[str] = ()) -> tuple[SentCrop, ...]:
    """Return the crops of a browser's message; those that are damaged are left out."""
    items = message.get("list")
    crops = []
    for item in items[:MOST_CROPS] if isinstance(items, list) else []:
        try:
            size = int(item["width"]), int(item["height"])
            crops.append(
                SentCrop(
                    parse_crop(item["size"], base64.b64decode(item["rgb"], validate=True)),
                    parse_face(item["face"], size, reasons),
                    int(item["frame"]),
                    float(item["time_s"]),
                    str(item["purpose"]),
                    str(item.get("emotion", "")),
                    str(item.get("tag", ""))[:MOST_TAG],
                )
            )
        except (KeyError, TypeError, IndexError, ValueError, OverflowError, binascii.Error):
            continue
    return tuple(crops)


def _capture(capture: Capture) -> dict[str, Any]:
    """Return a wish with the rule by which faces are cut for a dataset."""
    return asdict(capture) | {"cut": {"margin": MARGINS[DETECTOR], "sides": SIDES}}


@cache
def _source(name: str) -> str:
    """Return a file of the component, read once: the page runs with every message."""
    return (SOURCES / name).read_text("utf-8")


def _component() -> Any:
    name = serve_folder("live", SOURCES)
    return st.components.v2.component(
        name, html=_source("view.html"), css=_source("view.css"), js="main.js"
    )


def _value(name: str) -> Any:
    state = st.session_state.get(KEY)
    return state.get(name) if isinstance(state, Mapping) else None


def _nothing() -> None:
    """Have Streamlit deliver the component's value."""
