"""Import a dataset into the store: a folder, a ZIP or a CSV."""

from fer_core.dataset.importers.importer import import_dataset

__all__ = ["import_dataset"]
