"""Marts without Dagster: what a mart file says, and how its table is brought up to date.

A mart is one SELECT in `assets/marts/<name>.sql`. Its header, the comment lines at the top, is

    -- What question it answers; the first paragraph is the description everywhere.
    --
    -- grain: project_id, test_id, day
    -- refresh: by day

`refresh` is one of
    by day                  the mart has a `day`; only days whose inputs changed are computed. The
                            runner gives the SQL a temporary table `changed(day)`.
    by day, spread N days   the same where a day's input also shows in the N days after it
    window N days, full     computed whole whenever an input changed

What has been computed is a row of ops.cursors with the lake version that it covers, committed
together with the rows. Assets made from these are in `assets/marts.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import duckdb
import polars as pl

from assets.cursors import Mark, State, alone
from golive_core.errors import LakeError
from golive_core.lake import Lake, WriteResult
from golive_core.lake import read as reading

FOLDER = Path(__file__).parent / "marts"
HEADER = re.compile(r"\A(?:[ \t]*--[^\n]*\n|[ \t]*\n)*")
BY_DAY = re.compile(r"by day(?:, spread (\d+) days?)?")
WHOLE = re.compile(r"window \d+ days?|full")
SO_FAR = "recurring"
"""The schema under which a recursive SELECT finds its own rows so far: no table of the lake."""
CHANGED = "create or replace temp table changed (day date primary key)"
DAYS_AT_ONCE = 400
"""Days whose rows are computed by one query: bounds its memory at a first load of many years."""


@dataclass(frozen=True, slots=True)
class Mart:
    """One mart file: its name, description, SELECT, inputs and how it is refreshed."""

    name: str
    description: str
    fields: tuple[tuple[str, str], ...]
    sql: str
    inputs: tuple[str, ...]
    spread: int | None
    """Days after a changed day that change with it; None if the mart is computed whole."""

    @property
    def table(self) -> str:
        """Its table in the lake."""
        return f"marts.{self.name}"

    @property
    def version(self) -> str:
        """Digest of the SQL: another one means that every row is computed anew."""
        return hashlib.sha256(self.sql.encode()).hexdigest()[:16]


def marts(folder: Path = FOLDER) -> list[Mart]:
    """Return the mart of every .sql file, those that others read first."""
    with reading.engine() as engine:
        read_all = [read(path, engine) for path in sorted(folder.glob("*.sql"))]
    found = {mart.table: mart for mart in read_all}
    ordered: dict[str, Mart] = {}
    while len(ordered) < len(found):
        ready = [
            mart
            for table, mart in found.items()
            if table not in ordered
            and all(name in ordered for name in mart.inputs if name in found)
        ]
        if not ready:
            circle = sorted(set(found) - set(ordered))
            raise LakeError(f"marts read each other in a circle: {', '.join(circle)}")
        ordered.update((mart.table, mart) for mart in ready)
    return list(ordered.values())


def read(path: Path, engine: duckdb.DuckDBPyConnection) -> Mart:
    """Return the mart of one file; raises LakeError for a header that says no refresh.

    Only the parser of `engine` is used.
    """
    sql = path.read_text()
    match = HEADER.match(sql)
    lines = [
        line.strip().removeprefix("--").strip() for line in (match[0] if match else "").splitlines()
    ]
    words = _fields(lines)
    refresh = words.get("refresh", "")
    by_day = BY_DAY.fullmatch(refresh)
    if not by_day and not WHOLE.fullmatch(refresh):
        raise LakeError(
            f"refresh: {refresh!r} is not understood",
            where=path.name,
            hint="Write by day, by day, spread 7 days, window 30 days, or full",
        )
    inputs = tables_of(sql, path.name, engine)
    spread = int(by_day[1] or 0) if by_day else None
    return Mart(path.stem, _paragraph(lines), tuple(words.items()), sql, inputs, spread)


def tables_of(sql: str, where: str, engine: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Return the `layer.table` names that a SELECT reads; raises LakeError for wrong SQL.

    From DuckDB's own syntax tree: its `get_table_names` binds as well, and fails on a window with
    an interval. What the SELECT itself defines has no layer.
    """
    row = engine.execute("select json_serialize_sql(?)", [sql]).fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {}
    if tree.get("error"):
        raise LakeError(f"is not a SELECT: {tree.get('error_message')}", where=where)
    return tuple(sorted(set(_tables_in(tree))))


def _tables_in(node: Any) -> Iterator[str]:  # noqa: ANN401 - a JSON tree
    if isinstance(node, dict):
        found = cast("dict[str, Any]", node)
        if found.get("type") == "BASE_TABLE" and found.get("schema_name") not in (None, "", SO_FAR):
            yield f"{found['schema_name']}.{found['table_name']}".lower()
        node = list(found.values())
    if isinstance(node, list):
        for one in cast("list[Any]", node):
            yield from _tables_in(one)


def _paragraph(lines: list[str]) -> str:
    """Return the first paragraph: lines up to an empty one or the first `word: value`."""
    taken: list[str] = []
    for line in lines:
        if (not line and taken) or re.match(r"(grain|keys?|inputs|refresh):", line):
            break
        taken += [line] if line else []
    return " ".join(taken)


