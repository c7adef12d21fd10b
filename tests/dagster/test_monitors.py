"""A monitor from golive.toml: it runs real journeys, begins an alert, tells, and ends it again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assets.workspace import Workspace
from golive_core.errors import SettingsError
from golive_core.settings import Instance, parse
from golive_dagster.definitions import build_defs
from golive_dagster.monitors import perform
from tests.runner.shop import PAGES, open_shop

TOML = """
[project.shop]
[monitor.front]
paths = ["journeys"]
schedule = "*/5 * * * *"
environment = "production"
"""


@pytest.fixture
def shop() -> Iterator[str]:
    """Return where the shop is; its pages are mended in the end."""
    before = dict(PAGES)
    with open_shop() as place:
        yield place
    PAGES.update(before)


@pytest.fixture
def watched(workspace: Workspace, tmp_path: Path, shop: str) -> Workspace:
    """Return a workspace with a monitor of the shop and a channel to tell."""
    folder = tmp_path / "journeys"
    folder.mkdir()
    (folder / "welcome.yaml").write_text(
        f"journey: Welcome\nbase: http://{shop}\ntimeout_s: 1\nsteps:\n  - open: /\n"
        "  - see: Welcome\n"
    )
    read = parse(TOML.encode(), base=tmp_path, home=workspace.settings.home)
    team = Instance("team", "notify", "shop", {"address": "env:HOOK"})
    settings = dataclasses.replace(
        workspace.settings, base=tmp_path, monitors=read.monitors, targets={"team": team}
    )
    return dataclasses.replace(workspace, settings=settings)


@pytest.mark.slow
def test_an_alert_begins_is_told_once_and_ends(
    watched: Workspace, mart_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "json://127.0.0.1:1/hook")
    definitions = build_defs(watched, marts=mart_folder)
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_job_def("monitor_front")
        assert job.execute_in_process(instance=instance).success
    alerts = "select name, status, service from core.alerts order by started_at"
    assert watched.lake.query(alerts).height == 0
    monitor = watched.settings.monitors["front"]
    PAGES["/"] = "<h1>Closed</h1>"
    for _ in range(2):
        (attempt,) = perform(watched, monitor)
        assert attempt.status == "failed"
    name = "journeys/welcome.yaml / Welcome"
    assert watched.lake.query(alerts).rows() == [(name, "firing", "production")]
    PAGES["/"] = "<h1>Welcome</h1>"
    perform(watched, monitor)
    assert watched.lake.query(alerts).rows() == [(name, "resolved", "production")]
    told = watched.lake.query("select title from ops.notifications order by created_at")
    assert told["title"].to_list() == [f"Does not work: {name}", f"Works again: {name}"]
    results = watched.lake.query(
        "select status, environment from core.test_results order by started_at"
    ).rows()
    assert [status for status, _ in results] == ["passed", "failed", "failed", "passed"]
    assert {place for _, place in results} == {"production chromium 1280x720 light"}


def test_a_monitor_has_a_schedule_of_its_own(watched: Workspace, mart_folder: Path) -> None:
    definitions = build_defs(watched, marts=mart_folder)
    schedule = definitions.resolve_schedule_def("watch_front")
    assert (schedule.cron_schedule, schedule.job_name) == ("*/5 * * * *", "monitor_front")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "names no paths"),
        ('paths = ["a"]\nschedule = "often"', "is not a cron line"),
        ('paths = ["a"]\nbrowsr = "x"', "Did you mean browser?"),
        ('paths = ["a"]\nproject = "none"', "is not declared"),
    ],
)
def test_what_is_wrong_in_a_monitor_is_named(tmp_path: Path, line: str, words: str) -> None:
    text = f"[project.shop]\n[monitor.front]\n{line}\n"
    with pytest.raises(SettingsError) as raised:
        parse(text.encode(), base=tmp_path, home=tmp_path)
    assert words in str(raised.value)
