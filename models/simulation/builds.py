"""Rows of core.builds and core.stages for one simulated build."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.simulation import names
from models.simulation.history import MAIN, Commit, Run
from models.simulation.repository import SITE
from models.simulation.rows import SOURCE
from models.simulation.shape import Shape

USD_PER_MINUTE = 0.008
STAGES = (("Checkout", 0.05), ("Compile", 0.2), ("Tests", 0.65), ("Package", 0.1))


def build_id(run: Run, shape: Shape) -> str:
    """Return the id of a build: pipeline, number, and the attempt from the second on."""
    again = f"@{run.attempt}" if run.attempt > 1 else ""
    return f"{shape.project_id}:{run.pipeline}#{run.number}{again}"


def build_row(run: Run, commit: Commit, shape: Shape, rng: np.random.Generator) -> dict[str, Any]:
    """Return what is known of a build when it starts."""
    pipeline = f"{shape.project_id}:{run.pipeline}"
    queue_s = float(rng.exponential(12.0))
    by_hand = run.trigger in ("manual", "push", "pull_request")
    return {
        "build_id": build_id(run, shape),
        "pipeline_id": pipeline,
        "project_id": shape.project_id,
        "source": SOURCE,
        "number": run.number,
        "attempt": run.attempt,
        "commit_sha": commit.sha,
        "branch": MAIN if run.pipeline != "build" else commit.branch,
        "trigger": run.trigger,
        "triggered_by": names.PEOPLE[commit.author] if by_hand else None,
        "is_unstable": False,
        "queued_at": run.at,
        "started_at": run.at + queue_s,
        "queue_s": queue_s,
        "runner": f"linux-{run.runner + 1}",
        "url": f"{SITE}/{run.pipeline}/{run.number}",
        "is_simulated": True,
    }


def finish(row: dict[str, Any], status: str, seconds: float) -> dict[str, Any]:
    """Return the row with how the build ended."""
    return row | {
        "status": status,
        "finished_at": row["started_at"] + seconds,
        "duration_s": seconds,
        "cost_usd": seconds / 60 * USD_PER_MINUTE,
    }


def stage_rows(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the stages of a build: up to the one that failed, the rest skipped."""
    bad = {"failed": 2, "error": 1, "cancelled": 1}.get(row["status"], len(STAGES))
    at, found = row["started_at"], list[dict[str, Any]]()
    for ordinal, (name, share) in enumerate(STAGES):
        seconds = row["duration_s"] * share if ordinal <= bad else 0.0
        status = "passed" if ordinal < bad else row["status"] if ordinal == bad else "skipped"
        found.append(
            {
                "build_id": row["build_id"], "ordinal": ordinal, "attempt": 1, "name": name,
                "project_id": row["project_id"], "status": status, "started_at": at,
                "duration_s": seconds, "build_day": row["queued_at"],
            }
        )  # fmt: skip
        at += seconds
    return found
