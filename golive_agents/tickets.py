"""Tickets that read alike: duplicates among them, and those that speak of a failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from golive_agents.evidence import Evidence
from golive_agents.explanation import Cite, Ticket
from golive_core.errors import UsageError

CORPUS = 5_000
"""Tickets that are compared: the newest."""
ALIKE = 3
LONGEST = 1_000
"""Characters of a failure's details that are read."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Two tickets that tell of the same with the likeness (0 to 1): the later, and the earlier."""

    ticket: Ticket
    earlier: Ticket


def duplicates(
    evidence: Evidence, project: str, *, key: str = "", since: datetime | None = None
) -> list[Duplicate]:
    """Return tickets beside an earlier one that tells of the same, most like first.

    Those of one key, or those opened since then. Raises UsageError for an unknown key.
    """
    from models.duplicates import pairs

    rows = _rows(evidence, project).sort("created_at", "issue_id")
    if key and key not in rows["key"]:
        raise UsageError(f"no ticket {key!r}", hint="golive ingest reads newer ones")
    found: list[Duplicate] = []
    told = rows.to_dicts()
    for one in pairs([_text(row) for row in told]):
        later, earlier = told[one.second], told[one.first]
        if key and key not in (later["key"], earlier["key"]):
            continue
        if since and not (later["created_at"] and later["created_at"] >= since):
            continue
        found.append(Duplicate(_ticket(later, one.likeness), _ticket(earlier, one.likeness)))
    return found


def about(evidence: Evidence, project: str, failure: Row) -> tuple[Ticket, ...]:
    """Return the tickets that read like a failure (type, message, details), most like first."""
    message = failure.get("message") or ""
    title = f"{failure.get('type') or ''} {message.partition(chr(10))[0]}"
    body = f"{message} {(failure.get('details') or '')[:LONGEST]}"
    return alike(evidence, project, (title, body), count=ALIKE)


def alike(
    evidence: Evidence, project: str, text: tuple[str, str], *, count: int
) -> tuple[Ticket, ...]:
    """Return the tickets most like a title and body."""
    from models.duplicates import nearest

    rows = _rows(evidence, project).to_dicts()
    found = nearest(text, [_text(row) for row in rows], count=count) if rows else []
    return tuple(_ticket(rows[at], likeness) for at, likeness in found)


def _rows(evidence: Evidence, project: str) -> pl.DataFrame:
    return evidence.rows("issues", most=CORPUS, project=project)


def _text(row: Row) -> tuple[str, str]:
    return row["title"], row["body"] or ""


def _ticket(row: Row, likeness: float) -> Ticket:
    return Ticket(
        row["key"], row["title"], row["status"], row["url"], likeness, row["created_at"],
        Cite("core.issues", f"issue_id={row['issue_id']}"),
    )  # fmt: skip
