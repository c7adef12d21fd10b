"""The report of a run of the runner itself: attempts, their steps and files become rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from golive_core.lake import Lake
from golive_runner.attempt import Attempt, Evidence, StepResult, write

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHA = "ab" * 32


def attempt(name: str, status: str, steps: int = 2) -> Attempt:
    """Return an attempt of a few steps; each has a picture, the whole a trace."""
    picture = Evidence("screenshot", "01.jpg", "image/jpeg", SHA, 9)
    told = tuple(
        StepResult(f"step {n}", "open", "passed", AT, 0.5, evidence=(picture,))
        for n in range(steps)
    )
    trace = Evidence("trace", "trace.zip", "application/zip", SHA, 100)
    return Attempt("a.yaml", name, status, AT, 1.0, "a.yaml", "chromium", "NotFound",  # type: ignore[arg-type] - status is tried wrong too
                   "no such button", steps=told, evidence=(trace,))  # fmt: skip


Ingest = Callable[..., object]


@pytest.fixture
def ingest(lake: Lake, home: Path, tmp_path: Path) -> Ingest:
    """Return a function that loads a report and gives what came of it."""
    from assets import load
    from golive_core.settings import Instance
    from ingest.source import Context
    from ingest.sources.reports import ReportsSource

    def run(path: Path) -> object:
        instance = Instance("shop-runs", "reports", "shop", {"paths": [str(path)]})
        context = Context(home, tmp_path)
        source = ReportsSource(instance, context)
        return load.ingest(lake, source, instance, context=context, full=True)

    return run


def test_steps_and_files_belong_to_their_attempt(
    ingest: Ingest, lake: Lake, tmp_path: Path
) -> None:
    path = tmp_path / "run.json"
    write(
        path, "journeys", [attempt("A", "failed"), attempt("B", "passed"), attempt("A", "passed")]
    )
    ingest(path)
    results = lake.query("select * from core.test_results")
    assert sorted(zip(results["attempt"], results["status"], strict=True)) == [
        (1, "failed"), (1, "passed"), (2, "passed"),
    ]  # fmt: skip
    steps = lake.query("""
        select test.name, step.attempt, step.ordinal, result.status
        from core.test_steps as step
        inner join core.tests as test on step.test_id = test.test_id
        inner join core.test_results as result on
            step.build_id = result.build_id and step.test_id = result.test_id
            and step.environment = result.environment and step.attempt = result.attempt
        order by all
    """).rows()
    assert steps == [
        ("A", 1, 0, "failed"), ("A", 1, 1, "failed"), ("A", 2, 0, "passed"),
        ("A", 2, 1, "passed"), ("B", 1, 0, "passed"), ("B", 1, 1, "passed"),
    ]  # fmt: skip
    files = lake.query("select ordinal, kind, count(*) from core.test_artifacts group by all")
    assert sorted(files.rows()) == [(-1, "trace", 3), (0, "screenshot", 3), (1, "screenshot", 3)]


def test_loading_it_again_changes_nothing(ingest: Ingest, lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write(path, "journeys", [attempt("A", "passed")])
    ingest(path)
    before = lake.query("select * from core.test_steps order by ordinal")
    ingest(path)
    assert lake.query("select * from core.test_steps order by ordinal").equals(before)


def test_more_attempts_than_a_batch_keep_their_steps(
    ingest: Ingest, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.parse.report_unit.CASES", 3)
    path = tmp_path / "run.json"
    write(path, "journeys", [attempt(f"T{n}", "passed", steps=n) for n in range(1, 9)])
    ingest(path)
    counts = lake.query("""
        select test.name, count(*) from core.test_steps as step
        inner join core.tests as test on step.test_id = test.test_id group by test.name order by 1
    """).rows()
    assert counts == [(f"T{n}", n) for n in range(1, 9)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"golive_run": 2}, "of version 2, which this GoLive does not know"),
        ({"attempts": [{"name": "A", "status": "fine"}]}, "attempts.0 has the status 'fine'"),
    ],
)
def test_what_is_wrong_is_rejected_with_its_reason(
    ingest: Ingest, lake: Lake, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"golive_run": 1, "engine": "x", "attempts": [], **change}))
    ingest(path)
    assert words in lake.query("select reason from ops.quarantine")["reason"][0]
    assert lake.query("select count(*) from core.test_results").item() == 0
