"""Requests of other pages to the live page; imports nothing and costs those pages nothing."""

START_CAMERA = "live_start"
"""Session key: the visitor asked for the camera already, so no second click is needed."""
