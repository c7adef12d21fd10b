"""The ground truth of a simulation as frames, for scoring detectors.

tests         test_id, is_flaky, flake_rate (mean over the builds), rate_now, cause, co_flaky_group
regressions   regression_id, test_id, branch, introduced_sha, fixed_sha (null: open) and their times
outages       outage_id, kind, share, build_id
oddities      kind, subject_kind, service, what, began_at, ended_at, factor
"""

from __future__ import annotations

import numpy as np
import polars as pl

from models.simulation import causes, names
from models.simulation.builds import build_id
from models.simulation.history import History
from models.simulation.rows import Frames, instants
from models.simulation.shape import Shape
from models.simulation.truth import Flakiness, Outage, Regression, mean_rates


def truth(
    suite: names.Suite,
    past: History,
    flaky: Flakiness,
    broken: list[Regression],
    ill: list[Outage],
    shape: Shape,
) -> Frames:
    """Return the three frames of the module's docstring; `tests` has a row for every test."""
    ids = suite.frame["test_id"].to_numpy()
    return {
        "tests": _tests(ids, past, flaky),
        "regressions": _regressions(ids, past, broken),
        "outages": _outages(past, ill, shape),
    }


def _tests(ids: np.ndarray, past: History, flaky: Flakiness) -> pl.DataFrame:
    mean, now = np.zeros(len(ids)), np.zeros(len(ids))
    mean[flaky.test] = mean_rates(flaky, np.linspace(0, 1, len(past.runs)))
    now[flaky.test] = flaky.rates(1.0)
    words = pl.Series(list(causes.FLAKY))
    about = pl.DataFrame(
        {
            "test_id": ids[flaky.test],
            "cause": words.gather(flaky.cause.tolist()),
            "co_flaky_group": pl.Series(flaky.group).replace(-1, None),
        }
    )
    everything = pl.DataFrame({"test_id": ids, "flake_rate": mean, "rate_now": now})
    everything = everything.with_columns(is_flaky=pl.col("flake_rate") > 0)
    return everything.join(about, on="test_id", how="left", maintain_order="left")


def _regressions(ids: np.ndarray, past: History, broken: list[Regression]) -> pl.DataFrame:
    frames = [_regression(number, item, ids, past) for number, item in enumerate(broken)]
    return pl.concat(frames) if frames else _regression(0, None, ids, past)


def _regression(
    number: int, item: Regression | None, ids: np.ndarray, past: History
) -> pl.DataFrame:
    """Return one row for each test that the regression breaks; none without a regression."""
    first = past.commits[item.introduced if item else 0]
    fix = past.commits[item.fixed] if item and item.fixed is not None else None
    times = instants([first.at, fix.at if fix else 0.0])
    return pl.DataFrame({"test_id": ids[item.tests] if item else ids[:0]}).select(
        regression_id=pl.lit(number, dtype=pl.Int64),
        test_id="test_id",
        branch=pl.lit(first.branch),
        introduced_sha=pl.lit(first.sha),
        introduced_at=pl.lit(times[0]),
        fixed_sha=pl.lit(fix.sha if fix else None, dtype=pl.String),
        fixed_at=pl.lit(times[1] if fix else None, dtype=times.dtype),
    )


def _outages(past: History, ill: list[Outage], shape: Shape) -> pl.DataFrame:
    rows = [
        (number, item.kind, item.share, build_id(past.runs[index], shape))
        for number, item in enumerate(ill)
        for index in item.runs
    ]
    kinds = {"outage_id": pl.Int64, "kind": pl.String, "share": pl.Float64, "build_id": pl.String}
    return pl.DataFrame(rows, schema=kinds, orient="row")
