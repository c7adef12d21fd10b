"""What is unusual: hours of metrics, and days of log lines, against their own past.

A metric's hour is compared with the same hour of the day in the last WINDOW_DAYS, working days and
weekends apart: the median, the scatter by the median absolute deviation (robust: past incidents do
not move them), and the level of the last days, so that a lasting shift is news for a day or two and
not for a month. A template's lines of a day are compared with its days before: a negative binomial
distribution, since log lines come in bursts. p-values pass the procedure of Benjamini and Hochberg
(1995) among all that is judged of a project, kind and day, so that many series make no more false
alarms than few. Nothing of a judged day is in its own baseline. Pure: frames in and out.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.evaluate import Floats

NAME = "anomaly"
FILES = (__file__,)
WINDOW_DAYS = 28
FEWEST_HOURS = 72
FEWEST_DAYS = 7
"""History below which nothing is judged."""
FEW_LIKE = 3
"""Days of the same kind below which all days make the baseline."""
LEVEL_HOURS = 72
"""Hours before whose median tells of a shifted level; half of them must be known."""
RUN = 3
"""Hours whose mean is looked at beside each alone: a smaller change that stays for some hours."""
TAIL = 6.0
"""Degrees of freedom of the t distribution of scatter: real metrics have heavy tails."""
LEAST_SCATTER = 0.03
"""Scatter of a metric, relative, that is taken for granted."""
LEAST_RATIO = 1.3
"""Change below which an hour matters to nobody, however improbable."""
FALSE_SHARE = 0.01
"""Share of false alarms among all, at most, where the p-values are right."""
BURST = 0.2
"""Opinion on the variance of counts beyond a Poisson distribution, in squared means."""
OPINION_DAYS = 7.0
"""Days that this opinion weighs."""
USUAL_MOST = 0.9
"""Quantile at which past counts are cut: bursts before are no baseline."""
LEAST_LINES = 5
"""Lines by which a day has to differ to matter to anybody."""
SATURDAY = 5
METRIC = ["project_id", "instance", "series"]
LOG = ["project_id", "service", "template_id"]
Flags = NDArray[np.bool_]
OUTPUT = {
    "subject_kind": pl.String(), "day": pl.Date(), "observed": pl.Float64(),
    "expected": pl.Float64(), "low": pl.Float64(), "high": pl.Float64(), "p_value": pl.Float64(),
}  # fmt: skip


def metrics(hours: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """Return the unusual hours of `days`: METRIC, hour_at and OUTPUT.

    `hours` has METRIC, hour_at (Datetime UTC) and value, a row a series and hour, of `days` and the
    WINDOW_DAYS before them.
    """
    empty = pl.DataFrame(schema={**dict.fromkeys(METRIC, pl.String()),
                                 "hour_at": pl.Datetime("us", "UTC"), **OUTPUT})  # fmt: skip
    if hours.is_empty() or not days:
        return empty
    first = min(days) - timedelta(days=WINDOW_DAYS)
    keys, cube = _cube(hours, METRIC, first, max(days))
    found = [empty]
    for day in sorted(set(days)):
        place = (day - first).days
        part = _judged_hours(cube[:, place - WINDOW_DAYS : place + 1], day)
        if part.height:
            rows = part.with_columns(keys[part["series_at"].to_list()])
            found.append(rows.select(empty.columns))
    return _told(pl.concat(found, how="vertical_relaxed"))


def _cube(
    hours: pl.DataFrame, key: list[str], first: date, last: date
) -> tuple[pl.DataFrame, Floats]:
    """Return the series and their values, shape `(series, days, 24)`, NaN where there is none."""
    keys = hours.select(key).unique().sort(key)
    rows = hours.join(keys.with_row_index("series_at"), on=key).select(
        "series_at", "value", hour=pl.col("hour_at").dt.hour(),
        day=(pl.col("hour_at").dt.date() - pl.lit(first)).dt.total_days(),
    ).filter(pl.col("day").is_between(0, (last - first).days))  # fmt: skip
    cube = np.full((keys.height, (last - first).days + 1, 24), np.nan)
    cube[rows["series_at"], rows["day"], rows["hour"]] = rows["value"].to_numpy()
    return keys, cube


def _judged_hours(cube: Floats, day: date) -> pl.DataFrame:
    """Return a row for each hour of the last day of the cube that can be judged."""
    unit = _unit(cube[:, :-1])
    shaped = np.arcsinh(cube / unit[:, None, None])
    usual = _usual(shaped[:, :-1], day)
    off = (shaped - usual).reshape(len(cube), -1)
    level = _level(off)
    middle = usual[:, -1] + level
    alone = _scored(off, level)
    longer = _scored(_smooth(off), level)
    p_value = np.minimum(1.0, 2 * np.fmin(_tail(alone.score), _tail(longer.score)))
    enough = (~np.isnan(off[:, :-24])).sum(axis=1) >= FEWEST_HOURS
    at = np.argwhere(~np.isnan(alone.score) & enough[:, None])
    return _hour_rows(at, day, cube[:, -1], middle, alone.scatter, unit, p_value)


class _Scores(NamedTuple):
    """How far the hours of the last day are off, in scatters `(series, 24)`; the scatters."""

    score: Floats
    scatter: Floats


def _scored(off: Floats, level: Floats) -> _Scores:
    """Return the scores of the last 24 of the hours `off`, by the scatter of those before."""
    past = off[:, :-24]
    scatter = 1.4826 * _median(np.abs(past - _median(past, 1)[:, None]), 1)
    scatter = np.maximum(scatter, LEAST_SCATTER)
    return _Scores((off[:, -24:] - level) / scatter[:, None], scatter)


def _smooth(off: Floats) -> Floats:
    """Return the mean of each hour and the RUN - 1 before it, NaN where one is missing."""
    padded = np.concatenate([np.full((len(off), RUN - 1), np.nan), off], axis=1)
    return np.lib.stride_tricks.sliding_window_view(padded, RUN, axis=1).mean(axis=2)


def _tail(score: Floats) -> Floats:
    """Return the two-sided p-values of scores."""
    from scipy.stats import t as student

    return np.asarray(2 * student.sf(np.abs(score), TAIL), dtype=np.float64)


def _hour_rows(
    at: NDArray[np.int64], day: date, seen: Floats, middle: Floats, scatter: Floats, unit: Floats,
    p_value: Floats,
) -> pl.DataFrame:  # fmt: skip
    from scipy.stats import t as student

    series, hour = at[:, 0], at[:, 1]
    reach = float(student.ppf(0.95, TAIL)) * scatter[series]
    back = [np.sinh(middle[series, hour] + side * reach) * unit[series] for side in (-1, 0, 1)]
    start = pl.lit(day).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return pl.DataFrame({
        "series_at": series, "hour": hour, "observed": seen[series, hour], "low": back[0],
        "expected": back[1], "high": back[2],
        "p_value": p_value[series, hour],
    }).with_columns(
        hour_at=start + pl.duration(hours="hour"), day=pl.lit(day), subject_kind=pl.lit("metric")
    )  # fmt: skip


def _unit(past: Floats) -> Floats:
    """Return by series a small usual size: values above it are compared by their ratio."""
    size = np.abs(past.reshape(len(past), -1))
    size[size == 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        low = np.nanquantile(size, 0.1, axis=1) / 3
    return np.where(np.isnan(low), 1.0, low)


def _usual(past: Floats, day: date) -> Floats:
    """Return what is usual at each hour of the past days and of `day`, `(series, days + 1, 24)`.

    The median of the hour on days of the same kind, of all days where they are few.
    """
    is_rest = _rest_days(day, past.shape[1])
    found = np.empty((len(past), past.shape[1] + 1, 24))
    for kind in (False, True):
        alike = past[:, is_rest[:-1] == kind]
        enough = (~np.isnan(alike)).sum(axis=1) >= FEW_LIKE
        middle = np.where(enough, _median(alike, 1), _median(past, 1))
        found[:, is_rest == kind] = middle[:, None, :]
    return found


def _rest_days(day: date, count: int) -> Flags:
    """Tell which of the `count` days before `day`, and `day` itself, are on a weekend."""
    days = [day - timedelta(days=n) for n in range(count, -1, -1)]
    return np.array([one.weekday() >= SATURDAY for one in days])


def _level(off: Floats) -> Floats:
    """Return by hour of the last day what the hours before were off by, 0 if few are known."""
    last = off.shape[1] - 24
    found = np.zeros((len(off), 24))
    for hour in range(24):
        near = off[:, last + hour - LEVEL_HOURS : last + hour]
        known = (~np.isnan(near)).sum(axis=1) >= LEVEL_HOURS / 2
        found[:, hour] = np.where(known, np.nan_to_num(_median(near, 1)), 0.0)
    return found


def _median(values: Floats, axis: int) -> Floats:
    """Return the median without NaN, NaN where there is nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmedian(values, axis=axis), dtype=np.float64)


