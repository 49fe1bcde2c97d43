"""Take in a network made elsewhere, and believe nothing that its file says of itself."""

from fer_core.models.importing.importer import ORDERS, RANGES, Wish, import_model

__all__ = ["ORDERS", "RANGES", "Wish", "import_model"]
