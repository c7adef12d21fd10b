"""Since when a test, a build or a stage is slower (or faster): the newest lasting change by day.

The rank-sum test at every day of a window, the best day's p-value times their number (the maximally
selected statistic of A. N. Pettitt 1979, Applied Statistics 28, 126-135, in its standardised form,
which finds a change near the end sooner): it assumes no distribution, so that one day under load is
no change. Days after a change are searched again, so that the newest one is found. Of the series of
a kind in a project those are kept whose p-values pass the procedure of Benjamini and Hochberg at
FALSE_SHARE, and whose level moved by LEAST_RATIO and LEAST_S at least.

`first_result` then finds in the results around that day where exactly the new level begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

NAME = "change_points"
FILES = (__file__,)
WINDOW_DAYS = 90
SIDE = 4
"""Days at least on each side of a change."""
FALSE_SHARE = 0.05
"""Share of false alarms among all that are told, at most (Benjamini and Hochberg 1995)."""
LEAST_RATIO = 1.2
LEAST_S = 0.02
TINY_S = 1e-6
LIKELY = 0.02
"""p-value of one split below which it is computed exactly."""
MOST_CHANGES = 4
"""Changes of one series that are looked for in the window."""
FAMILY = ["project_id", "subject_kind"]
"""Series that are told from noise together."""
KEY = [*FAMILY, "subject_id"]
INPUT = {
    **{name: pl.String() for name in KEY}, "day": pl.Date(), "seconds": pl.Float64(),
    "runs": pl.Int64(),
}  # fmt: skip
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """A change before day `at` of a series; `start` is where the level before it began."""

    start: int
    at: int
    p_value: float


def changes(daily: pl.DataFrame, others: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return the newest change of each series that has one.

    `daily` has the columns of INPUT: the median duration on each day, in seconds. `others` has a
    row for each series of these families that is not looked at now: FAMILY and its p_value, null
    where it is not known; they count among those that a change is told from. The result has KEY,
    day, before_s, after_s, ratio, p_value, days_before, days_after, runs_a_week and cost_s_week.
    """
    series = daily.drop_nulls("seconds").sort(*KEY, "day").group_by(KEY, maintain_order=True).agg(
        "day", "seconds", "runs"
    ).filter(pl.col("seconds").list.len() >= 2 * SIDE)  # fmt: skip
    screened = series.with_columns(likely=pl.Series(_screened(series["seconds"]), dtype=pl.Boolean))
    rows = [_row(*one) for one in screened.filter("likely").drop("likely").iter_rows()]
    found = pl.DataFrame(rows, schema=COLUMNS, orient="row")
    quiet = screened.filter(~pl.col("likely")).select(FAMILY).with_columns(p_value=pl.lit(1.0))
    rest = (
        [quiet]
        if others is None
        else [quiet, others.with_columns(pl.col("p_value").fill_null(1.0))]
    )
    family = pl.concat([found.select(*FAMILY, "p_value"), *rest], how="vertical_relaxed")
    limits = family.group_by(FAMILY).agg(_limit())
    told = found.join(limits, on=FAMILY).filter(pl.col("p_value") <= pl.col("limit"))
    return told.filter(_is_true()).drop("limit").sort(KEY)


def _screened(values: pl.Series) -> list[bool]:
    """Tell which series may have a change: no test is made of those that cannot pass one.

    Series of one length are ranked together; the same statistic as in `_split`, which is exact.
    """
    from scipy.stats import norm, rankdata

    lengths = values.list.len()
    likely = np.zeros(len(values), dtype=bool)
    for count in lengths.unique().to_list():
        places = (lengths == count).arg_true().to_numpy()
        ranks = rankdata(np.array(values.gather(places).to_list()), axis=1)
        scores = _scores(np.cumsum(ranks, axis=1), count)
        p_value = 2 * norm.sf(scores.max(axis=1))
        likely[places] = (p_value < LIKELY) | (p_value * scores.shape[1] <= FALSE_SHARE)
    return likely.tolist()


def _scores(sums: Floats, count: int) -> Floats:
    """Return how far the ranks of both sides differ at each split, in standard deviations.

    `sums` are cumulated ranks, shape `(…, count)`; the result has SIDE days on both sides.
    """
    before = np.arange(SIDE, count - SIDE + 1)
    spread = np.sqrt(before * (count - before) * (count + 1) / 12)
    return np.abs(sums[..., before - 1] - before * (count + 1) / 2) / spread