# ---------------------------------------------------------------- log lines


def log_rates(counts: pl.DataFrame, days: Sequence[date], newest: date) -> pl.DataFrame:
    """Return the unusual days of templates, and of the errors of services: LOG and OUTPUT.

    `counts` has LOG, day, lines, errors and warnings of `days` and the WINDOW_DAYS before them; a
    day without a row had no line. template_id is null for all errors of a service. `newest` is the
    newest day of all: it is not over, so that few lines on it mean nothing.
    """
    empty = pl.DataFrame(schema={"project_id": pl.String(), "service": pl.String(),
                                 "template_id": pl.Int64(), **OUTPUT})  # fmt: skip
    if counts.is_empty() or not days:
        return empty
    both = pl.concat([counts, _errors(counts)], how="diagonal_relaxed")
    first = min(days) - timedelta(days=WINDOW_DAYS)
    keys, lines, loud = _days(both, first, max(days))
    since = _since(keys, counts, first)
    found = [empty]
    for day in sorted(set(days)):
        place = (day - first).days
        window = np.arange(place - WINDOW_DAYS, place)
        known = window[None, :] >= since[:, None]
        part = _judged_days(lines[:, window], known, lines[:, place], day)
        is_new = (lines[:, window].sum(axis=1) == 0) & (loud[:, place] == 0)
        part = part.filter(pl.Series(~is_new[part["series_at"].to_numpy()]))
        if day >= newest:
            part = part.filter(pl.col("observed") > pl.col("expected"))
        found.append(part.with_columns(keys[part["series_at"].to_list()]).select(empty.columns))
    return _told(pl.concat(found, how="vertical_relaxed"))


