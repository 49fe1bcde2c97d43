"""Balance a dataset: plan how many images each class gets, then write that as a new dataset.

The plan is a table of targets that can be looked at and changed before anything is written, as
imbalanced-learn does it. Only the training split is changed: copies made before a split would leak
into what the model is judged by.
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
