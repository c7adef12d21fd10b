"""What the lake knows of tests beside their daily counts: failures, names, durations, sizes.

Everything is of the window that the models look at; what reads attempts is a mart by day.
"""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from golive_core.lake import Lake

FAILURES = "marts.test_failures"
KEY = ["project_id", "test_id"]
EMPTY = {
    "project_id": pl.String(), "build_id": pl.String(), "test_id": pl.Int64(), "day": pl.Date(),
    "failures": pl.Int64(), "failure_id": pl.Int64(), "has_passed": pl.Boolean(),
}  # fmt: skip
UNDESCRIBED = {
    "project_id": pl.String(), "test_id": pl.Int64(), "suite": pl.String(),
    "class_name": pl.String(), "name": pl.String(), "file": pl.String(),
    "duration_s": pl.Float64(),
}  # fmt: skip
DESCRIBED = """
with durations as (
    select project_id, test_id, avg(duration_median_s) as duration_s
    from marts.test_daily where day >= ? group by project_id, test_id
)
select
    test.project_id, test.test_id, test.suite, test.class_name, test.name, test.file,
    durations.duration_s
from core.tests as test
inner join durations on test.project_id = durations.project_id and test.test_id = durations.test_id
"""
SIZES = """
select project_id, split_part(component, ':', -1) as file, arg_max(value, "at") as lines
from core.code_measures where metric = 'ncloc' and kind = 'file' group by all
"""
TEXTS = """
select failure_id, signature_id, type, message, left(details, 4000) as details
from core.failures where failure_id in (select unnest(?::bigint[]))
"""
BUILDS = """
select build_id, pipeline_id, branch, number, attempt, duration_s, queue_s, trigger
from core.builds where day >= ?
"""


def failing(lake: Lake, daily: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Return which tests failed in which builds, outages left out; columns of EMPTY."""
    if not lake.exists(FAILURES) or not daily.height:
        return pl.DataFrame(schema=EMPTY)
    columns = ", ".join(EMPTY)
    return lake.query(
        f"select {columns} from {FAILURES} where not is_outage and day between ? and ?",  # noqa: S608
        [first_day(daily), as_of.date()],
    )


def first_day(daily: pl.DataFrame) -> date:
    """Return the first day of the rows."""
    found = daily["day"].min()
    assert isinstance(found, date)  # noqa: S101 - for the type: days of rows that exist
    return found


def described_tests(lake: Lake, daily: pl.DataFrame) -> pl.DataFrame:
    """Return the tests' names, durations (seconds) and, where they are measured, lines of code."""
    if not lake.exists("core.tests") or not daily.height:
        return pl.DataFrame(schema=UNDESCRIBED)
    tests = lake.query(DESCRIBED, [first_day(daily)])
    if not lake.exists("core.code_measures"):
        return tests
    return tests.join(lake.query(SIZES), on=["project_id", "file"], how="left")


def texts(lake: Lake, failure_ids: list[int]) -> pl.DataFrame:
    """Return what failures say: failure_id, signature_id, type, message, details."""
    return lake.query(TEXTS, [failure_ids])


def builds(lake: Lake, daily: pl.DataFrame) -> pl.DataFrame:
    """Return the builds of the days of the rows, with their places in their lines and times."""
    return lake.query(BUILDS, [first_day(daily)])
