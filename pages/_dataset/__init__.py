"""Parts of the dataset page."""
