"""Find duplicates: exact, near and mirrored copies of a photo, within and across splits.

Fingerprints of the thumbnails propose pairs; comparing the images confirms them.
"""

from fer_core.audit.duplicates.candidates import fingerprints, propose
from fer_core.audit.duplicates.connect import connect
from fer_core.audit.duplicates.groups import groups, leaking, surplus
from fer_core.audit.duplicates.search import find
from fer_core.audit.duplicates.verify import (
    DEFAULT_DIFFERENCE,
    MAX_DIFFERENCE,
    confirm,
    difference,
)

__all__ = [
    "DEFAULT_DIFFERENCE",
    "MAX_DIFFERENCE",
    "confirm",
    "connect",
    "difference",
    "find",
    "fingerprints",
    "groups",
    "leaking",
    "propose",
    "surplus",
]
