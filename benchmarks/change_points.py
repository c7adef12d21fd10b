"""Planted changes of durations: found, falsely told and how late, beside four usual rules.

Series of daily medians, some with one lasting change; days scatter around their level, now and then
one is far off. Each rule sees the series day by day, as it would run, and tells a change when it
first finds one; it is right where its day is within NEAR days of the planted one. Delay: days from
the change to the telling.

    python benchmarks/change_points.py [SERIES] [SEED]

Rivals: Shewhart's 3-sigma chart (mean and deviation of the 30 days before, 3 days in a row
outside), Welch's t-test of the last 7 days against the 7 before at p < 0.001, and PELT of
`ruptures` (Killick et al. 2012; cost of means, penalty 3 log n) where that is installed.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models import change_point

Floats = NDArray[np.float64]
Rule = Callable[[Floats], NDArray[np.int64]]
"""From series known so far, `(n, days)`, the day of each one's change, -1 for none."""
DAYS, FIRST = 75, 30
NEAR = 3
CHANGED = 0.1
START = date(2026, 1, 5)


@dataclass(frozen=True, slots=True)
class World:
    """Daily medians `(n, DAYS)` and the day of each planted change, -1 for none."""

    seconds: Floats
    at: NDArray[np.int64]


def world(series: int, seed: int, size: float, spread: float) -> World:
    """Return series of which CHANGED get slower by the factor `size` on a day of the middle."""
    rng = np.random.default_rng(seed)
    logs = rng.normal(0, 1, (series, 1)) + spread * rng.standard_normal((series, DAYS))
    logs += np.where(rng.random((series, DAYS)) < 0.02, rng.exponential(1.0, (series, DAYS)), 0)
    at = np.where(rng.random(series) < CHANGED, rng.integers(FIRST, DAYS - 10, series), -1)
    later = (np.arange(DAYS)[None, :] >= at[:, None]) & (at[:, None] >= 0)
    return World(np.exp(logs + np.log(size) * later), at)


def ours(known: Floats) -> NDArray[np.int64]:
    """Return what models/change_point.py tells."""
    n, days = known.shape
    frame = pl.DataFrame({
        "project_id": "p", "subject_kind": "test",
        "subject_id": np.repeat(np.arange(n), days).astype(str),
        "day": [START + timedelta(days=day) for day in range(days)] * n,
        "seconds": known.ravel(), "runs": 10,
    }, schema_overrides=change_point.INPUT)  # fmt: skip
    found = change_point.changes(frame)
    at = np.full(n, -1)
    for subject, day in found.select("subject_id", "day").iter_rows():
        at[int(subject)] = (day - START).days
    return at


def shewhart(known: Floats) -> NDArray[np.int64]:
    """Return the first of three newest days that are all beyond 3 sigma of the 30 before."""
    logs = np.log(known)
    before, last = logs[:, -33:-3], logs[:, -3:]
    score = (last - before.mean(axis=1, keepdims=True)) / before.std(axis=1, keepdims=True)
    is_out = (score > 3).all(axis=1) | (score < -3).all(axis=1)
    return np.where(is_out, known.shape[1] - 3, -1)


def welch(known: Floats) -> NDArray[np.int64]:
    """Return the day 7 days ago where a t-test of the weeks around it has p < 0.001."""
    from scipy.stats import ttest_ind

    logs = np.log(known)
    p_value = ttest_ind(logs[:, -7:], logs[:, -14:-7], axis=1, equal_var=False).pvalue
    return np.where(p_value < 1e-3, known.shape[1] - 7, -1)


def pelt(known: Floats) -> NDArray[np.int64]:
    """Return the newest change that PELT finds."""
    import ruptures  # pyright: ignore[reportMissingImports]

    days = known.shape[1]
    found = np.full(len(known), -1)
    for row, logs in enumerate(np.log(known)):
        scale = np.median(np.abs(np.diff(logs))) / 0.954 or 1.0
        search = ruptures.Pelt(model="l2", min_size=4, jump=1).fit(logs / scale)
        ends = search.predict(pen=3 * np.log(days))
        found[row] = ends[-2] if len(ends) > 1 else -1
    return found


def walked(rule: Rule, made: World) -> tuple[float, float, float, float, float]:
    """Return precision, recall, median delay, false alarms and CPU seconds of a rule."""
    told, when = np.full(len(made.at), -1), np.full(len(made.at), -1)
    start = time.process_time()
    for day in range(FIRST + 5, DAYS + 1):
        rest = np.flatnonzero(told < 0)
        found = rule(made.seconds[rest, :day])
        fresh = rest[found >= 0]
        told[fresh], when[fresh] = found[found >= 0], day
    spent = time.process_time() - start
    is_told = told >= 0
    right = is_told & (made.at >= 0) & (np.abs(told - made.at) <= NEAR)
    precision = right.sum() / max(1, is_told.sum())
    delay = float(np.median((when - made.at)[right])) if right.any() else float("nan")
    return float(precision), float(right.sum() / (made.at >= 0).sum()), delay, float(
        (is_told & ~right).sum()
    ), spent  # fmt: skip


def rules() -> dict[str, Rule]:
    """Return the rules by name; PELT where it is installed."""
    found: dict[str, Rule] = {
        "GoLive": ours,
        "Shewhart 3 sigma": shewhart,
        "t-test of weeks": welch,
    }
    if importlib.util.find_spec("ruptures"):
        found["PELT (ruptures)"] = pelt
    return found


def main() -> None:
    """Print a row for each size of change and rule."""
    series = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print(f"{series} series, {DAYS} days, {CHANGED:.0%} with one change; told day by day")
    print(f"{'change, scatter':<18}{'rule':<20}{'precision':>10}{'recall':>8}{'delay':>7}"
          f"{'false':>7}{'CPU s':>8}")  # fmt: skip
    known = rules()
    if len(known) < len(("GoLive", "Shewhart", "t-test", "PELT")):
        print("PELT is left out: ruptures is not installed")
    for size, spread in ((1.3, 0.1), (1.6, 0.2), (2.0, 0.3)):
        made = world(series, seed, size, spread)
        for name, rule in known.items():
            precision, recall, delay, false, spent = walked(rule, made)
            print(f"{f'x {size:g}, {spread:.0%}':<18}{name:<20}{precision:>10.2f}{recall:>8.2f}"
                  f"{delay:>7.0f}{false:>7.0f}{spent:>8.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
