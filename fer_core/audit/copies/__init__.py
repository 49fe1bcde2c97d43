"""Find copies of the same photo: exact, slightly changed, mirrored; within and across splits.

Fingerprints of the thumbnails propose pairs, the pictures themselves confirm them.
"""

from fer_core.audit.copies.comparing import MOST_DIFFERENCE, confirm, difference
from fer_core.audit.copies.fingerprints import fingerprints, propose
from fer_core.audit.copies.grouping import groups, leaking, surplus
from fer_core.audit.copies.search import DEFAULT_DIFFERENCE, FLAT, find

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
