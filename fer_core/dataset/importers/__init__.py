"""Import a dataset into the store: a folder, a ZIP or a CSV."""
