"""Prepare the server once; hold every patch of Streamlit and streamlit-webrtc."""
