"""Monitors: journeys and checks on a schedule, an alert where one stops, word where it began.

`[monitor.NAME]` in golive.toml. Each has a job; what it runs lands in core like every test, and a
journey that does not get through is an alert until it does again.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets import journey_runs
from assets.raw import word
from assets.workspace import Workspace
from golive_actions.outbox import Letters, Message
from golive_actions.target import Place
from golive_core import schema
from golive_core.errors import UsageError
from golive_core.ids import content_id
from golive_core.sections import Monitor
from golive_runner.attempt import Attempt

TAG = "golive/monitor"
RECIPIENT = "monitor"
"""The recipient of a channel that is told; a channel without one tells its own address."""
SOURCE = "monitor"
OPEN = """
select * from core.alerts
where project_id = ? and source = 'monitor' and instance = ? and resolved_at is null
"""


@dataclass(frozen=True, slots=True)
class Changed:
    """Alerts (rows of core.alerts) that began and that ended with a run."""

    begun: list[dict[str, Any]]
    ended: list[dict[str, Any]]


def monitor_jobs(workspace: Workspace) -> list[dg.JobDefinition]:
    """Return a job per monitor."""
    return [_job(one) for one in workspace.settings.monitors.values()]


def monitor_schedules(workspace: Workspace) -> list[dg.ScheduleDefinition]:
    """Return when they run; a tick is skipped while the last run of the monitor is under way."""
    return [_schedule(one) for one in workspace.settings.monitors.values()]


def name_of(monitor: Monitor) -> str:
    """Return the name of a monitor's job."""
    return f"monitor_{word(monitor.name)}"


def _job(monitor: Monitor) -> dg.JobDefinition:
    @dg.op(name=f"run_{word(monitor.name)}", description=f"Run {', '.join(monitor.paths)}.")
    def run(context: dg.OpExecutionContext, workspace: dg.ResourceParam[Workspace]) -> None:
        attempts = perform(workspace, monitor, lambda one: context.log.info(_line(one)))
        bad = [one for one in attempts if one.status != "passed"]
        context.add_output_metadata({"attempts": len(attempts), "not passed": len(bad)})

    @dg.job(
        name=name_of(monitor), description=f"Monitor {monitor.name} of {monitor.project_id}.",
        executor_def=dg.in_process_executor, tags={TAG: monitor.name},
    )  # fmt: skip
    def job() -> None:
        run()

    return job


def _line(attempt: Attempt) -> str:
    said = f": {attempt.message}" if attempt.message else ""
    return f"{attempt.name} {attempt.status} in {attempt.duration_s:.1f} s{said}"


def _schedule(monitor: Monitor) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"watch_{word(monitor.name)}", job_name=name_of(monitor),
        cron_schedule=monitor.schedule, execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING, description=f"Runs {monitor.name}.",
    )  # fmt: skip
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        under_way = context.instance.get_run_records(
            dg.RunsFilter(
                job_name=name_of(monitor),
                statuses=[dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED],
            ),
            limit=1,
        )
        if under_way:
            return dg.SkipReason("its last run is under way")
        return dg.RunRequest()

    return tick


def perform(
    workspace: Workspace, monitor: Monitor, on: journey_runs.Heard = lambda _: None
) -> tuple[Attempt, ...]:
    """Run a monitor once: results into core, alerts begun and ended, word to the channels.

    Raises UsageError where its documents are not there or wrong.
    """
    base, home = workspace.settings.base, workspace.settings.home
    files = journey_runs.documents([base / path for path in monitor.paths])
    wanted = journey_runs.Wanted(
        files,
        home,
        base,
        monitor.browser,
        evidence=monitor.evidence,
        project=monitor.project_id,
        base=monitor.base,
    )
    finished = journey_runs.run(wanted, on=on)
    given = {"pipeline": f"monitor {monitor.name}", "environment": monitor.environment}
    if finished.attempts:
        journey_runs.take(
            workspace, finished, name=f"{monitor.project_id}-monitor-{monitor.name}",
            project_id=monitor.project_id, given={key: one for key, one in given.items() if one},
        )  # fmt: skip
    changed = alerts(workspace, monitor, finished.attempts)
    _tell(workspace, monitor, changed)
    for file, error in finished.wrong.items():
        raise UsageError(error, where=Path(file).name)
    return finished.attempts


def alerts(workspace: Workspace, monitor: Monitor, attempts: Iterable[Attempt]) -> Changed:
    """Begin an alert for what does not pass, end those of what passes again; return both."""
    known = {
        row["name"]: row
        for row in workspace.lake.query(OPEN, [monitor.project_id, monitor.name]).to_dicts()
    }
    now = datetime.now(UTC)
    last = {f"{one.suite} / {one.name}": one for one in attempts}
    changed = Changed([], [])
    for name, attempt in last.items():
        if attempt.status == "passed" and name in known:
            changed.ended.append(
                known[name] | {"status": "resolved", "resolved_at": now, "updated_at": now}
            )
        elif attempt.status in ("failed", "error") and name not in known:
            changed.begun.append(_begun(monitor, name, attempt))
    rows = [*changed.begun, *changed.ended]
    if rows:
        workspace.lake.merge("core.alerts", pl.DataFrame(rows, schema=schema.ALERTS.schema))
    return changed


def _begun(monitor: Monitor, name: str, attempt: Attempt) -> dict[str, Any]:
    at = attempt.started_at
    labels = {"monitor": monitor.name, "suite": attempt.suite, "journey": attempt.name}
    blank = dict.fromkeys(schema.ALERTS.schema)
    return blank | {
        "alert_id": f"{monitor.name}:{content_id(name):x}:{at:%Y%m%dT%H%M%S}",
        "project_id": monitor.project_id, "source": SOURCE, "instance": monitor.name,
        "day": at.date(), "name": name, "service": monitor.environment or monitor.name,
        "severity": "critical", "status": "firing", "labels": json.dumps(labels),
        "summary": attempt.message, "started_at": at, "updated_at": at,
    }  # fmt: skip


def _tell(workspace: Workspace, monitor: Monitor, changed: Changed) -> None:
    """Put a message about each change into the outbox of every channel."""
    channels = [one for one in workspace.settings.targets.values() if one.type == "notify"]
    for row in [*changed.begun, *changed.ended]:
        is_over = row["resolved_at"] is not None
        message = Message(
            title=f"{'Works again' if is_over else 'Does not work'}: {row['name']}",
            body=f"{row['summary']}\nMonitor {monitor.name}, since "
            f"{row['started_at']:%Y-%m-%d %H:%M} UTC. See the page Journeys.",
            severity="info" if is_over else "critical",
            dedupe=f"{row['alert_id']} {row['status']}",
            reason_sql=f"select * from core.alerts where alert_id = '{row['alert_id']}'",  # noqa: S608 - of ours
        )
        for channel in channels:
            place = Place(channel, workspace.lake, workspace.settings.base)
            Letters(place, message, (RECIPIENT,)).perform()
