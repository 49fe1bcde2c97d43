"""What the live page hands to the player of streamlit-webrtc."""

from typing import Any

from streamlit_webrtc import VideoProcessorBase

from fer_core.live import LiveSession

WORDS = {
    "start": "Start",
    "stop": "Stop",
    "select_device": "Choose camera",
    "select_camera": "Choose camera",
    "turn_camera_on": "Camera on",
    "turn_camera_off": "Camera off",
    "media_api_not_available": "This browser gives no camera to this page",
    "device_ask_permission": "Allow the camera in the question your browser shows",
    "device_not_available": "The camera cannot be used",
    "device_access_denied": "The browser does not allow the camera",
}


VIDEO = {
    "autoPlay": True,
    "muted": True,
    "playsInline": True,
    "style": {"width": "100%", "borderRadius": "8px"},
}


def camera(facing: str) -> dict[str, Any]:
    """Which video is asked of the browser; ``facing`` is Front or Back."""
    return {
        "video": {
            "width": {"ideal": 640},
            "height": {"ideal": 480},
            "frameRate": {"ideal": 30},
            "facingMode": "environment" if facing == "Back" else "user",
        },
        "audio": False,
    }


class Processor(VideoProcessorBase):
    """What the player calls. Drawing takes about a millisecond, so no thread stands between."""

    def __init__(self, session: LiveSession) -> None:
        self.recv = session.handle
        self.on_ended = session.end
