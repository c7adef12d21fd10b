"""Which picture a look is compared with: people approve or reject what runs have seen.

The newest approved picture of a look is its baseline. Pages and the command line decide through
here, and every decision is in the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from golive_actions import audit
from golive_actions.audit import LOCKS, Subject
from golive_core.errors import UsageError
from golive_core.lake import Lake
from golive_core.lock import alone
from golive_core.schema import BASELINES, conform

Row = Mapping[str, Any]
OPEN = (
    "with waiting as (\n"
    + (Path(__file__).parent / "waiting_looks.sql").read_text(encoding="utf-8")
    + ")\nselect * from waiting\n"
    "where (len($projects) = 0 or project_id in (select unnest($projects)))\n"
)
ORDER = "order by verdict = 'new', changed_share desc, name, look_id"
WAITING = f"{OPEN}and state is null\n{ORDER}"
"""Waiting looks of some projects (or, if none are named, of all), changed ones first."""
NOT_APPROVED = f"{OPEN}{ORDER}"
"""The same with those whose newest picture was rejected: somebody may think better of it."""
APPROVED = """
select look_id, arg_max(sha256, decided_at) as sha256
from ops.baselines
where state = 'approved' and (project_id = $project or $project = '')
group by look_id
"""
REJECTED = """
select look_id, list(sha256 order by decided_at desc)[1:10] as pictures
from ops.baselines
where (project_id = $project or $project = '')
group by look_id
having bool_and(state = 'rejected')
"""
SHORTEST = 4
TAKEN_OVER = (
    "project_id", "look_id", "suite", "test", "name", "browser", "size", "theme", "build_id",
)  # fmt: skip


def approved(lake: Lake, project: str = "") -> dict[str, str]:
    """Return the baselines: look to the SHA-256 of its picture; of a project or of all."""
    rows = lake.query(APPROVED, {"project": project})
    return dict(zip(rows["look_id"], rows["sha256"], strict=True))


def rejected(lake: Lake, project: str = "") -> dict[str, list[str]]:
    """Return the newest rejected pictures of looks of which none was approved, SHA-256 by look."""
    rows = lake.query(REJECTED, {"project": project})
    return dict(zip(rows["look_id"], rows["pictures"].to_list(), strict=True))


def waiting(lake: Lake, projects: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the looks whose newest picture nobody has decided about, changed ones first.

    Of some projects, or of all; one look of a test in one browser, size and theme a row.
    """
    return lake.query(WAITING, {"projects": list(projects)}).to_dicts()


def find(lake: Lake, named: str, projects: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the looks of that name, or whose id begins so, that wait or else were rejected.

    Raises UsageError for none.
    """
    rows = _open(lake, projects)
    found = [row for row in rows if named in (row["name"], row["test"])] or [
        row for row in rows if len(named) >= SHORTEST and row["look_id"].startswith(named)
    ]
    if not found:
        hint = "golive test approve lists what waits"
        raise UsageError(f"no look called {named!r} waits for a decision", hint=hint)
    return [row for row in found if row["state"] is None] or found


def _open(lake: Lake, projects: Sequence[str]) -> list[dict[str, Any]]:
    return lake.query(NOT_APPROVED, {"projects": list(projects)}).to_dicts()


def decide(lake: Lake, row: Row, state: str, *, by: str, note: str = "") -> dict[str, Any]:
    """Keep what a person decided of a waiting or rejected look; return the row of ops.baselines.

    `state` is approved or rejected. Raises UsageError if the look has been seen otherwise since,
    so that nobody approves a picture that they did not look at.
    """
    if not by:
        raise UsageError("a person has to decide", where=str(row["look_id"]))
    with alone(lake.root / LOCKS, f"baseline-{row['look_id']}"):
        now = [
            one
            for one in _open(lake, [row["project_id"]])
            if one["look_id"] == row["look_id"] and one["state"] != state
        ]
        if not now or now[0]["actual"] != row["actual"]:
            hint = "Look at it again: it was decided, or a newer run has another picture"
            raise UsageError("it does not wait any more", where=f"{row['name']}", hint=hint)
        made = {
            **{name: now[0][name] for name in TAKEN_OVER}, "sha256": row["actual"], "state": state,
            "decided_by": by, "decided_at": datetime.now(UTC), "note": note or None,
        }  # fmt: skip
        frame = pl.DataFrame([made], schema_overrides=BASELINES.schema)
        with lake.transaction("baseline") as txn:
            txn.merge(BASELINES.name, conform(BASELINES, frame))
        audit.append(lake, _subject(made), "done", {"note": note, "sha256": made["sha256"]})
    return made


def approve(lake: Lake, row: Row, *, by: str, note: str = "") -> dict[str, Any]:
    """Make the picture of a waiting look its baseline."""
    return decide(lake, row, "approved", by=by, note=note)


def reject(lake: Lake, row: Row, *, by: str, note: str = "") -> dict[str, Any]:
    """Call the picture of a waiting look a fault: the look fails until it is mended."""
    return decide(lake, row, "rejected", by=by, note=note)


def _subject(made: Row) -> Subject:
    word = "approve" if made["state"] == "approved" else "reject"
    about = f"{made['test']}: {made['name']} ({made['browser']} {made['size']} {made['theme']})"
    key = f"{made['look_id']}-{made['sha256'][:16]}-{word}"
    return Subject(made["decided_by"], f"baselines.{word}", about, key)