def _fields(lines: list[str]) -> dict[str, str]:
    """Return what the header says by word; a list that is long may stand on several lines."""
    found: dict[str, str] = {}
    for line in lines:
        if match := re.match(r"(grain|keys?|inputs|refresh):\s*(.+)", line):
            name, value = match[1], match[2].strip().rstrip(".")
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


Compute = Callable[[Lake, Mart, list[date] | None], pl.DataFrame]
"""Computes the rows of a mart, those of the given days if it is computed by day."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did: the write, or None where nothing had changed; rows it computed."""

    mart: Mart
    written: WriteResult | None
    rows: int = 0
    days: int | None = None


def refresh(
    lake: Lake, mart: Mart, *, days: Iterable[date] | None = None, by: Compute | None = None
) -> Refreshed:
    """Bring a mart up to date with its inputs, or compute exactly `days` of a mart by day.

    `by` computes the rows, DuckDB in this process by default. Nothing is written where no input
    changed since the last refresh. Two processes take turns, and the second finds the work of the
    first done.
    """
    with alone(lake, mart.table):
        state = State.read(lake, "marts")
        before = state.mark(mart.name, "mart")
        is_known = (before.cursor or {}).get("version") == mart.version and lake.exists(mart.table)
        since = before.sequence if is_known else 0
        if mart.spread is None:
            return _refresh_whole(lake, mart, state, by, is_known=is_known)
        mark = state.row(mart.name, "mart", Mark(lake.version(), {"version": mart.version}))
        if days is not None and is_known:
            return _refresh_days(lake, mart, sorted(set(days)), None, by)
        due = sorted(_due(lake, mart, mart.spread, since))
        return _refresh_days(lake, mart, due, mark, by, is_known=is_known)


def _due(lake: Lake, mart: Mart, spread: int, since: int) -> set[date]:
    """Return the days that an input changed on, and those that the change spreads to."""
    changed = (day for name in mart.inputs for day in lake.changed_days(name, since=since))
    return {day + timedelta(days=n) for day in changed for n in range(spread + 1)}


def _refresh_whole(
    lake: Lake, mart: Mart, state: State, by: Compute | None, *, is_known: bool
) -> Refreshed:
    before = state.mark(mart.name, "mart")
    inputs = {name: data_version(lake, name) for name in mart.inputs}
    cursor = {"version": mart.version, "inputs": inputs}
    if is_known and before.cursor == cursor:
        return Refreshed(mart, None)
    mark = state.row(mart.name, "mart", Mark(lake.version(), cursor))
    frame = (by or compute)(lake, mart, None)
    return Refreshed(mart, _write(lake, mart, frame, None, mark), frame.height)


def data_version(lake: Lake, table: str) -> int:
    """Return the newest version of a table that changed rows: compaction is no news."""
    if not lake.exists(table):
        return -1
    commits = lake.history(table)
    data = commits.filter(~pl.col("note").fill_null("").str.starts_with("compact "))
    return max(data["version"].to_list(), default=0)


def _refresh_days(
    lake: Lake,
    mart: Mart,
    days: list[date],
    mark: pl.DataFrame | None,
    by: Compute | None,
    *,
    is_known: bool = True,
) -> Refreshed:
    if not days and is_known:
        return Refreshed(mart, None)
    # A mart without input is still a table, so that pages and other marts can read it.
    frame = (by or compute)(lake, mart, days)
    written = _write(lake, mart, frame, days if is_known else None, mark)
    return Refreshed(mart, written, frame.height, len(days))


def _write(
    lake: Lake, mart: Mart, frame: pl.DataFrame, days: list[date] | None, mark: pl.DataFrame | None
) -> WriteResult:
    with lake.transaction(f"refresh {mart.table}") as txn:
        txn.overwrite(mart.table, frame, days=days)
        if mark is not None:
            txn.merge("ops.cursors", mark)
    return txn.results[0]


def compute(lake: Lake, mart: Mart, days: list[date] | None = None) -> pl.DataFrame:
    """Return the rows of a mart, of the given days if it is computed by day."""
    with lake.connect(tables=mart.inputs) as connection:
        if days is None:
            return _frame(connection, mart)
        starts = range(0, len(days) or 1, DAYS_AT_ONCE)
        parts = [days[start : start + DAYS_AT_ONCE] for start in starts]
        return pl.concat([_of_days(connection, mart, part) for part in parts])


def dtypes(lake: Lake, mart: Mart) -> pl.Schema:
    """Return the columns of a mart and their dtypes, without computing it."""
    with lake.connect(tables=mart.inputs) as connection:
        connection.execute(CHANGED)
        return reading.to_frame(reading.run(connection, mart.sql, None).limit(0)).schema


def _of_days(connection: duckdb.DuckDBPyConnection, mart: Mart, days: list[date]) -> pl.DataFrame:
    connection.execute(CHANGED)
    connection.execute("insert into changed select unnest(?::date[])", [days])
    return _frame(connection, mart)


def _frame(connection: duckdb.DuckDBPyConnection, mart: Mart) -> pl.DataFrame:
    try:
        return reading.to_frame(reading.run(connection, mart.sql, None))
    except duckdb.Error as error:
        raise LakeError(f"the SQL of the mart fails: {error}", where=f"{mart.name}.sql") from error
