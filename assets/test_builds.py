"""The newest builds of a project as `models.selecting` takes them: results and known tests.

Read from core.test_results, not from marts.test_daily: an order of tests is judged build by build.
Only what had happened by `as_of` is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl

from golive_core.lake import Lake

BUILDS = 200
"""Newest builds with results that are read."""
MOST_RESULTS = 1_000_000
"""Newest results that are read; of a project with 20,000 tests that is 50 builds."""
SPANS = (8, 32, 128)
"""Days that are opened, one span after the other, until there are enough builds; then all."""
BEFORE = timedelta(days=60)
"""How much older than the oldest of the builds a commit may be whose files are looked at."""
GONE = 30
"""Builds without a test after which it is no candidate any more."""
RESULTS = """
with results as (
    select build_id, test_id, status, duration_s, started_at, commit_sha from core.test_results
    where
        project_id = ? and day >= ? and started_at <= ?
        and status in ('passed', 'failed', 'error')
),
builds as (
    select
        results.build_id, any_value(results.commit_sha) as commit_sha, count(*) as size,
        coalesce(any_value(build.queued_at), min(results.started_at)) as begun_at
    from results left join core.builds as build on results.build_id = build.build_id
    group by results.build_id
    order by begun_at desc, results.build_id desc
    limit ?
),
fitting as (
    select *, sum(size) over (order by begun_at desc, build_id desc) as sizes from builds
    qualify sizes <= ? or row_number() over (order by begun_at desc, build_id desc) = 1
),
ordered as (select *, row_number() over (order by begun_at, build_id) as build from fitting)
select
    ordered.build, any_value(ordered.build_id) as build_id,
    any_value(ordered.commit_sha) as commit_sha, results.test_id,
    bool_or(results.status != 'passed') as failed, sum(results.duration_s) as duration
from results inner join ordered on results.build_id = ordered.build_id
group by ordered.build, results.test_id
order by ordered.build, results.test_id
"""
TESTS = """
select test_id, suite, class_name, name, parameters, file from core.tests
where project_id = ? order by test_id
"""
COVERING = """
with newest as (
    select test_id, path from core.test_coverage
    where project_id = ?
    qualify measured_at = max(measured_at) over (partition by test_id)
),
files as (select path, count(*) as tests from newest group by path)
select distinct newest.test_id from newest inner join files on newest.path = files.path
where
    exists (
        select 1 from unnest(?) as asked (path)
        where newest.path = asked.path or ends_with(newest.path, '/' || asked.path)
    )
    and files.tests <= ? * (select count(distinct test_id) from newest)
"""
EVERYBODYS = 0.5
"""Share of the measured tests above which a file that they run says nothing of any of them."""
CHANGES = """
select distinct sha as commit_sha, path from core.commit_files
where
    repository_id in (select repository_id from core.repositories where project_id = ?)
    and day >= ?
"""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a project's tests.

    `results` of the newest builds: build, build_id, commit_sha, test_id, failed, duration (seconds)
    and touches. `tests` that are still run: their names, `place` and `touches`.
    """

    results: pl.DataFrame
    tests: pl.DataFrame


def past(
    lake: Lake, project: str, *, changed: Sequence[str] = (), as_of: datetime | None = None
) -> Past:
    """Return the newest builds of a project, and its tests as a change of `changed` paths has them.

    `as_of` (aware; default now) is the instant that may be known.
    """
    from models.touching import touching

    results, first = _newest(lake, project, as_of or datetime.now(UTC))
    tests = lake.query(TESTS, [project])
    has_files = lake.exists("core.commit_files")
    paths = lake.query(CHANGES, [project, first - BEFORE]) if has_files else None
    results = results.with_columns(pl.col("duration").fill_null(0.0))
    results = _touched(results, tests, paths)
    change = pl.DataFrame({"path": list(changed)}, schema={"path": pl.String})
    asked = touching(tests, change.select("path", build=pl.lit(0)))
    alive = results.filter(pl.col("build") > pl.col("build").max() - GONE)
    named = tests.filter(pl.col("test_id").is_in(alive["test_id"].unique().to_list()))
    return Past(
        results,
        named.with_columns(
            place=pl.concat_str("file", "class_name", "name", separator=" ", ignore_nulls=True),
            touches=pl.col("test_id").is_in(
                [*asked["test_id"], *_covering(lake, project, changed)]
            ),
        ),
    )


def _covering(lake: Lake, project: str, changed: Sequence[str]) -> list[int]:
    """Return the tests that ran lines of a changed file when they were last measured."""
    if not changed or not lake.exists("core.test_coverage"):
        return []
    found = lake.query(COVERING, [project, list(changed), EVERYBODYS])
    return found["test_id"].to_list()


def _newest(lake: Lake, project: str, at: datetime) -> tuple[pl.DataFrame, date]:
    """Return the results of the newest builds, and a day that none of them is older than."""
    first = at.date() - timedelta(days=SPANS[0])
    results = lake.query(RESULTS, [project, first, at, BUILDS, MOST_RESULTS])
    for first in (*(at.date() - timedelta(days=days) for days in SPANS[1:]), date.min + BEFORE):
        if results["build"].n_unique() >= BUILDS or results.height >= MOST_RESULTS * 0.9:
            break
        results = lake.query(RESULTS, [project, first, at, BUILDS, MOST_RESULTS])
    return results, first


def _touched(
    results: pl.DataFrame, tests: pl.DataFrame, paths: pl.DataFrame | None
) -> pl.DataFrame:
    """Mark the results of tests next to what the build's commit changed."""
    from models.touching import touching

    if paths is None:
        return results.with_columns(touches=pl.lit(value=False))
    of_build = results.select("build", "commit_sha").unique().drop_nulls()
    near = touching(tests, of_build.join(paths, on="commit_sha").select("build", "path"))
    return results.join(
        near.with_columns(touches=pl.lit(value=True)), on=["build", "test_id"], how="left"
    ).with_columns(pl.col("touches").fill_null(value=False))
