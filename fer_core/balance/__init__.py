"""Balance a dataset: plan the number of images of each class, then write them as a new dataset.

The plan is a table of targets that can be reviewed and changed before anything is written, as in
imbalanced-learn. Only the training split is changed: images upsampled before a split would leak
into validation and test.
"""

from fer_core.balance.apply import Estimate, apply, estimate, version_name, write
from fer_core.balance.manifest import Recipe, make_manifest
from fer_core.balance.plan import STRATEGIES, Plan, plan, train_counts

__all__ = [
    "STRATEGIES",
    "Estimate",
    "Plan",
    "Recipe",
    "apply",
    "estimate",
    "make_manifest",
    "plan",
    "train_counts",
    "version_name",
    "write",
]
