"""The scikit-learn estimators that the models use, typed: what goes in and out, and their sizes.

All are deterministic for a seed and use the cores that the process may use.
"""

from __future__ import annotations

import os
from typing import Any, Protocol, Self, cast

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.beta import Floats


class Classifier(Protocol):
    """A classifier of two classes, 0 and 1, over rows of shape `(n, columns)`."""

    def fit(self, X: Floats, y: Floats, sample_weight: Floats | None = None) -> Self:  # noqa: N803
        """Learn from rows, labels of shape `(n,)` and weights."""
        ...

    def predict_proba(self, X: Floats) -> Floats:  # noqa: N803
        """Return shape `(n, 2)`."""
        ...


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def trees(
    count: int, *, leaf: int, features: float = 0.4, seed: int = 0, bag: bool = False,
    threads: int = 0,
) -> Classifier:  # fmt: skip
    """Return extremely randomised trees (Geurts 2006); `bag` draws rows, for `out_of_bag`.

    `threads` 0 means all cores of the process.
    """
    sizes: dict[str, Any] = {
        "n_estimators": count, "min_samples_leaf": leaf, "max_features": features,
        "random_state": seed, "n_jobs": threads or cores(), "bootstrap": bag, "oob_score": bag,
    }  # fmt: skip
    return cast("Classifier", ExtraTreesClassifier(**sizes))


def out_of_bag(fitted: Classifier) -> Floats:
    """Return P(1) of each training row by the trees that did not see it, shape `(n,)`."""
    told = np.asarray(cast("Any", fitted).oob_decision_function_, dtype=np.float64)
    return np.nan_to_num(_second(fitted, told))


def boosting(**sizes: float) -> Classifier:
    """Return gradient boosted trees over histograms; `sizes` are scikit-learn's own arguments."""
    named: dict[str, Any] = {"random_state": 0, **sizes}
    return cast("Classifier", HistGradientBoostingClassifier(**named))


def chance(fitted: Classifier, rows: Floats) -> Floats:
    """Return P(1), shape `(n,)`."""
    return _second(fitted, fitted.predict_proba(rows))


def _second(fitted: Classifier, told: Floats) -> Floats:
    """Return the column of class 1; what learned from one class alone says that class."""
    if told.shape[1] > 1:
        return told[:, 1]
    return np.full(len(told), float(cast("Any", fitted).classes_[0]))


def logistic(strength: float) -> Classifier:
    """Return a logistic regression over standardised columns; `strength` is scikit-learn's C."""
    # Newton steps: many more rows than columns, half the time of lbfgs, the same optimum.
    plain = LogisticRegression(C=strength, max_iter=300, solver="newton-cholesky")
    steps = make_pipeline(StandardScaler(), plain)
    return cast("Classifier", _Weighted(steps))


class _Weighted:
    """Passes the weights of rows to the last step of a pipeline."""

    def __init__(self, steps: Any) -> None:  # noqa: ANN401 - scikit-learn has no types
        self.steps = steps

    def fit(self, X: Floats, y: Floats, sample_weight: Floats | None = None) -> Self:  # noqa: N803
        self.steps.fit(X, y, logisticregression__sample_weight=sample_weight)
        return self

    def predict_proba(self, X: Floats) -> Floats:  # noqa: N803
        return np.asarray(self.steps.predict_proba(X), dtype=np.float64)
