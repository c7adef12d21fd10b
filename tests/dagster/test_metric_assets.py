"""Metrics and alerts as assets: one a stream, from the server to core, and days gone by again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "ingest"))
sys.path.insert(0, str(Path(__file__).parents[1] / "ingest" / "contract"))

from contract_stage import FILES, module
from loopback import serving

from assets.workspace import Workspace
from golive_core.lake import Lake
from golive_core.settings import Instance, Project, Settings
from golive_dagster import run as running
from golive_dagster.definitions import build_defs
from golive_dagster.run import run

TYPES = ("prometheus", "alertmanager", "influxdb")
TABLES = ("core.metric_points", "core.alerts", "core.incidents")


@pytest.fixture
def worlds() -> Iterator[dict[str, object]]:
    """Return the filled worlds of the contract by type."""
    cases = {name: module(FILES[name]).CASE for name in TYPES}
    first, second, third = (cases[name].world() for name in TYPES)
    with serving(first), serving(second), serving(third):
        found = dict(zip(TYPES, (first, second, third), strict=True))
        for world in found.values():
            world.fill()
        yield found


@pytest.fixture
def metric_workspace(
    worlds: dict[str, object], lake: Lake, home: Path, mart_folder: Path, view_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Workspace:  # fmt: skip
    """Return a workspace with an instance of each type."""
    monkeypatch.setattr(
        running, "build_defs", lambda one: build_defs(one, marts=mart_folder, views=view_folder)
    )
    cases = {name: module(FILES[name]).CASE for name in TYPES}
    instances = {
        f"my-{name}": Instance(f"my-{name}", name, "shop", case.options(worlds[name].url))
        for name, case in cases.items()
    }
    settings = Settings(
        base=home.parent, home=home, projects={"shop": Project("shop")}, instances=instances,
        cores=1,
    )  # fmt: skip
    return Workspace(settings, lake, {name: case.source for name, case in cases.items()})


def counts(lake: Lake) -> dict[str, int]:
    return {name: lake.rows(name) for name in TABLES}


def test_every_stream_is_an_asset_and_a_day_gone_by_is_asked_for_without_alerts(
    metric_workspace: Workspace, worlds: dict[str, object], lake: Lake, instance: dg.DagsterInstance
) -> None:
    done = run("group:prometheus or group:alertmanager or group:influxdb or group:core",
               workspace=metric_workspace)  # fmt: skip
    assert done.success, done.failures
    assert set(done.steps) >= {
        "raw/my-prometheus/points", "raw/my-prometheus/alerts", "raw/my-alertmanager/alerts",
        "raw/my-influxdb/points", "core/metric_points", "core/alerts", "core/incidents",
    }  # fmt: skip
    wanted = [world.expected() for world in worlds.values()]
    assert counts(lake) == {name: sum(one.get(name, 0) for one in wanted) for name in TABLES}

    before = {name: lake.query(f"select * from {name} order by all") for name in TABLES}
    for world in worlds.values():
        world.seen.clear()
    day = str(datetime.now(UTC).date() - timedelta(days=1))
    backfilled(metric_workspace, instance, date.fromisoformat(day))
    assert not worlds["alertmanager"].seen
    asked = [*worlds["prometheus"].seen, *worlds["influxdb"].seen]
    assert len(asked) == 6, "24 steps of an hour, 10 a request, two databases"
    for name, rows in before.items():
        assert lake.query(f"select * from {name} order by all").equals(rows)


def backfilled(workspace: Workspace, instance: dg.DagsterInstance, day: date) -> None:
    job = running.build_defs(workspace).resolve_job_def("everything")
    tags = {
        "dagster/asset_partition_range_start": str(day),
        "dagster/asset_partition_range_end": str(day),
    }
    keys = [key for key in job.asset_layer.selected_asset_keys if key.path[0] in ("raw", "core")]
    done = job.execute_in_process(
        instance=instance, tags=tags, run_config=running.QUIET, asset_selection=keys
    )
    assert done.success
