"""What was asked of the outside world and what became of it: a chain that shows every edit.

Each record of `ops.audit_log` carries the hash of the one before it, so a record that is edited,
removed from the middle or put in is found by `verify`. Records taken off the end leave no trace in
the chain: note the head that `golive audit verify` prints where nobody can reach it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import polars as pl

from golive_core import schema
from golive_core.errors import LakeError
from golive_core.lake import Lake
from golive_core.lock import alone
from golive_core.redact import masked

Phase = Literal["asked", "dry_run", "done", "failed"]
TABLE = schema.AUDIT_LOG.name
LOCKS = "_locks"
RECORDS = f'select number, "at", actor, idempotency_key, phase, detail from {TABLE}'  # noqa: S608
HASHED = (
    "number", "at", "actor", "action", "target", "idempotency_key", "phase", "detail",
    "previous_hash",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subject:
    """Who does what to what, under which idempotency key."""

    actor: str
    action: str
    target: str
    key: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record, as far as the framework looks back at it."""

    number: int
    at: datetime
    actor: str
    key: str
    phase: Phase
    detail: Mapping[str, Any]

    @property
    def is_dry(self) -> bool:
        """Tell whether nothing was to be changed."""
        return bool(self.detail.get("dry_run"))


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the chain does not hold; number 0 is the table itself."""

    number: int
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found: how long the chain is, the hash of its end, and where it is broken."""

    records: int
    head: str
    breaks: tuple[Break, ...]


def append(lake: Lake, subject: Subject, phase: Phase, detail: Mapping[str, object]) -> int:
    """Put one record at the end of the chain, secrets masked, and return its number."""
    with alone(lake.root / LOCKS, "audit"):
        number, previous = _head(lake)
        at = datetime.now(UTC)
        row: dict[str, object] = {
            "number": number + 1, "at": at, "day": at.date(), "actor": subject.actor,
            "action": subject.action, "target": subject.target, "idempotency_key": subject.key,
            "phase": phase, "detail": _text(detail), "previous_hash": previous,
        }  # fmt: skip
        row["hash"] = digest(row)
        lake.append(TABLE, pl.DataFrame([row], schema=schema.AUDIT_LOG.schema))
        return number + 1


def of_key(lake: Lake, subject: Subject) -> list[Record]:
    """Return the records of an idempotency key, dry runs left out, in order."""
    where = "idempotency_key = ? and action = ?"
    return list(_records(lake, where, [subject.key, subject.action]))


def last_done(lake: Lake, subject: Subject) -> Record | None:
    """Return the newest record of this action on this target that was done."""
    where = "action = ? and target = ? and phase = 'done'"
    found = list(_records(lake, where, [subject.action, subject.target]))
    return found[-1] if found else None


def verify(lake: Lake) -> Verdict:
    """Walk the whole chain; nothing is changed."""
    if not lake.exists(TABLE):
        return Verdict(0, "", ())
    try:
        rows = lake.query(f"select * from {TABLE} order by number").to_dicts()  # noqa: S608 - ours
    except LakeError as error:
        return Verdict(0, "", (Break(0, f"cannot be read: {error.what}"),))
    return Verdict(len(rows), rows[-1]["hash"] if rows else "", tuple(_breaks(rows)))


def rechain(lake: Lake, subject: Subject, detail: Mapping[str, object]) -> None:
    """Hash the chain anew after records were changed by law, and record that as its last one.

    The record tells the head before, which whoever noted it can compare: the one way in which a
    change is not found as such.
    """
    before = verify(lake)
    if before.breaks:
        with alone(lake.root / LOCKS, "audit"):
            rows = lake.query(f"select * from {TABLE} order by number").to_dicts()  # noqa: S608 - ours
            previous = ""
            for row in rows:
                row["previous_hash"] = previous
                previous = row["hash"] = digest(row)
            lake.overwrite(TABLE, pl.DataFrame(rows, schema=schema.AUDIT_LOG.schema))
    records = {"head_before": before.head, "records_changed": len(before.breaks)}
    append(lake, subject, "done", {**detail, **records})


def knows(lake: Lake, head: str) -> bool:
    """Tell whether a record of that hash is in the chain: none was taken off behind it."""
    if not lake.exists(TABLE):
        return False
    found = lake.query(f"select count(*) from {TABLE} where hash = ?", [head])  # noqa: S608 - ours
    return bool(found.item())


def digest(row: Mapping[str, object]) -> str:
    """Return the SHA-256 of a record, hexadecimal; the day follows from the time."""
    cells = [_plain(row[name]) for name in HASHED]
    text = json.dumps(cells, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _breaks(rows: list[dict[str, Any]]) -> Iterator[Break]:
    previous, expected = "", 1
    for row in rows:
        number = row["number"]
        if number != expected:
            missing = f"record {expected} is missing"
            yield Break(number, missing if number > expected else "its number is taken twice")
        if row["previous_hash"] != previous:
            yield Break(number, "does not follow the record before it")
        if row["hash"] != digest(row) or row["day"] != row["at"].date():
            yield Break(number, "was edited")
        previous, expected = row["hash"], number + 1


def _head(lake: Lake) -> tuple[int, str]:
    if not lake.exists(TABLE):
        return 0, ""
    sql = f"select number, hash from {TABLE} order by number desc limit 1"  # noqa: S608 - ours
    found = lake.query(sql)
    return found.row(0) if found.height else (0, "")


def _records(lake: Lake, where: str, values: list[str]) -> Iterator[Record]:
    if not lake.exists(TABLE):
        return
    rows = lake.query(f"{RECORDS} where {where} order by number", values).iter_rows()
    for number, at, actor, key, phase, detail in rows:
        record = Record(number, at, actor, key, phase, json.loads(detail))
        if not record.is_dry:
            yield record


def _text(detail: Mapping[str, object]) -> str:
    return json.dumps(masked(dict(detail)), ensure_ascii=False, sort_keys=True)


def _plain(value: object) -> object:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
