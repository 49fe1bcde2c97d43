"""Make a dataset: faces from photos, videos and the webcam, labelled, split by person, written."""

from fer_core.collect.assemble import Plan, Recipe, make_plan, write
from fer_core.collect.collection import Collection, Face, collections, open_or_create
from fer_core.collect.export import pack, pack_imagefolder
from fer_core.collect.persons import RULES
from fer_core.collect.photos import FileOptions, add_files
from fer_core.collect.quality import Limits
from fer_core.collect.report import Report
from fer_core.collect.selection import Selection, select
from fer_core.collect.video import Clip

__all__ = [
    "RULES", "Clip", "Collection", "Face", "FileOptions", "Limits", "Plan", "Recipe", "Report",
    "Selection", "add_files", "collections", "make_plan", "open_or_create", "pack",
    "pack_imagefolder", "select", "write",
]  # fmt: skip
