"""What another page asks of the live page; imports nothing, so that it costs that page nothing."""

START_CAMERA = "live_start"
"""Session key: the visitor asked for the camera already, so no second click is needed."""
