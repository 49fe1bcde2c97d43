"""Import a network made elsewhere, without trusting its file."""

from fer_core.models.importing.importer import (
    COLOURS,
    ORDERS,
    RANGES,
    ImportOptions,
    import_model,
    order_from,
)

__all__ = ["COLOURS", "ORDERS", "RANGES", "ImportOptions", "import_model", "order_from"]