def _errors(counts: pl.DataFrame) -> pl.DataFrame:
    """Return how many errors each service logged a day, as a series of its own."""
    totals = counts.group_by("project_id", "service", "day").agg(pl.sum("errors"))
    return totals.with_columns(
        lines="errors", warnings=pl.lit(0, pl.Int64), template_id=pl.lit(None, pl.Int64)
    )


def _days(rows: pl.DataFrame, first: date, last: date) -> tuple[pl.DataFrame, Floats, Floats]:
    """Return series, and by series and day their lines, and errors and warnings among them."""
    keys = rows.select(LOG).unique().sort(LOG)
    placed = rows.join(keys.with_row_index("series_at"), on=LOG, nulls_equal=True).with_columns(
        place=(pl.col("day") - pl.lit(first)).dt.total_days()
    ).filter(pl.col("place").is_between(0, (last - first).days))  # fmt: skip
    lines, loud = (np.zeros((keys.height, (last - first).days + 1)) for _ in range(2))
    at = placed["series_at"].to_numpy(), placed["place"].to_numpy()
    lines[at] = placed["lines"].to_numpy()
    loud[at] = (placed["errors"] + placed["warnings"]).to_numpy()
    return keys, lines, loud


def _since(keys: pl.DataFrame, counts: pl.DataFrame, first: date) -> NDArray[np.int64]:
    """Return by series the place of the first day on which its service logged anything."""
    began = counts.group_by("project_id", "service").agg(pl.min("day").alias("began"))
    found = keys.join(began, on=["project_id", "service"], how="left", maintain_order="left")
    return (found["began"] - first).dt.total_days().to_numpy().astype(np.int64)


