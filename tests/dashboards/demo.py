"""Lakes for the pages: the simulated project as `golive up` would leave it, and one by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from assets import refresh, security
from assets.log_templates import mine_lines
from assets.predictions import anomalies, change_points, duration, selection
from golive_core import schema
from golive_core.lake import Lake
from golive_core.security import Event, Fact
from models import features, flaky, next_failure, security_signals, simulate


def fill(home: Path, *, builds: int = 400, tests: int = 600) -> Lake:
    """Write the demo project into `home`, its marts and its predictions; return the lake."""
    lake = Lake(home / "lake")
    now = datetime.now(UTC)
    made = simulate.simulate(seed=7, builds=builds, tests=tests, days=30, end=now)
    with lake.transaction("demo") as txn:
        for name, frame in made.tables.items():
            (txn.insert if schema.find(name).is_fact else txn.merge)(name, frame)
    with lake.transaction("demo") as txn:
        for name, frame in simulate.watched(made.tables["core.builds"], "demo", 7).items():
            (txn.insert if schema.find(name).is_fact else txn.merge)(name, frame)
    mine_lines(lake)
    note_health(lake, now)
    note_logs(lake)
    note_callers(lake, now)
    renew(lake, now)
    set_aside(home.parent, lake, now)
    note_runs(lake, now)
    return lake


def renew(lake: Lake, now: datetime) -> None:
    """Bring marts and predictions up to date: what reads predictions is computed again after."""
    for mart in refresh.marts():
        refresh.refresh(lake, mart)
    daily = features.known(lake.query("select * from marts.test_daily"), now)
    if daily.height:
        lake.overwrite("predictions.flaky", flaky.score(daily, as_of=now)[0])
        lake.overwrite("predictions.next_failure", next_failure.score(daily, as_of=now)[0])
    selection.update(lake, made_at=now)
    duration.update(lake, made_at=now)
    change_points.update(lake, made_at=now)
    anomalies.update(lake, made_at=now)
    for mart in refresh.marts():
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
    sent = [
        {"notification_id": "n", "channel": "chat", "recipient": "#shop", "severity": "warning",
         "title": "build is broken on main since 6d14a56", "status": "sent", "attempts": 1,
         "created_at": now - timedelta(hours=7), "sent_at": now - timedelta(hours=7)}
    ]  # fmt: skip
    asked = [
        {"number": 1, "at": now - timedelta(hours=6), "day": now.date(), "actor": "policy",
         "action": "jira.create_issue", "target": "SHOP-41", "idempotency_key": "k",
         "phase": "done", "detail": "{}", "previous_hash": "", "hash": "0"}
    ]  # fmt: skip
    for table, frame in (
        ("ops.source_health", rows), ("ops.check_results", checks), ("ops.quarantine", kept),
        ("ops.notifications", sent), ("ops.audit_log", asked),
    ):  # fmt: skip
        spec = schema.find(table)
        write = lake.insert if spec.is_fact else lake.merge
        write(table, schema.conform(spec, pl.DataFrame(frame, infer_schema_length=None)))


def note_runs(lake: Lake, now: datetime) -> None:
    """Write what scoring and a walk-forward evaluation leave in ops.model_runs."""
    measured = {
        "lift": 0.18, "lift_low": 0.07, "lift_high": 0.27, "win": 0.99, "rows": 320, "events": 96,
        "ece": 0.031, "ece_heuristic": 0.064, "brier": 0.151, "brier_heuristic": 0.184,
        "brier_constant": 0.21, "precision": 0.71, "precision_heuristic": 0.58,
    }  # fmt: skip
    steps = [
        ("flaky", "score", {"tests": 600}), ("next_failure", "score", {"tests": 600}),
        ("next_failure", "evaluate", measured),
    ]  # fmt: skip
    rows = [
        {"model_id": f"{name}-{kind}", "name": name, "at": now - timedelta(minutes=nth),
         "kind": kind, "code_version": "0a1b2c3d4e5f6071", "data_hash": "71605f4e3d2c1b0a",
         "rows": 227_003, "parameters": "{}", "metrics": json.dumps(metrics)}
        for nth, (name, kind, metrics) in enumerate(steps)
    ]  # fmt: skip
    spec = schema.find("ops.model_runs")
    lake.insert(spec.name, schema.conform(spec, pl.DataFrame(rows)))


def note_callers(lake: Lake, now: datetime) -> None:
    """Write security events of two weeks as the gateway notes them, a guessing hour among them."""
    usual = [
        Event(fact, at, at, count, size, sequence=1000 * day + nth)
        for day in range(14)
        for at in [(now - timedelta(days=day, hours=3)).timestamp()]
        for nth, (fact, count, size) in enumerate([
            (Fact("data_access", "read", "ok", "ada", "10.0.0.4", "/v1/tests"), 40, 900_000),
            (Fact("data_access", "read", "ok", "token ci", "10.0.0.9", "/v1/flaky"), 9, 52_000),
            (Fact("authentication", "sign_in", "ok", "ada", "10.0.0.4", "/sign-in"), 1, 0),
            (Fact("limit", "not_found", "refused", "", "198.51.100.7", "(nothing there)"), 3, 0),
        ])
    ]  # fmt: skip
    guesses = Fact("authentication", "sign_in", "refused", "", "198.51.100.7", "/sign-in")
    at = (now - timedelta(hours=1)).timestamp()
    rows = security.rows_of([*usual, Event(guesses, at, at + 60, 23, 0, sequence=99)])
    lake.insert("ops.security_events", rows)
    found = security_signals.detect(rows, since=now - timedelta(hours=2), made_at=now)
    lake.merge("ops.security_alerts", schema.conform(schema.SECURITY_ALERTS, found))


def note_logs(lake: Lake, builds: int = 60) -> None:
    """Write what the newest builds of the pipeline `build` logged, and mine its templates."""
    newest = lake.query(
        """
        select build_id, pipeline_id, number, status, started_at, runner, commit_sha
        from core.builds where pipeline_id = 'demo:build' and status in ('passed', 'failed')
        order by started_at desc limit ?
        """,
        [builds],
    )
    rows = [row for build in newest.to_dicts() for row in _log_of(build)]
    spec = schema.find("core.log_lines")
    lake.insert(spec.name, schema.conform(spec, pl.DataFrame(rows, infer_schema_length=None)))
    mine_lines(lake)


def _log_of(build: dict[str, Any]) -> list[dict[str, Any]]:
    n = build["number"]
    said = [
        ("info", f"Started on runner {build['runner']}"),
        ("info", f"Checking out revision {build['commit_sha'][:12]}"),
        ("info", f"Fetched {100 + n % 37} objects in {n % 5 + 1}.{n % 10} s"),
        *(("info", f"Compiling shop/module_{k} took {k * 13 + n % 9} ms") for k in range(14)),
        ("warning", f"cache of dependencies is {n % 6 + 2} days old"),
        ("info", f"Running {590 + n % 10} tests with 4 workers"),
    ]
    if build["status"] == "failed":
        said += [
            ("error", f"worker {n % 4} lost its connection to postgres:5432 after {n % 90} ms"),
            ("error", f"{n % 7 + 1} tests failed"),
        ]
    said += [("info", f"Reports written to build/{n}/reports"), ("info", "Finished")]
    start = build["started_at"]
    return [
        {"source": "simulated", "instance": "demo-logs", "service": "build", "project_id": "demo",
         "build_id": build["build_id"], "line": line, "at": start + timedelta(seconds=2 * line),
         "day": (start + timedelta(seconds=2 * line)).date(), "level": level, "message": text}
        for line, (level, text) in enumerate(said, 1)
    ]  # fmt: skip


def set_aside(base: Path, lake: Lake, now: datetime) -> None:
    """Write a quarantine file: entries that hold, end soon and have expired, and a broken test."""
    tests = lake.query(
        """
        select suite, class_name, name, parameters, file from marts.flaky_tests
        where verdict in ('flaky', 'broken')
        qualify row_number() over (partition by verdict order by rank) <= 3 order by rank limit 4
        """
    ).to_dicts()
    entries = [
        {"project": "demo", "owner": "@shop/checkout", "reason": "Waits for a mail that is late",
         "since": (now - timedelta(days=12 - n)).date().isoformat(), "ticket": f"SHOP-{n + 40}",
         "expires": (now + timedelta(days=days)).date().isoformat(), "keep": False,
         "test": {"suite": row["suite"], "class": row["class_name"], "name": row["name"],
                  "parameters": row["parameters"] or "", "file": row["file"]}}
        for n, (row, days) in enumerate(zip(tests, (12, 2, -1, 9), strict=False))
    ]  # fmt: skip
    text = json.dumps({"version": 1, "tests": entries})
    (base / "golive-quarantine.json").write_text(text)
