"""Views of the evaluation page."""
