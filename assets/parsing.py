"""One unit of work: payloads in, staged files and rows to merge out. Runs in any process.

Order, commits and watermarks are in `assets/load.py`, processes in `assets/workers.py`, the rules
themselves in `assets/rules.py`.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from assets import rules
from golive_core import schema
from golive_core.errors import LakeError, SourceDataError, SourceError
from golive_core.lake import Lake, Staged
from ingest.source import Instance, Parsed, Reject, Source, Unit

ROWS_A_FILE = 250_000
"""Rows of a fact that are gathered before they are staged: fewer, larger files; bounded memory."""
ROWS_TOGETHER = 20_000
"""Rows of an entity that are gathered before they are held against the rules."""
CONTENT_CHARS = 4096
EVENT_AT = {
    "core.commits": "committed_at",
    "core.builds": "queued_at",
    "core.incidents": "started_at",
    "core.alerts": "started_at",
    "core.test_results": "started_at",
    "core.log_lines": "at",
    "core.metric_points": "at",
}
"""The column that says when the world moved, for `newest_at` of a source's health."""


@dataclass(slots=True)
class Outcome:
    """What became of a unit: files of facts, rows of entities, and what was kept out."""

    payloads: int = 0
    rows: int = 0
    rejected: int = 0
    newest_at: datetime | None = None
    staged: dict[str, list[Staged]] = field(default_factory=dict[str, list[Staged]])
    gathered: dict[str, list[pl.DataFrame]] = field(default_factory=dict[str, list[pl.DataFrame]])
    quarantine: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])

    def size_bytes(self) -> int:
        """Return about how much memory its rows take."""
        return sum(map(size_of, self.gathered.values())) + size_of(self.quarantine)


def size_of(frames: Iterable[pl.DataFrame]) -> int:
    """Return about how many bytes of memory the frames take."""
    return sum(int(frame.estimated_size()) for frame in frames)


def process(lake: Lake, source: Source, instance: Instance, unit: Unit) -> Outcome:
    """Parse a unit, keep bad rows out, stage the facts and return the rest.

    What cannot be parsed becomes a row of the quarantine; only trouble of this machine (disk,
    memory, lake) or of the way to the source is raised.
    """
    outcome = Outcome(payloads=unit.payloads.height)
    buffers: dict[str, list[pl.DataFrame]] = {}
    for parsed in _together(_parse(source, unit)):
        for name, frame in parsed.tables.items():
            good = _sift(outcome, schema.find(name), frame, instance, unit)
            if good.height:
                buffers.setdefault(name, []).append(good)
                _spill(lake, outcome, buffers, name, at_rows=ROWS_A_FILE)
        _reject(outcome, parsed.rejects, instance, unit)
    for name in list(buffers):
        _spill(lake, outcome, buffers, name, at_rows=1)
    return outcome


def _together(made: Iterable[Parsed]) -> Iterator[Parsed]:
    """Yield what was parsed, rows of entities gathered: rules cost by the frame, not by the row.

    Facts are passed on as they come, since two rows of one key in one frame are a fault.
    """
    gathered: dict[str, list[pl.DataFrame]] = {}
    for parsed in made:
        own = {name: frame for name, frame in parsed.tables.items() if frame.height}
        entities = [name for name in own if not schema.find(name).is_fact]
        for name in entities:
            gathered.setdefault(name, []).append(schema.conform(schema.find(name), own.pop(name)))
            if sum(frame.height for frame in gathered[name]) >= ROWS_TOGETHER:
                yield Parsed({name: pl.concat(gathered.pop(name))})
        yield Parsed(own, parsed.rejects)
    yield Parsed({name: pl.concat(frames) for name, frames in gathered.items()})


def _parse(source: Source, unit: Unit) -> Iterator[Parsed]:
    try:
        yield from source.parse(unit)
    except (OSError, MemoryError, LakeError):
        raise
    except SourceError as error:
        if not isinstance(error, SourceDataError):
            raise
        yield Parsed({}, list(rejects_of(unit, str(error))))
    except Exception as error:  # noqa: BLE001 - a parser's mistake costs its unit, not the rest
        where = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"the parser failed: {error!r} ({where.name}, line {where.lineno})"
        yield Parsed({}, list(rejects_of(unit, reason)))


def rejects_of(unit: Unit, reason: str) -> Iterator[Reject]:
    """Yield a reject for every payload of a unit."""
    for uri in unit.payloads["uri"]:
        yield Reject(uri=uri or "", reason=reason)


def _sift(
    outcome: Outcome, spec: schema.Table, frame: pl.DataFrame, instance: Instance, unit: Unit
) -> pl.DataFrame:
    good, bad = rules.split(spec, schema.conform(spec, frame))
    if bad.height:
        outcome.quarantine.append(_bad_rows(spec.name, bad, instance, unit))
    outcome.rows += good.height
    event = EVENT_AT.get(spec.name)
    newest = good[event].max() if event and good.height else None
    if isinstance(newest, datetime):
        outcome.newest_at = max(newest, outcome.newest_at or newest)
    return good


def _spill(
    lake: Lake,
    outcome: Outcome,
    buffers: dict[str, list[pl.DataFrame]],
    name: str,
    *,
    at_rows: int,
) -> None:
    """Write the buffered rows of a table once there are enough of them."""
    if sum(frame.height for frame in buffers[name]) < at_rows:
        return
    spec, frames = schema.find(name), buffers.pop(name)
    if rules.is_gathered(spec):
        outcome.gathered.setdefault(name, []).append(rules.combine(spec, frames))
    else:
        whole = pl.concat(frames)
        single = whole.unique(list(spec.key), keep="first") if len(frames) > 1 else whole
        outcome.staged.setdefault(name, []).extend(lake.stage(name, single))


def _bad_rows(table: str, bad: pl.DataFrame, instance: Instance, unit: Unit) -> pl.DataFrame:
    uris = unit.payloads["uri"].unique()
    uri = uris[0] if len(uris) == 1 else None
    contents = bad.drop("reason").write_ndjson().splitlines()
    rows = [(uri, None, *row) for row in zip(bad["reason"], contents, strict=True)]
    return _quarantine(table, instance, unit.stream, rows)


def _reject(outcome: Outcome, rejects: Iterable[Reject], instance: Instance, unit: Unit) -> None:
    rows = [(one.uri, one.line, one.reason, one.content[:CONTENT_CHARS]) for one in rejects]
    if rows:
        outcome.rejected += len(rows)
        outcome.quarantine.append(_quarantine(f"raw.{instance.type}", instance, unit.stream, rows))


def reject_unit(instance: Instance, unit: Unit, reason: str) -> Outcome:
    """Return the outcome of a unit of which nothing can be had."""
    outcome = Outcome(payloads=unit.payloads.height)
    _reject(outcome, rejects_of(unit, reason), instance, unit)
    return outcome


def _quarantine(
    table: str,
    instance: Instance,
    stream: str,
    rows: Sequence[tuple[str | None, int | None, str, str]],
) -> pl.DataFrame:
    """Return rows of ops.quarantine from (uri, line, reason, content)."""
    now = datetime.now(UTC)
    cells = [
        {
            "quarantine_id": _digest(table, uri or "", reason, content),
            "table_name": table, "instance": instance.name, "stream": stream, "uri": uri,
            "line": line, "reason": reason, "content": content, "at": now, "day": now.date(),
        }
        for uri, line, reason, content in rows
    ]  # fmt: skip
    return pl.DataFrame(cells, schema=schema.QUARANTINE.schema)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