def _judged_days(past: Floats, known: Flags, now: Floats, day: date) -> pl.DataFrame:
    """Return a row for each series that can be judged: past `(series, days)`, now `(series,)`."""
    from scipy.stats import nbinom

    mean, spread = _moments(past, known, day)
    size = mean**2 / np.maximum(spread - mean, 1e-9)
    chance = size / (size + mean)
    above = nbinom.sf(now - 1, size, chance)
    below = nbinom.cdf(now, size, chance)
    enough = known.sum(axis=1) >= FEWEST_DAYS
    frame = pl.DataFrame({
        "series_at": np.arange(len(now)), "observed": now, "expected": mean,
        "low": nbinom.ppf(0.05, size, chance), "high": nbinom.ppf(0.95, size, chance),
        "p_value": np.minimum(1.0, 2 * np.minimum(above, below)),
    }).with_columns(day=pl.lit(day), subject_kind=pl.lit("log"))  # fmt: skip
    return frame.filter(pl.Series(enough))


def _moments(past: Floats, known: Flags, day: date) -> tuple[Floats, Floats]:
    """Return mean and variance of the lines of such a day, with an opinion that few data bend."""
    is_rest = _rest_days(day, past.shape[1])
    like = known & (is_rest[:-1] == is_rest[-1])[None, :]
    used = np.where((like.sum(axis=1) >= FEW_LIKE)[:, None], like, known)
    values = np.where(used, past, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        most = np.nanquantile(values, USUAL_MOST, axis=1)
        cut = np.minimum(values, np.maximum(most, 1.0)[:, None])
        count = np.maximum(used.sum(axis=1), 1)
        mean = np.maximum(np.nansum(cut, axis=1) / count, 0.5 / (count + 1))
        own = np.nansum((cut - mean[:, None]) ** 2, axis=1)
    guess = mean + BURST * mean**2
    spread = (own + OPINION_DAYS * guess) / (count + OPINION_DAYS)
    return mean, np.maximum(spread, mean * 1.01)


# ---------------------------------------------------------------- both


def _told(rows: pl.DataFrame) -> pl.DataFrame:
    """Return what passes the procedure, and is large enough to matter."""
    family = ["project_id", "subject_kind", "day"]
    rank = pl.col("p_value").rank("max").over(family)
    passes = pl.col("p_value") <= FALSE_SHARE * rank / pl.len().over(family)
    limit = pl.when(passes).then(pl.col("p_value")).max().over(family)
    ratio = (pl.col("observed").abs() + 1e-12) / (pl.col("expected").abs() + 1e-12)
    far = (pl.col("observed") - pl.col("expected")).abs() >= LEAST_LINES
    large = ((ratio >= LEAST_RATIO) | (ratio <= 1 / LEAST_RATIO)) & (
        far | (pl.col("subject_kind") == "metric")
    )
    return rows.filter((pl.col("p_value") <= limit.fill_null(-1.0)) & large)


def sentences(
    subject: str, observed: float, expected: float, low: float, high: float, p_value: float,
    basis: str,
) -> Iterator[str]:  # fmt: skip
    """Yield what an anomaly says, in words that a developer can check."""
    word = "more" if observed > expected else "less"
    yield (
        f"{subject}: {observed:.3g}, {word} than the {expected:.3g} expected "
        f"({low:.3g} to {high:.3g} in 9 of 10 cases)"
    )
    chance = f"{p_value:.1g}" if p_value > 1e-12 else "less than 1e-12"  # noqa: PLR2004
    yield f"the chance of that by itself is {chance}; compared with {basis}"
