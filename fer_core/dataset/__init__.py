"""Datasets of face pictures: open, scan, import, and where they are kept."""

from fer_core.dataset.index import SPLITS, DatasetIndex
from fer_core.dataset.scan import scan

__all__ = ["SPLITS", "DatasetIndex", "scan"]