COLUMNS = {
    **{name: pl.String() for name in KEY}, "day": pl.Date(), "before_s": pl.Float64(),
    "after_s": pl.Float64(), "ratio": pl.Float64(), "p_value": pl.Float64(),
    "days_before": pl.Int64(), "days_after": pl.Int64(), "runs_a_week": pl.Float64(),
    "cost_s_week": pl.Float64(),
}  # fmt: skip


def _limit() -> pl.Expr:
    """Return the largest p-value that passes Benjamini and Hochberg's procedure; -1 if none."""
    rank = pl.col("p_value").rank("max")
    passes = pl.col("p_value") <= FALSE_SHARE * rank / pl.len()
    return pl.col("p_value").filter(passes).max().fill_null(-1.0).alias("limit")


def _is_true() -> pl.Expr:
    """Tell which changes are large enough to matter to anybody."""
    moved = (pl.col("after_s") - pl.col("before_s")).abs() >= LEAST_S
    return moved & ((pl.col("ratio") >= LEAST_RATIO) | (pl.col("ratio") <= 1 / LEAST_RATIO))


def _row(
    project: str, kind: str, subject: str, days: list[date], seconds: list[float], runs: list[int]
) -> tuple[object, ...]:
    """Return the row of a series' newest change; without one, its p-value counts all the same."""
    values = np.asarray(seconds)
    change = newest(values)
    before = float(np.median(values[change.start : change.at]))
    after = float(np.median(values[change.at :]))
    span = max(1, (days[-1] - days[change.at]).days + 1)
    weekly = 7 * float(sum(runs[change.at :])) / span
    ratio = after / before if before > 0 else float("inf")
    return (
        project, kind, subject, days[change.at], before, after, ratio, change.p_value,
        change.at - change.start, len(values) - change.at, weekly, (after - before) * weekly,
    )  # fmt: skip


def newest(values: Floats) -> Change:
    """Return the newest change of a series that is likely, else its likeliest."""
    found = _split(values, 0)
    for _ in range(MOST_CHANGES - 1):
        if found.p_value > FALSE_SHARE or len(values) - found.at < 2 * SIDE:
            break
        later = _split(values[found.at :], found.at)
        if later.p_value > FALSE_SHARE:
            break
        found = later
    return found


def _split(values: Floats, start: int) -> Change:
    """Return the split at which the ranks of both sides differ most, and its p-value.

    The rank-sum test of Wilcoxon, Mann and Whitney at each split, the p-value of the best one times
    the number of splits (Bonferroni).
    """
    from scipy.stats import mannwhitneyu, norm, rankdata

    scores = _scores(np.cumsum(rankdata(values)), len(values))
    best = int(np.argmax(scores))
    place, p_value = SIDE + best, 2 * float(norm.sf(scores[best]))
    if p_value < LIKELY:  # the normal distribution says too much of a short side: exact there
        p_value = float(mannwhitneyu(values[:place], values[place:]).pvalue)
    return Change(start, start + place, min(1.0, p_value * len(scores)))


def first_result(seconds: Floats, before_s: float, after_s: float) -> int:
    """Return the index at which results in order of time are likeliest to reach the new level.

    Least squares of the logarithm around both levels, none above their distance, so that a result
    far from both decides nothing; the number of results if none is there yet.
    """
    logs = np.log(np.maximum(seconds, TINY_S))
    low, high = np.log(max(before_s, TINY_S)), np.log(max(after_s, TINY_S))
    old = np.minimum((logs - low) ** 2, (high - low) ** 2)
    new = np.minimum((logs - high) ** 2, (high - low) ** 2)
    cost = np.concatenate(([0.0], np.cumsum(old))) + np.concatenate(
        (np.cumsum(new[::-1])[::-1], [0.0])
    )
    return int(np.argmin(cost))


def sentences(row: Mapping[str, object]) -> Iterator[str]:
    """Yield what a row of predictions.change_points says, in words a developer can check."""
    before, after = float(str(row["before_s"])), float(str(row["after_s"]))
    word = "slower" if after > before else "faster"
    sha, last = row.get("since_sha"), row.get("last_good_sha")
    where = f"commit {str(sha)[:10]}" if sha else f"{row['day']}"
    more = f" (the last result before it is of {str(last)[:10]})" if last and last != sha else ""
    yield f"{word} since {where}{more}: {before:.3g} s before, {after:.3g} s since"
    yield (
        f"{row['days_before']} days before and {row['days_after']} days since; a change like this "
        f"in days that are all alike has a chance of {float(str(row['p_value'])):.2g}"
    )
