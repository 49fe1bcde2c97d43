"""Import a dataset into the store: a folder, an archive or a CSV of pixels."""

from fer_core.dataset.importers.importer import import_dataset, with_name
from fer_core.dataset.importers.options import ImportOptions

__all__ = ["ImportOptions", "import_dataset", "with_name"]
