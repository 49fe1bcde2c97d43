"""Parts of the photos and video page that work in the background."""
