"""Parts of the live page."""
