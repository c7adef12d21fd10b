"""Stages as the REST API of Jenkins' pipeline plugin tells them, to rows of core.stages.

The answer is one run (`<build>/wfapi/describe`) or a list of the newest ten (`wfapi/runs`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import polars as pl

from golive_core.schema import STAGES

Json = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STATUS = {
    "SUCCESS": "passed",
    "FAILED": "failed",
    "UNSTABLE": "failed",
    "ABORTED": "cancelled",
    "NOT_EXECUTED": "skipped",
    "SKIPPED": "skipped",
    "IN_PROGRESS": "running",
    "PAUSED_PENDING_INPUT": "running",
}
COLUMNS = (
    "build_id", "ordinal", "attempt", "day", "project_id", "name", "status", "started_at",
    "duration_s",
)  # fmt: skip


def instant(ms: float) -> datetime:
    """Return the aware time of milliseconds since 1970, exactly."""
    return EPOCH + timedelta(milliseconds=ms)


def duration_s(ms: float | None) -> float | None:
    """Return seconds; a negative duration (a clock set back) is unknown."""
    return None if ms is None or ms < 0 else ms / 1000


def numbered(value: object) -> dict[int, Json]:
    """Return the runs of an answer by build number."""
    runs = cast("list[Json]", value if isinstance(value, list) else [value])
    return {int(run["id"]): run for run in runs if str(run.get("id", "")).isdigit()}


def rows(run: Json, *, build_id: str, day: date, project_id: str) -> pl.DataFrame:
    """Return rows of core.stages, one a stage in the order of the run."""
    made = [
        (
            build_id, ordinal, 1, day, project_id, stage.get("name") or "(stage)",
            STATUS.get(stage.get("status") or "", "error"),
            instant(stage["startTimeMillis"]) if stage.get("startTimeMillis") else None,
            duration_s(stage.get("durationMillis")),
        )
        for ordinal, stage in enumerate(run.get("stages") or ())
    ]  # fmt: skip
    return pl.DataFrame(made, schema={name: STAGES.schema[name] for name in COLUMNS}, orient="row")
