"""Lakes for the pages: the simulated project as `golive up` would leave it, and one by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from assets import refresh
from assets.log_templates import mine_lines
from golive_core import schema
from golive_core.lake import Lake
from models import features, flaky, next_failure, simulate


def fill(home: Path, *, builds: int = 400, tests: int = 600) -> Lake:
    """Write the demo project into `home`, its marts and its predictions; return the lake."""
    lake = Lake(home / "lake")
    now = datetime.now(UTC)
    made = simulate.simulate(seed=7, builds=builds, tests=tests, days=30, end=now)
    with lake.transaction("demo") as txn:
        for name, frame in made.tables.items():
            (txn.insert if schema.find(name).is_fact else txn.merge)(name, frame)
    mine_lines(lake)
    note_health(lake, now)
    renew(lake, now)
    return lake


def renew(lake: Lake, now: datetime) -> None:
    """Bring marts and predictions up to date, in the order that they read each other."""
    last = {"marts.flaky_tests", "marts.flaky_rivals"}
    for mart in refresh.marts():
        if mart.table not in last:
            refresh.refresh(lake, mart)
    daily = features.known(lake.query("select * from marts.test_daily"), now)
    if daily.height:
        evidence = features.evidence(daily, as_of=now)
        lake.overwrite("predictions.flaky", flaky.score(evidence, as_of=now)[0])
        lake.overwrite("predictions.next_failure", next_failure.score(daily, as_of=now)[0])
    for mart in refresh.marts():
        if mart.table in last:
            refresh.refresh(lake, mart)


def note_health(lake: Lake, now: datetime) -> None:
    """Write sources that fail, are paused, near a limit or fine; checks that hold and do not."""
    rows = [
        {"instance": "ci", "source": "jenkins", "project_id": "demo", "status": "failed",
         "checked_at": now, "succeeded_at": now - timedelta(hours=26), "newest_at": None,
         "error": "ci: https://ci.example.org answered 401", "hint": "Make a new token"},
        {"instance": "shop-git", "source": "git", "project_id": "demo", "status": "ok",
         "checked_at": now, "succeeded_at": now, "newest_at": now - timedelta(minutes=50)},
        {"instance": "hub", "source": "github", "project_id": "demo", "status": "ok",
         "checked_at": now, "succeeded_at": now, "newest_at": now - timedelta(minutes=5),
         "quota_limit": 5000, "quota_remaining": 4187, "rows_new": 120,
         "quota_resets_at": now + timedelta(minutes=31)},
        {"instance": "tracker", "source": "jira", "project_id": "demo", "status": "paused",
         "checked_at": now, "succeeded_at": now - timedelta(hours=1),
         "newest_at": now - timedelta(hours=2), "quota_limit": 350, "quota_remaining": 6,
         "quota_resets_at": now + timedelta(minutes=14),
         "pause_ends_at": now + timedelta(minutes=14),
         "error": "tracker: the reserve of the quota of requests is reached (6 of 350 left)",
         "hint": "It goes on by itself at the next run after that; nothing is lost"},
    ]  # fmt: skip
    checks = [
        {"check_id": f"{day}", "run_id": "r", "at": now - timedelta(days=day),
         "day": (now - timedelta(days=day)).date(), "table_name": "core.builds",
         "expectation": "column_values_to_be_unique build_id", "severity": "error",
         "passed": day != 2, "rows_checked": 400, "rows_failed": int(day == 2)}
        for day in range(6)
    ]  # fmt: skip
    kept = [
        {"quarantine_id": "q", "table_name": "raw.junit", "instance": "reports", "stream": "files",
         "uri": "build/TEST-cart.xml", "reason": "the file ends in mid-element",
         "at": now, "day": now.date()}
    ]  # fmt: skip
    for table, frame in (
        ("ops.source_health", rows), ("ops.check_results", checks), ("ops.quarantine", kept)
    ):  # fmt: skip
        spec = schema.find(table)
        write = lake.insert if spec.is_fact else lake.merge
        write(table, schema.conform(spec, pl.DataFrame(frame, infer_schema_length=None)))
