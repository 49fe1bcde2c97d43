"""Datasets of face images: open, scan, import and store them."""

from fer_core.dataset.index import SPLITS, DatasetIndex
from fer_core.dataset.scan import scan

__all__ = ["SPLITS", "DatasetIndex", "scan"]
