"""Actions and notifications as jobs: shown by default, performed when the run says so."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "ingest"))

from loopback import Asked, Loopback, Reply, ok, serving

from assets.workspace import Workspace
from golive_core.settings import Instance
from golive_dagster.definitions import build_defs


class Host(Loopback):
    """A Git host and a webhook in one."""

    def answer(self, asked: Asked) -> Reply:
        return ok({"id": 1, "number": 7, "html_url": "https://git.example.org/7"})


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    with serving(Host()) as server:
        monkeypatch.setenv("HOOK", server.url.replace("http://", "json://") + "/hook")
        yield server


@pytest.fixture
def acting(workspace: Workspace, host: Host, mart_folder: Path) -> dg.Definitions:
    """Return definitions with a Git host and a channel to act on."""
    targets = {
        "git": Instance("git", "github", "shop", {"url": host.url}),
        "team": Instance("team", "notify", "shop", {"address": "env:HOOK"}),
    }
    settings = dataclasses.replace(workspace.settings, targets=targets)
    return build_defs(dataclasses.replace(workspace, settings=settings), marts=mart_folder)


def run(
    definitions: dg.Definitions, instance: dg.DagsterInstance, config: Mapping[str, object]
) -> bool:
    job = definitions.get_job_def("perform_action")
    asked = {"ops": {"act": {"config": config}}}
    return job.execute_in_process(run_config=asked, instance=instance, raise_on_error=False).success


PULL = {
    "action": "github.create_pull_request", "instance": "git",
    "parameters": {"repository": "team/shop", "title": "T", "head": "f", "base": "main"},
}  # fmt: skip


def test_an_action_is_only_shown_unless_the_run_says_otherwise(
    acting: dg.Definitions, host: Host, instance: dg.DagsterInstance
) -> None:
    assert run(acting, instance, PULL)
    assert host.seen == []
    assert run(acting, instance, {**PULL, "dry_run": False})
    assert run(acting, instance, {**PULL, "dry_run": False})
    assert host.seen == ["repos/team/shop/pulls?"]


def test_an_agent_needs_a_person(
    acting: dg.Definitions, host: Host, instance: dg.DagsterInstance
) -> None:
    agent = {**PULL, "dry_run": False, "actor": "agent:error_resolver"}
    assert not run(acting, instance, agent)
    assert host.seen == []
    assert run(acting, instance, {**agent, "approved_by": "ada"})


def test_the_outbox_is_sent_when_something_is_due(
    acting: dg.Definitions, host: Host, instance: dg.DagsterInstance
) -> None:
    schedule = acting.get_repository_def().get_schedule_def("outbox")
    context = dg.build_schedule_context(instance=instance)
    assert not schedule.evaluate_tick(context).run_requests
    told = {
        "action": "notify.send", "instance": "team", "parameters": {"title": "Red"},
        "dry_run": False,
    }  # fmt: skip
    assert run(acting, instance, told)
    assert len(schedule.evaluate_tick(context).run_requests or ()) == 1
    assert acting.get_job_def("send_notifications").execute_in_process(instance=instance).success
    assert host.seen == ["hook?"]
    assert not schedule.evaluate_tick(context).run_requests
