"""How good are answers whose truth is known, how sure is that, and what do they withstand?"""

from fer_core.evaluation.bootstrap import Interval, Intervals, bootstrap
from fer_core.evaluation.calibration import (
    Labels,
    Logits,
    abstain_threshold,
    calibration_error,
    coverage,
    coverage_curve,
    fair_shifts,
    fit_temperature,
    reliability,
)
from fer_core.evaluation.evaluate import Evaluation, evaluate, evaluate_logits
from fer_core.evaluation.metrics import ClassFigures, Figures, confusion_matrix, measure, rates
from fer_core.evaluation.robustness import Pictures, Robustness, measure_robustness

__all__ = [
    "ClassFigures",
    "Evaluation",
    "Figures",
    "Interval",
    "Intervals",
    "Labels",
    "Logits",
    "Pictures",
    "Robustness",
    "abstain_threshold",
    "bootstrap",
    "calibration_error",
    "confusion_matrix",
    "coverage",
    "coverage_curve",
    "evaluate",
    "evaluate_logits",
    "fair_shifts",
    "fit_temperature",
    "measure",
    "measure_robustness",
    "rates",
    "reliability",
]
