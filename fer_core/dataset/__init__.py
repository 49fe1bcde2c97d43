"""Datasets of face images: open, scan, import and store them."""

from fer_core.dataset.index import DatasetIndex
from fer_core.dataset.scan import scan
from fer_core.labels import SPLITS

__all__ = ["SPLITS", "DatasetIndex", "scan"]
