"""Find copies of the same photo: exact, slightly changed, mirrored; within and across splits.

Fingerprints of the thumbnails propose pairs, the pictures themselves confirm them.
"""

from fer_core.audit.duplicates.candidates import fingerprints, propose
from fer_core.audit.duplicates.groups import groups, leaking, surplus
from fer_core.audit.duplicates.search import DEFAULT_DIFFERENCE, FLAT, find
from fer_core.audit.duplicates.verify import MOST_DIFFERENCE, confirm, difference

__all__ = [
    "DEFAULT_DIFFERENCE",
    "FLAT",
    "MOST_DIFFERENCE",
    "confirm",
    "difference",
    "find",
    "fingerprints",
    "groups",
    "leaking",
    "propose",
    "surplus",
]
