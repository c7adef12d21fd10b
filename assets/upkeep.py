"""What keeps the lake small and fast: compaction, vacuum, and the end of what is too old.

Called by the daily job of `golive_dagster/jobs.py`; Dagster's own runs are pruned there. Nothing
here changes a row of core or of a mart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from golive_agents.calls import PICTURE
from golive_core import schema
from golive_core.artifacts import ArtifactStore
from golive_core.lake import Lake

SENT = """
select unnest(regexp_extract_all(sent, $1 || '([0-9a-f]{64})', 1)) as sha256
from ops.llm_calls
where day >= $2
"""
GRACE = timedelta(days=1)
"""Age under which an artifact is kept even if no row names it: its pull may still run."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many things were removed, and how many bytes where that is known."""

    count: int
    size_bytes: int = 0


def compact(lake: Lake) -> list[str]:
    """Merge small files of every table; return the tables that exist."""
    tables = lake.tables()
    for table in tables:
        lake.compact(table)
    return tables


def vacuum(lake: Lake, *, hours: int) -> None:
    """Remove files that no version of the last `hours` needs."""
    lake.vacuum(keep=timedelta(hours=hours))


def prune_raw(lake: Lake, *, days: int) -> Pruned:
    """Remove raw payloads received more than `days` days ago; core keeps what they said."""
    before = datetime.now(UTC).date() - timedelta(days=days)
    gone = 0
    for table in lake.tables():
        if table.startswith("raw."):
            gone += _prune_table(lake, table, before)
    return Pruned(gone)


def _prune_table(lake: Lake, table: str, before: date) -> int:
    old = lake.query(
        f"select day, count(*) as rows from {table} where day < ? group by day",  # noqa: S608
        [before],
    )
    if old.height:
        nothing = schema.find(table).schema.to_frame()
        lake.overwrite(table, nothing, days=old["day"].to_list())
    return int(old["rows"].sum())


def prune_artifacts(lake: Lake, home: Path, *, evidence_days: int) -> Pruned:
    """Remove artifacts that nothing names any more; waits for a backup being made.

    Raw payloads, baselines, and the tests and model calls of the last `evidence_days` name what is
    kept.
    """
    with lake.unpruned():
        return _prune_artifacts(lake, ArtifactStore(home), evidence_days)


def _prune_artifacts(lake: Lake, store: ArtifactStore, evidence_days: int) -> Pruned:
    named = {store.path(sha) for sha in _named(lake, evidence_days)}
    limit = (datetime.now(UTC) - GRACE).timestamp()
    count = size = 0
    for path in store.root.glob("*/*"):
        state = path.stat()
        if path not in named and state.st_mtime < limit:
            path.unlink()
            count, size = count + 1, size + state.st_size
    return Pruned(count, size)


def _named(lake: Lake, evidence_days: int) -> Iterable[str]:
    since = datetime.now(UTC).date() - timedelta(days=evidence_days)
    evidence = "select distinct sha256 from core.test_artifacts where day >= ?"
    yield from lake.query(evidence, [since])["sha256"]
    yield from lake.query("select distinct sha256 from ops.baselines")["sha256"]
    yield from lake.query(SENT, [PICTURE, since])["sha256"]
    for table in lake.tables():
        if table.startswith("raw."):
            query = f"select distinct artifact from {table} where artifact is not null"  # noqa: S608
            yield from lake.query(query)["artifact"]
