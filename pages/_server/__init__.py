"""Start the server once, and patch Streamlit and streamlit-webrtc."""
