"""Take in a network made elsewhere, and believe nothing that its file says of itself."""

from fer_core.importing.take_in import ORDERS, RANGES, Wish, import_model

__all__ = ["ORDERS", "RANGES", "Wish", "import_model"]
