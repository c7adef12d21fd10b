"""What the lake knows of tests that may be quarantined: decisions, names, owners, last flakes."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from assets.predictions import evidence_rows
from golive_core.lake import Lake

NAMES = """
select
    test.test_id, test.suite, test.class_name, test.name, test.parameters, test.file,
    project.owner as project_owner
from core.tests as test
left join core.projects as project on test.project_id = project.project_id
where test.project_id = ? or ? = ''
"""
LAST = """
with failures as (
    select result.test_id, result.build_id, result.attempt, result.environment,
        result.started_at, build.commit_sha, build.pipeline_id, build.url
    from core.test_results as result
    inner join core.builds as build on result.build_id = build.build_id
    inner join marts.build_tests as total on result.build_id = total.build_id
    where result.status in ('failed', 'error') and not total.is_outage
        and result.test_id in (select unnest(?::bigint[]))
),
passes as (
    select result.test_id, result.build_id, result.attempt, result.environment,
        build.commit_sha, build.pipeline_id
    from core.test_results as result
    inner join core.builds as build on result.build_id = build.build_id
    where result.status = 'passed' and result.test_id in (select unnest(?::bigint[]))
)
select failed.test_id, failed.build_id as build, failed.url, failed.commit_sha as commit,
    failed.started_at as at
from failures as failed
where exists (
    select 1 from passes as passed
    where passed.test_id = failed.test_id and passed.environment = failed.environment
        and (
            (passed.build_id = failed.build_id and passed.attempt > failed.attempt)
            or (passed.build_id != failed.build_id and passed.pipeline_id = failed.pipeline_id
                and passed.commit_sha = failed.commit_sha)
        )
)
qualify row_number() over (
    partition by failed.test_id order by failed.started_at desc, failed.build_id, failed.attempt
) <= ?
order by failed.test_id, failed.started_at desc, failed.build_id, failed.attempt
"""


def judged(lake: Lake, project: str = "") -> pl.DataFrame:
    """Return `models.quarantine.decisions` of all tests, or a project's, with their names."""
    from models import features, quarantine

    verdicts = lake.query(
        "select * from predictions.flaky where project_id = ? or ? = ''", [project, project]
    )
    daily = evidence_rows(lake)
    newest = daily["known_at"].max()
    if not isinstance(newest, datetime):
        return pl.DataFrame()
    # All evidence of now: it may hold back a test that the verdicts still call flaky.
    evidence = features.evidence(daily, as_of=newest)
    names = lake.query(NAMES, [project, project])
    return quarantine.decisions(verdicts, evidence).join(names, on="test_id", how="inner")


def last_flakes(lake: Lake, tests: list[int], count: int = 3) -> pl.DataFrame:
    """Return the newest failures of tests that a pass on the same commit contradicts."""
    return lake.query(LAST, [tests, tests, count])
