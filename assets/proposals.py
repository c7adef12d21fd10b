"""The queue of what agents propose: kept in the lake, decided by people, performed once.

Every step is in the audit log: that it was proposed and by whom, who approved or rejected it, and
what the action itself recorded (`golive_actions.action`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from golive_actions import action, audit
from golive_actions.audit import LOCKS, Subject
from golive_agents.proposing import Proposal
from golive_core.errors import GoLiveError, UsageError
from golive_core.lake import Lake
from golive_core.lock import alone
from golive_core.schema import PROPOSALS, conform
from golive_core.settings import Settings

Row = Mapping[str, Any]
SHORTEST = 4


def put(lake: Lake, proposal: Proposal, *, now: datetime | None = None) -> bool:
    """Keep a proposal; return whether it is new. One that was decided stays decided."""
    number = proposal.proposal_id
    with alone(lake.root / LOCKS, f"proposal-{number}"):
        if lake.lookup(PROPOSALS.name, proposal_id=number).height:
            return False
        row = {
            "proposal_id": number, "project_id": proposal.project_id, "agent": proposal.agent,
            "subject": proposal.subject, "title": proposal.title, "reason": proposal.reason,
            "evidence": json.dumps(proposal.evidence), "action": proposal.action,
            "instance": proposal.instance, "parameters": json.dumps(dict(proposal.parameters)),
            "status": "open", "proposed_at": now or datetime.now(UTC),
        }  # fmt: skip
        _write(lake, row)
        actor = f"{action.AGENT}{proposal.agent}"
        audit.append(lake, _subject(row, actor, "propose"), "done", {"title": proposal.title})
    return True


def listed(lake: Lake, *, status: str = "", project: str = "") -> list[dict[str, Any]]:
    """Return proposals, newest first; of one status or project, or all."""
    wanted = {"status": status, "project_id": project}
    rows = lake.lookup(PROPOSALS.name, **{name: one for name, one in wanted.items() if one})
    return rows.sort("proposed_at", "proposal_id", descending=True).to_dicts()


def find(lake: Lake, number: str) -> dict[str, Any]:
    """Return the proposal whose id begins so; raises UsageError."""
    rows = lake.lookup(PROPOSALS.name)
    found = rows.filter(pl.col("proposal_id").str.starts_with(number))
    if found.height != 1 or len(number) < SHORTEST:
        what = "no proposal is" if found.is_empty() else f"{found.height} proposals are"
        raise UsageError(f"{what} called {number!r}", hint="golive proposals lists them")
    return found.row(0, named=True)


def approve(
    lake: Lake, settings: Settings, number: str, *, by: str, note: str = ""
) -> dict[str, Any]:
    """Let a person approve a proposal, and perform it once; return the row as it is then.

    Raises UsageError for one that is unknown or decided. An action that fails is `failed` with its
    error; it may be approved again, and is then tried again under the same idempotency key.
    """
    with alone(lake.root / LOCKS, f"proposal-{find(lake, number)['proposal_id']}"):
        row = _decided(lake, number, by, note, "approved", ("open", "approved", "failed"))
        try:
            outcome = action.perform(
                action.Action(row["action"], settings.target(row["instance"]),
                              json.loads(row["parameters"]), row["proposal_id"]),
                dry_run=False, actor=f"{action.AGENT}{row['agent']}", lake=lake,
                base=settings.base, approved_by=by,
            )  # fmt: skip
        except GoLiveError as error:
            return _write(lake, {**row, "status": "failed", "result": json.dumps(str(error))})
        result = json.dumps(outcome.result, default=str)
        return _write(lake, {**row, "status": "done", "result": result})


def reject(lake: Lake, number: str, *, by: str, note: str = "") -> dict[str, Any]:
    """Let a person reject an open or failed proposal; it is not proposed again."""
    with alone(lake.root / LOCKS, f"proposal-{find(lake, number)['proposal_id']}"):
        return _decided(lake, number, by, note, "rejected", ("open", "failed"))


def _decided(
    lake: Lake, number: str, by: str, note: str, status: str, before: tuple[str, ...]
) -> dict[str, Any]:
    row = find(lake, number)
    if row["status"] not in before:
        who = f" by {row['decided_by']}" if row["decided_by"] else ""
        raise UsageError(f"it is {row['status']}{who} already", where=row["proposal_id"])
    if not by or by.startswith(action.AGENT):
        raise UsageError("a person has to decide", where=row["proposal_id"])
    told = {"status": status, "decided_by": by, "note": note or None}
    made = _write(lake, {**row, **told, "decided_at": datetime.now(UTC)})
    word = "approve" if status == "approved" else "reject"
    audit.append(lake, _subject(row, by, word), "done", {"note": note, "title": row["title"]})
    return made


def _write(lake: Lake, row: Row) -> dict[str, Any]:
    frame = pl.DataFrame([dict(row)], schema_overrides=PROPOSALS.schema)
    with lake.transaction("proposal") as txn:
        txn.merge(PROPOSALS.name, conform(PROPOSALS, frame))
    return dict(row)


def _subject(row: Row, actor: str, word: str) -> Subject:
    about = f"{row['instance']}: {row['action']} ({row['proposal_id']})"
    return Subject(actor, f"proposals.{word}", about, f"{row['proposal_id']}-{word}")
