"""The code location shows what is configured, loads fast, and drags nothing heavy in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import yaml

from assets.workspace import Workspace
from golive_dagster.definitions import build_defs
from golive_dagster.instance import ensure_instance
from models.learned import learned_models

ROOT = Path(__file__).parent.parent.parent
HEAVY = ("sklearn", "great_expectations", "openai", "playwright", "pandas", "streamlit")


def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_the_definitions_are_valid(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_lineage_goes_from_every_source_to_the_pages(definitions: dg.Definitions) -> None:
    graph = {
        key: {dep.asset_key.to_user_string() for dep in spec.deps}
        for key, spec in specs(definitions).items()
    }
    assert graph["core/builds"] == {"raw/tiny-one/files", "raw/tiny-two/files", "raw/uploads"}
    assert graph["marts/build_count"] == {"core/builds"}
    assert graph["marts/busiest_day"] == {"marts/build_count"}
    assert graph["page/overview/today"] == {"marts/build_count"}
    assert graph["page/overview/typed"] == {"core/builds"}
    assert "page/overview/quiet" not in graph
    assert {"marts/build_count", "core/test_results", "core/projects"} <= graph["warehouse_file"]


def test_assets_carry_groups_owners_kinds_and_descriptions(definitions: dg.Definitions) -> None:
    found = specs(definitions)
    assert {spec.group_name for spec in found.values()} >= {"tiny", "core", "marts", "dashboards"}
    assert found["raw/tiny-one/files"].owners == ["team:team-shop"]
    assert found["core/builds"].owners == ["team:team-shop"]
    assert found["marts/build_count"].description == "How many builds each day had."
    assert found["page/overview/today"].description == "What broke today."
    stub = "dagster/auto_created_stub_asset"  # what learned models read is not in this small world
    ours = {key: spec for key, spec in found.items() if stub not in spec.metadata}
    assert all(spec.description for key, spec in ours.items() if not key.startswith("page/"))
    assert found["core/builds"].kinds == {"polars", "deltalake"}
    assert "select day" in str(found["marts/build_count"].metadata["sql"].value)


def test_every_instance_has_a_pool_a_job_and_a_schedule(definitions: dg.Definitions) -> None:
    pools = {
        one.op.pool for one in definitions.assets or () if isinstance(one, dg.AssetsDefinition)
    }
    assert {"tiny_one", "tiny_two"} <= pools
    repository = definitions.get_repository_def()
    assert {
        "ingest_tiny_one", "ingest_tiny_two", "everything", "upkeep", "perform_action",
        "send_notifications", "uploads",
    } <= set(repository.job_names)  # fmt: skip
    learning = {"learning"} if learned_models() else set()
    assert {one.name for one in repository.schedule_defs} == {
        "every_tiny_one", "every_tiny_two", "nightly_upkeep", "outbox", *learning,
    }  # fmt: skip
    assert learning <= set(repository.job_names)
    sensors = {"news", "drop_folders", "inbox", "security"}
    assert {one.name for one in repository.sensor_defs} == sensors


def test_an_instance_of_an_unknown_type_does_not_break_the_others(workspace: Workspace) -> None:
    lone = Workspace(workspace.settings, workspace.lake, {})
    assert lone.instances == {}
    dg.Definitions.validate_loadable(build_defs(lone, marts=ROOT / "nowhere"))


LOAD = """
import json, sys, time
from golive_dagster.definitions import defs
from dagster import Definitions
Definitions.validate_loadable(defs())
heavy = [name for name in sys.argv[1:] if name in sys.modules]
print(json.dumps({"cpu_s": time.process_time(), "heavy": heavy}))
"""


def test_loading_imports_nothing_heavy(home: Path) -> None:
    (home.parent / "golive.toml").write_text(
        '[project.shop]\n[source.code]\ntype = "git"\nproject = "shop"\npath = "."\n'
    )
    command = [sys.executable, "-c", LOAD, *HEAVY]
    done = subprocess.run(command, cwd=home.parent, capture_output=True, check=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["heavy"] == []


def test_knowing_the_sources_imports_no_http_client_and_no_logger(home: Path) -> None:
    names = ["httpx", "rich", "structlog"]
    code = "import sys; from ingest import registry; registry.sources();"
    code += "print([name for name in sys.argv[1:] if name in sys.modules])"
    command = [sys.executable, "-c", code, *names]
    assert subprocess.check_output(command, cwd=home.parent, text=True) == "[]\n"


def test_the_instance_keeps_to_its_folder_and_sends_no_telemetry(home: Path) -> None:
    folder = ensure_instance(home)
    file = folder / "dagster.yaml"
    assert folder == home / "dagster"
    assert yaml.safe_load(file.read_text())["telemetry"] == {"enabled": False}
    before = file.stat().st_mtime_ns
    ensure_instance(home)
    assert file.stat().st_mtime_ns == before
    file.write_text("telemetry: {enabled: true}")
    ensure_instance(home)
    assert file.read_text() == (ROOT / "dagster.yaml").read_text()


def test_the_workspace_file_names_the_code_location_of_pyproject() -> None:
    loaded = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert loaded == [
        {"python_module": {"module_name": "golive_dagster.definitions", "location_name": "golive"}}
    ]
