"""What the server does once, and every patch of Streamlit and streamlit-webrtc."""
