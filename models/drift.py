"""Has the world moved away from what a model learned? The population stability index, per feature.

PSI compares the shares of rows in bins (deciles of the training rows, and one bin of missing
values): `sum((new - old) * ln(new / old))`. Rule of thumb (Siddiqi, Credit Risk Scorecards, 2006):
below 0.1 nothing, from 0.25 a shift. Without any drift PSI is about `(1/n + 1/m) * chi-squared`
with a degree of freedom less than bins (Yurdakul & Naranjo 2020), so that small samples look
shifted: a value counts only where it is above what chance gives in one of a thousand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.evaluate import Floats

Reference = Mapping[str, Mapping[str, list[float]]]
"""By feature: `edges` between bins, and `counts` of training rows in each, missing values last."""

SOME, MUCH = 0.1, 0.25
BINS = 10
FEWEST = 50
"""New rows below which nothing is said."""
CHANCE_Z = 3.09
"""Normal quantile of one in a thousand."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One column's drift: its PSI, and what chance alone would reach."""

    name: str
    psi: float
    chance: float

    @property
    def verdict(self) -> str:
        """Return steady, some or much."""
        if self.psi < max(SOME, self.chance):
            return "steady"
        return "some" if self.psi < MUCH else "much"


def reference(columns: Mapping[str, Floats]) -> dict[str, dict[str, list[float]]]:
    """Return what training rows look like, by column of shape `(n,)`; NaN is missing."""
    found: dict[str, dict[str, list[float]]] = {}
    for name, values in columns.items():
        present = values[~np.isnan(values)]
        inner = np.linspace(0, 1, BINS + 1)[1:-1]
        edges = np.unique(np.quantile(present, inner)) if len(present) else np.array([])
        found[name] = {"edges": edges.tolist(), "counts": counts(values, edges).tolist()}
    return found


def counts(values: Floats, edges: Floats) -> Floats:
    """Return the rows in each bin (up to and including its edge), missing ones last."""
    is_missing = np.isnan(values)
    at = np.searchsorted(edges, values[~is_missing], side="left")
    inside = np.bincount(at, minlength=len(edges) + 1).astype(np.float64)
    return np.append(inside, float(is_missing.sum()))


def shifts(known: Reference, columns: Mapping[str, Floats]) -> list[Shift]:
    """Return the drift of new rows of shape `(n,)` by column, largest first; none if too few."""
    found = [
        _shift(name, np.array(one["counts"]), counts(columns[name], np.array(one["edges"])))
        for name, one in known.items()
        if name in columns and len(columns[name]) >= FEWEST
    ]
    return sorted(found, key=lambda one: -one.psi)


def _shift(name: str, old: Floats, new: Floats) -> Shift:
    n, m = float(old.sum()), float(new.sum())
    is_used = (old > 0) | (new > 0)
    before = (old[is_used] + 0.5) / (n + 0.5 * is_used.sum())
    after = (new[is_used] + 0.5) / (m + 0.5 * is_used.sum())
    psi = float(np.sum((after - before) * np.log(after / before)))
    return Shift(name, psi, (1 / n + 1 / m) * chi_squared(int(is_used.sum()) - 1))


def chi_squared(freedom: int) -> float:
    """Return the upper quantile of one in a thousand (Wilson & Hilferty 1931)."""
    if freedom < 1:
        return 0.0
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + CHANCE_Z * np.sqrt(part)) ** 3)
