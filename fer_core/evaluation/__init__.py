"""Metrics of predictions with known labels: accuracy, calibration, intervals, robustness."""

from fer_core.evaluation.bootstrap import Interval, Intervals, bootstrap
from fer_core.evaluation.calibration import (
    abstain_threshold,
    calibration_error,
    coverage,
    coverage_curve,
    fit_temperature,
    prior_correction,
    reliability,
)
from fer_core.evaluation.evaluate import Evaluation, evaluate, evaluate_logits
from fer_core.evaluation.metrics import (
    ClassMetrics,
    Metrics,
    compute_metrics,
    confusion_matrix,
    rates,
)
from fer_core.evaluation.robustness import (
    LabelledCrops,
    PredictAll,
    Robustness,
    measure_heads,
    measure_robustness,
)

__all__ = [
    "ClassMetrics",
    "Evaluation",
    "Interval",
    "Intervals",
    "LabelledCrops",
    "Metrics",
    "PredictAll",
    "Robustness",
    "abstain_threshold",
    "bootstrap",
    "calibration_error",
    "compute_metrics",
    "confusion_matrix",
    "coverage",
    "coverage_curve",
    "evaluate",
    "evaluate_logits",
    "fit_temperature",
    "measure_heads",
    "measure_robustness",
    "prior_correction",
    "rates",
    "reliability",
]
