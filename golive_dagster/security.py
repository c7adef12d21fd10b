"""The sensor `security`: what happened at the gateway into the lake, and word of what is odd."""

from __future__ import annotations

import dagster as dg
import polars as pl

from assets.security import take
from assets.workspace import Workspace
from golive_actions.outbox import Letters, Message
from golive_actions.target import Place
from golive_core.errors import GoLiveError

SECONDS = 30
RECIPIENT = "security"
"""The recipient of a channel that is told; a channel without one tells its own address."""
TOLD = ("critical", "warning")


def security_sensor(workspace: Workspace) -> dg.SensorDefinition:
    """Return the sensor; its tick does the work, for there is nothing to run."""

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        try:
            fresh = take(workspace.settings, workspace.lake)
            tell(workspace, fresh)
        except GoLiveError as error:
            context.log.warning(str(error))
            return dg.SkipReason(str(error))
        for reason in fresh["reason"]:
            context.log.warning(reason)
        return dg.SkipReason(f"{fresh.height} new alerts" if fresh.height else "nothing is odd")

    return dg.SensorDefinition(
        name="security",
        evaluation_fn=evaluate,
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Takes security events of the gateway in and tells of what is odd.",
    )


def tell(workspace: Workspace, fresh: pl.DataFrame) -> None:
    """Put a message about each alert that matters into the outbox of every channel."""
    channels = [one for one in workspace.settings.targets.values() if one.type == "notify"]
    for row in fresh.filter(pl.col("severity").is_in(TOLD)).iter_rows(named=True):
        message = Message(
            title=f"Security: {row['reason']}",
            body=f"{row['rule']}, {row['at']:%Y-%m-%d %H:%M} UTC. See the page Security.",
            severity=row["severity"],
            dedupe=f"{row['alert_id']} {row['severity']}",
            reason_sql=f"select * from ops.security_alerts where alert_id = '{row['alert_id']}'",  # noqa: S608 - a hash of ours
        )
        for channel in channels:
            place = Place(channel, workspace.lake, workspace.settings.base)
            Letters(place, message, (RECIPIENT,)).perform()
