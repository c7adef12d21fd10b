"""What a webhook told is in core after one run, which asks no source for anything."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from tiny_source import Tiny, build

from assets.core import ONLY_TAG
from assets.workspace import Workspace
from golive_core.inbox import Delivery, Inbox
from golive_core.lake import Lake
from golive_core.uploads import Upload
from golive_dagster import run as running
from golive_dagster.definitions import build_defs

REPORT = """<testsuite name="cart" tests="2" timestamp="2026-03-01T12:00:00">
  <testcase classname="cart" name="test_add" time="0.1"/>
  <testcase classname="cart" name="test_pay" time="0.2"><failure message="1 != 2"/></testcase>
</testsuite>
"""


class Hooked(Tiny):
    """A tiny source whose webhooks are its files."""

    def verify(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        return headers.get("x-secret") == secret

    def parse_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> list[tuple[dict[str, Any], bytes]]:
        return [
            ({"kind": "file"}, json.dumps({"core.builds": [one]}).encode())
            for one in json.loads(body)
        ]


@pytest.fixture
def hooked(workspace: Workspace) -> Workspace:
    """Return the workspace with webhooks for `tiny-two`; `tiny-one` only rings."""
    instances = {
        name: dataclasses.replace(
            one, type="hooked" if name == "tiny-two" else "tiny", webhook_secret="env:X"
        )
        for name, one in workspace.settings.instances.items()
    }
    settings = dataclasses.replace(workspace.settings, instances=instances)
    types = {"tiny": Tiny, "hooked": type("Hooked", (Hooked,), {"type": "hooked"})}
    return Workspace(settings, workspace.lake, types)


def tick(definitions: dg.Definitions, instance: dg.DagsterInstance) -> dg.SensorResult:
    sensor = definitions.resolve_sensor_def("inbox")
    context = dg.build_sensor_context(
        instance=instance, repository_def=definitions.get_repository_def()
    )
    result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def told(home: Path, instance: str, number: int, *files: dict[str, object]) -> None:
    body = json.dumps(files).encode()
    assert Inbox(home).put([Delivery(instance, str(number), "webhook", body)]) == [True]


def test_a_webhook_is_in_core_after_a_run_that_pulls_nothing(
    hooked: Workspace, mart_folder: Path, view_folder: Path, instance: dg.DagsterInstance,
    lake: Lake, home: Path, two: Path,
) -> None:  # fmt: skip
    definitions = build_defs(hooked, marts=mart_folder, views=view_folder)
    assert list(tick(definitions, instance).run_requests or ()) == []
    (two / "unread.json").write_text(json.dumps({"core.builds": [build(99)]}))
    told(home, "tiny-two", 1, build(1), build(2))
    told(home, "tiny-two", 2, build(2), build(3))
    (request,) = tick(definitions, instance).run_requests or ()
    assert request.job_name == "ingest_tiny_two"
    assert request.tags[ONLY_TAG] == "tiny-two"
    assert request.asset_selection
    assert {key.path[0] for key in request.asset_selection} >= {"core", "marts"}
    assert not any(key.path[0] == "raw" for key in request.asset_selection)
    done = definitions.resolve_job_def(request.job_name).execute_in_process(
        instance=instance, tags=request.tags, asset_selection=list(request.asset_selection),
        partition_key=request.partition_key, run_config=running.QUIET,
    )  # fmt: skip
    assert done.success
    numbers = lake.query("select number from core.builds order by number")["number"].to_list()
    assert numbers == [1, 2, 3]
    assert lake.query("select sum(builds) from marts.build_count").item() == 3
    assert list(tick(definitions, instance).run_requests or ()) == []


def test_a_webhook_that_only_rings_starts_the_whole_job(
    hooked: Workspace, mart_folder: Path, view_folder: Path, instance: dg.DagsterInstance,
    home: Path,
) -> None:  # fmt: skip
    definitions = build_defs(hooked, marts=mart_folder, views=view_folder)
    told(home, "tiny-one", 1)
    (request,) = tick(definitions, instance).run_requests or ()
    assert request.job_name == "ingest_tiny_one"
    assert request.asset_selection is None
    assert Inbox(home).depth() == 0


def test_uploads_come_into_core_and_marts_by_a_run_of_their_own(
    workspace: Workspace, mart_folder: Path, view_folder: Path, instance: dg.DagsterInstance,
    lake: Lake, home: Path,
) -> None:  # fmt: skip
    definitions = build_defs(workspace, marts=mart_folder, views=view_folder)
    assert list(tick(definitions, instance).run_requests or ()) == []
    good = Upload("good", "shop", {"build": "12", "commit": "c" * 40, "branch": "main"})
    odd = Upload("odd", "shop", {"build": "13"})
    for upload, body in ((good, REPORT), (odd, "hello")):
        upload.folder(home).mkdir(parents=True)
        (upload.folder(home) / "0-TEST-cart.xml").write_text(body)
        Inbox(home).put([upload.delivery()])
    (request,) = tick(definitions, instance).run_requests or ()
    assert request.job_name == "uploads"
    done = definitions.resolve_job_def("uploads").execute_in_process(
        instance=instance, tags=request.tags, partition_key=request.partition_key,
        run_config=running.QUIET,
    )  # fmt: skip
    assert done.success
    found = lake.query("select number, commit_sha, branch from core.builds").rows()
    assert found == [(12, "c" * 40, "main")]
    assert lake.query("select count(*) from core.test_results").item() == 2
    assert lake.query("select sum(builds) from marts.build_count").item() == 1
    assert [one.delivery_id for one in Inbox(home).refused()] == ["odd"]
    assert odd.folder(home).exists()
    assert not good.folder(home).exists()
    assert list(tick(definitions, instance).run_requests or ()) == []
