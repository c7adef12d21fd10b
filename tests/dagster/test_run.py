"""A run in this process: from files to marts, again without news, with trouble, for past days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from tiny_source import write

from assets.steps import AssetStep, Step
from assets.workspace import Workspace
from golive_core.errors import UsageError
from golive_core.lake import Lake
from golive_dagster import run as running
from golive_dagster.definitions import build_defs
from golive_dagster.run import run

pytestmark = pytest.mark.slow

Rows = Callable[[str], int]
FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)


@pytest.fixture(autouse=True)
def small_definitions(
    monkeypatch: pytest.MonkeyPatch, mart_folder: Path, view_folder: Path
) -> None:
    monkeypatch.setattr(
        running, "build_defs", lambda one: build_defs(one, marts=mart_folder, views=view_folder)
    )


def counts(lake: Lake) -> list[tuple[date, int, int]]:
    return lake.query("select day, builds, passed from marts.build_count order by day").rows()


def backfill(workspace: Workspace, instance: dg.DagsterInstance, first: date, last: date) -> bool:
    job = running.build_defs(workspace).resolve_job_def("everything")
    tags = {
        "dagster/asset_partition_range_start": str(first),
        "dagster/asset_partition_range_end": str(last),
    }
    return job.execute_in_process(
        instance=instance, tags=tags, run_config=running.QUIET, raise_on_error=False
    ).success


def test_a_run_brings_files_to_marts_and_tells_how_far_it_is(
    workspace: Workspace, one: Path, two: Path, lake: Lake
) -> None:
    write(one, "a", 1)
    write(two, "a", 13, pipeline="nightly", status="failed", is_unstable=True)
    told: list[Step | AssetStep] = []
    done = run(workspace=workspace, progress=told.append)
    # The stand-in for the checks finds fault with the failed build, so the marts wait.
    assert not done.success
    assert counts_if_any(lake) == []
    write(two, "b", 13, pipeline="nightly", status="passed")
    done = run(workspace=workspace, progress=told.append)
    assert (done.success, done.failures) == (True, [])
    assert counts(lake) == [(FIRST, 1, 1), (SECOND, 1, 1)]
    assert done.steps["core/builds"].counts["rows_changed"] == 1
    assert done.steps["marts/build_count"].counts["row_count"] == 2
    assert any(isinstance(step, Step) and step.phase == "conform" and step.rows for step in told)


def counts_if_any(lake: Lake) -> list[tuple[date, int, int]]:
    return counts(lake) if lake.exists("marts.build_count") else []


def test_a_run_without_news_changes_nothing_in_the_lake(
    workspace: Workspace, one: Path, lake: Lake
) -> None:
    write(one, "a", 1)
    assert run(workspace=workspace).success
    version = lake.version()
    files = {path: path.stat().st_mtime_ns for path in lake.root.rglob("*") if path.is_file()}
    published = (workspace.settings.home / "golive.duckdb").stat().st_mtime_ns
    assert run(workspace=workspace).success
    assert lake.version() == version
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert (workspace.settings.home / "golive.duckdb").stat().st_mtime_ns == published


def test_only_changed_days_are_computed(workspace: Workspace, one: Path) -> None:
    for number in (1, 13, 37):
        write(one, f"a{number:02}", number)
    assert run(workspace=workspace).steps["marts/build_count"].counts["days_computed"] == 3
    write(one, "b", 14)
    assert run(workspace=workspace).steps["marts/build_count"].counts["days_computed"] == 1


def test_a_source_that_does_not_answer_fails_its_check_and_the_rest_is_refreshed(
    workspace: Workspace, one: Path, two: Path, lake: Lake
) -> None:
    (one / "a.json").write_text("unreachable")
    write(two, "a", 1)
    done = run(workspace=workspace)
    assert not done.success
    assert {step.asset for step in done.failures} == {"raw/tiny-one/files", "raw/tiny-one/notes"}
    assert done.failures[0].message == "source_answers: tiny-one: no answer. Wait"
    assert counts(lake) == [(FIRST, 1, 1)]
    health = lake.query("select instance, status from ops.source_health order by 1").rows()
    assert health == [("tiny-one", "failed"), ("tiny-two", "ok")]


def test_a_paused_source_fails_no_run_and_the_rest_goes_on(
    workspace: Workspace, one: Path, two: Path, lake: Lake, instance: dg.DagsterInstance
) -> None:
    (one / "a.json").write_text("throttled")
    write(two, "a", 1)
    done = run(workspace=workspace)
    assert done.success
    assert counts(lake) == [(FIRST, 1, 1)]
    health = lake.query(
        "select instance, status, pause_ends_at is not null from ops.source_health order by 1"
    )
    assert health.rows() == [("tiny-one", "paused", True), ("tiny-two", "ok", False)]
    told = [entry.user_message for entry in instance.all_logs(done.run_id)]
    assert any(line.startswith("tiny-one is paused: ") for line in told)
    assert any(line.startswith("Limits of tiny-one: paused until ") for line in told)
    assert not any("Limits of tiny-two" in line for line in told)


def test_a_failed_check_stops_the_marts_until_it_passes_and_loses_nothing(
    workspace: Workspace, one: Path, lake: Lake, rows: Rows
) -> None:
    write(one, "a", 1)
    assert run(workspace=workspace).success
    write(one, "b", 2, status="failed")
    assert not run(workspace=workspace).success
    assert (rows("core.builds"), counts(lake)) == (2, [(FIRST, 1, 1)])
    assert not run(workspace=workspace).success, "no news must not open the gate"
    assert not run("group:marts", workspace=workspace).success, "nor a run of marts alone"
    write(one, "c", 2, status="passed")
    assert run(workspace=workspace).success
    assert counts(lake) == [(FIRST, 2, 2)]
    verdicts = lake.query('select passed, rows_failed from ops.check_results order by "at"').rows()
    assert verdicts[0] == (True, 0)
    assert (False, 1) in verdicts


def test_a_backfill_asks_for_its_window_again_and_is_idempotent(
    workspace: Workspace, one: Path, lake: Lake, instance: dg.DagsterInstance
) -> None:
    write(one, "a", 1)
    write(one, "b", 13)
    assert run(workspace=workspace).success
    cursor = "select stream, cursor from ops.cursors where role = 'pull' order by all"
    before = (lake.query(cursor), counts(lake), lake.query("select * from core.builds order by 1"))
    for _ in range(2):
        assert backfill(workspace, instance, FIRST, SECOND)
        assert lake.query(cursor).equals(before[0])
        assert counts(lake) == before[1]
        assert lake.query("select * from core.builds order by 1").equals(before[2])


def test_a_backfill_is_one_run_that_marks_every_day(
    workspace: Workspace, one: Path, instance: dg.DagsterInstance
) -> None:
    write(one, "a", 1)
    assert backfill(workspace, instance, FIRST, date(2026, 3, 5))
    key = dg.AssetKey(["marts", "build_count"])
    days = instance.get_materialized_partitions(key)
    assert len(days) == 5


def test_a_selection_runs_just_its_assets(workspace: Workspace, one: Path) -> None:
    write(one, "a", 1)
    done = run('key:"raw/tiny-one/files" or key:"core/projects"', workspace=workspace)
    assert done.success
    finished = {name for name, step in done.steps.items() if step.state == "done"}
    assert finished == {"raw/tiny-one/files", "core/projects"}


@pytest.mark.parametrize("selection", ["key:nothing", "so nonsense:::"])
def test_a_selection_that_says_nothing_is_wrong_use(workspace: Workspace, selection: str) -> None:
    with pytest.raises(UsageError, match="select"):
        run(selection, workspace=workspace)


def test_the_projects_of_the_settings_are_a_table(workspace: Workspace, lake: Lake) -> None:
    run('key:"core/projects"', workspace=workspace)
    assert lake.query("select project_id, name, owner from core.projects").rows() == [
        ("shop", "Shop", "team-shop")
    ]
