"""The bare loop to compare with: the camera's video sent back untouched."""

from streamlit_webrtc import webrtc_streamer

webrtc_streamer(
    "echo",
    rtc_configuration={"iceServers": []},
    media_stream_constraints={
        "video": {"width": 640, "height": 480, "frameRate": 30},
        "audio": False,
    },
    translations={"start": "Start", "stop": "Stop"},
)
