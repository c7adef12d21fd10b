"""Sources of incidents and builds as assets of Dagster: all are there, and one run fills core."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "ingest"))
sys.path.insert(0, str(Path(__file__).parents[1] / "ingest" / "pagerduty"))

from loopback import serving
from pagerduty_server import ANN, Pagerduty, turn

from assets.workspace import Workspace
from golive_core.lake import Lake
from golive_core.settings import Instance, Project, Settings
from golive_dagster.definitions import build_defs
from golive_dagster.run import run
from ingest import registry

TYPES = {"circleci": {"projects": ["gh/acme/shop"]}, "opsgenie": {}, "pagerduty": {}}


@pytest.fixture
def server() -> Iterator[Pagerduty]:
    with serving(Pagerduty()) as served:
        yield served


@pytest.fixture
def workspace(server: Pagerduty, lake: Lake, home: Path, tmp_path: Path) -> Workspace:
    """Return one instance of each type, at a server that is a PagerDuty."""
    instances = {
        name: Instance(name, name, "shop", {"url": server.url, **options})
        for name, options in TYPES.items()
    }
    settings = Settings(
        base=tmp_path, home=home, projects={"shop": Project("shop")}, instances=instances, cores=1
    )
    return Workspace(settings, lake, registry.sources())


def test_every_stream_is_an_asset_that_its_tables_come_from(workspace: Workspace) -> None:
    specs = build_defs(workspace).resolve_all_asset_specs()
    deps = {spec.key.to_user_string(): spec.deps for spec in specs}
    for name in TYPES:
        for stream in registry.source(name).streams:
            key = f"raw/{name}/{stream.name}"
            assert key in deps
            for table in stream.tables:
                sources = {dep.asset_key.to_user_string() for dep in deps[table.replace(".", "/")]}
                assert key in sources


def test_incidents_come_into_core_by_a_run(
    server: Pagerduty, workspace: Workspace, lake: Lake
) -> None:
    server.begin(1, 0)
    server.take(1, 4)
    server.end(1, 30)
    server.turns = [turn("daily", ANN, 0)]
    keys = [f"raw/pagerduty/{name}" for name in ("incidents", "on_call")]
    selection = " or ".join(f'key:"{key}"' for key in [*keys, "core/incidents", "core/on_call"])
    done = run(selection, workspace=workspace)
    assert (done.success, done.failures) == (True, [])
    taken = "date_diff('second', started_at, acknowledged_at)"
    found = lake.query(f"select status, {taken}, service from core.incidents").rows()
    assert found == [("resolved", 240, "Shop")]
    assert lake.query("select person from core.on_call").to_series().to_list() == ["Ann"]
    newest = lake.query("select newest_at from ops.source_health").to_series().to_list()
    assert newest == lake.query("select started_at from core.incidents").to_series().to_list()
