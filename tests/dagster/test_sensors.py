"""Sensors start runs for news, slow down for trouble, and never pile runs up."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest
from tiny_source import Tiny, write

from assets import load
from assets.cursors import alone
from assets.partitions import today
from assets.workspace import Workspace
from golive_core.errors import SourceUnreachableError
from golive_core.http.limits import FOLDER, Limits
from golive_dagster.busy import is_busy
from golive_dagster.jobs import INSTANCE_TAG, prune_runs
from golive_dagster.schedules import cron_of
from golive_dagster.sensors import Poll


def tick(
    definitions: dg.Definitions, instance: dg.DagsterInstance, name: str, cursor: str | None = None
) -> dg.SensorResult:
    sensor = definitions.resolve_sensor_def(name)
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def requests(result: dg.SensorResult) -> list[dg.RunRequest]:
    return list(result.run_requests or ())


def test_no_news_starts_nothing(definitions: dg.Definitions, instance: dg.DagsterInstance) -> None:
    assert requests(tick(definitions, instance, "news")) == []


def test_news_start_the_job_of_the_instance_for_today(
    definitions: dg.Definitions, instance: dg.DagsterInstance, one: Path, two: Path
) -> None:
    write(one, "a", 1)
    write(two, "a", 1)
    (polled,) = requests(tick(definitions, instance, "news"))
    assert (polled.job_name, polled.partition_key) == ("ingest_tiny_two", today())
    assert polled.tags[INSTANCE_TAG] == "tiny-two"
    (dropped,) = requests(tick(definitions, instance, "drop_folders"))
    assert dropped.job_name == "ingest_tiny_one"


def test_payloads_that_no_run_conformed_are_news(
    definitions: dg.Definitions, instance: dg.DagsterInstance, workspace: Workspace, two: Path
) -> None:
    write(two, "a", 1)
    source = workspace.source("tiny-two")
    load.pull(workspace.lake, source, workspace.instances["tiny-two"])
    assert len(requests(tick(definitions, instance, "news"))) == 1
    load.conform(workspace.lake, source, workspace.instances["tiny-two"])
    assert requests(tick(definitions, instance, "news")) == []


def test_runs_that_bring_nothing_are_repeated_less_and_less_often(
    definitions: dg.Definitions, instance: dg.DagsterInstance, two: Path
) -> None:
    write(two, "a", 1)
    first = tick(definitions, instance, "news")
    second = tick(definitions, instance, "news", first.cursor)
    third = tick(definitions, instance, "news", second.cursor)
    keys = [one.run_key for one in requests(first) + requests(second)]
    assert len(set(keys)) == 2
    assert requests(third) == []
    poll = Poll(**json.loads(third.cursor or "")["tiny-two"])
    assert poll.tries == 1


def test_a_source_that_does_not_answer_is_asked_later(
    definitions: dg.Definitions, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def has_news(self: Tiny, stream: str, cursor: object) -> bool:
        asked.append(stream)
        raise SourceUnreachableError("no answer", where="tiny-two")

    monkeypatch.setattr(Tiny, "has_news", has_news)
    result = tick(definitions, instance, "news")
    assert requests(result) == []
    tick(definitions, instance, "news", result.cursor)
    assert asked == ["files"]


def test_waiting_doubles_up_to_an_hour() -> None:
    poll, waits = Poll(), []
    for _ in range(8):
        poll.wait(1000.0)
        waits.append(poll.not_before - 1000.0)
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_an_instance_in_work_is_left_alone(
    definitions: dg.Definitions, instance: dg.DagsterInstance, workspace: Workspace, two: Path
) -> None:
    write(two, "a", 1)
    with alone(workspace.lake, "tiny-two"):
        assert requests(tick(definitions, instance, "news")) == []
    job = definitions.resolve_job_def("ingest_tiny_two")
    instance.create_run_for_job(
        job, tags={INSTANCE_TAG: "tiny-two"}, status=dg.DagsterRunStatus.STARTED
    )
    assert is_busy(instance, workspace, "tiny-two")
    assert not is_busy(instance, workspace, "tiny-one")
    assert requests(tick(definitions, instance, "news")) == []


def test_a_schedule_tick_asks_for_today_or_is_skipped(
    definitions: dg.Definitions, instance: dg.DagsterInstance, workspace: Workspace
) -> None:
    schedule = definitions.resolve_schedule_def("every_tiny_one")
    context = dg.build_schedule_context(instance=instance)
    asked = schedule(context)
    assert isinstance(asked, dg.RunRequest)
    assert asked.partition_key == today()
    with alone(workspace.lake, "tiny-one"):
        assert schedule(context) == dg.SkipReason("tiny-one is being ingested")


def test_a_paused_source_is_skipped_with_the_reason_until_it_is_over(
    definitions: dg.Definitions, instance: dg.DagsterInstance, home: Path, two: Path
) -> None:
    write(two, "a", 1)
    Limits("tiny-two", home).pause(900, "HTTP 429")
    result = tick(definitions, instance, "news")
    assert requests(result) == []
    assert str(result.skip_reason.skip_message).startswith("tiny-two is paused until ")
    assert str(result.skip_reason.skip_message).endswith("(in 15 min): HTTP 429")
    context = dg.build_schedule_context(instance=instance)
    skipped = definitions.resolve_schedule_def("every_tiny_two")(context)
    assert isinstance(skipped, dg.SkipReason)
    assert "in 15 min" in skipped.skip_message
    assert isinstance(definitions.resolve_schedule_def("every_tiny_one")(context), dg.RunRequest)
    (home / FOLDER / "tiny-two.json").unlink()
    assert len(requests(tick(definitions, instance, "news", result.cursor))) == 1
    assert isinstance(definitions.resolve_schedule_def("every_tiny_two")(context), dg.RunRequest)


def test_a_paused_source_holds_no_other_back(
    definitions: dg.Definitions, instance: dg.DagsterInstance, home: Path, one: Path
) -> None:
    write(one, "a", 1)
    Limits("tiny-two", home).pause(900, "HTTP 429")
    (run,) = requests(tick(definitions, instance, "drop_folders"))
    assert run.job_name == "ingest_tiny_one"


def test_schedules_are_staggered_and_settings_win(workspace: Workspace) -> None:
    lines = {cron_of(workspace, name) for name in workspace.instances}
    assert all(line.endswith("-59/5 * * * *") for line in lines)
    workspace.settings.schedules["tiny-one"] = "0 4 * * *"  # type: ignore[index]
    assert cron_of(workspace, "tiny-one") == "0 4 * * *"


def test_old_runs_are_forgotten_and_running_ones_kept(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    from datetime import UTC, datetime, timedelta

    job = definitions.resolve_job_def("upkeep")
    for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.STARTED):
        instance.create_run_for_job(job, status=status)
    assert prune_runs(instance, datetime.now(UTC) - timedelta(days=1)) == 0
    assert prune_runs(instance, datetime.now(UTC) + timedelta(days=1)) == 1
    assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.STARTED]


def test_upkeep_runs_and_changes_no_row(
    definitions: dg.Definitions, instance: dg.DagsterInstance, workspace: Workspace, one: Path
) -> None:
    for number in range(3):
        write(one, f"a{number}", number)
        source = workspace.source("tiny-one")
        load.ingest(workspace.lake, source, workspace.instances["tiny-one"])
    before = workspace.lake.query("select * from core.builds order by build_id")
    done = definitions.resolve_job_def("upkeep").execute_in_process(instance=instance)
    assert done.success
    assert workspace.lake.query("select * from core.builds order by build_id").equals(before)
