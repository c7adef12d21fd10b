"""Reading: a manifest becomes DuckDB views, a DuckDB result becomes a polars frame.

A view lists the files of one version, so it cannot change while it is read. Results cross by the
Arrow C interface, without pyarrow, whose import would cost a quarter of a second. DuckDB itself is
imported by the first query: processes that only write (parsers) save 0.15 s of CPU. Where it comes
from is in engines.py, statements of strangers are in sandbox.py.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from golive_core import schema
from golive_core.errors import LakeError, QueryError
from golive_core.lake import snapshot as snapshots
from golive_core.lake.engines import LAYERS, engine, engines
from golive_core.lake.layout import (
    Layout,
    declared,
    expected_generation,
    generation,
    partition_column,
)
from golive_core.lake.manifest import Manifest
from golive_core.lake.snapshot import Snapshot
from golive_core.lake.trouble import told
from golive_core.sight import EVERYTHING, Sight, held

if TYPE_CHECKING:
    import duckdb

Params = Sequence[Any] | Mapping[str, Any] | None

SQL_TYPES: dict[str, str] = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMPTZ",
    "date": "DATE",
    "binary": "BLOB",
}
NAMED = re.compile(rf'\b({"|".join(LAYERS)})"?\s*\.\s*"?([a-z][a-z0-9_]*)')
FOREIGN = ("INTERVAL", "BIT", "TIME WITH TIME ZONE", "UNION", "MAP", "VARIANT", "GEOMETRY")
"""DuckDB types that polars has no word for; they come as text."""
_generations: dict[str, set[str]] = {}
_generations_lock = threading.Lock()


def snapshot_of(layout: Layout, found: Manifest, table: str) -> Snapshot:
    """Return the table's version in a manifest."""
    return snapshots.snapshot(table, layout.folder(table), found.tables.get(table, -1))


def columns_of(found: Snapshot) -> dict[str, pl.DataType]:
    """Return the columns that readers see; raises LakeError for an unknown table."""
    if declared(found.table):
        return dict(schema.find(found.table).schema)
    if found.version < 0:
        raise LakeError("does not exist", where=found.table, hint="Run the asset that makes it")
    return dict(found.columns)


def sql_type(dtype: pl.DataType) -> str:
    """Return DuckDB's name of a dtype of the lake."""
    word = snapshots.dtype_word(dtype)
    return SQL_TYPES[word.removesuffix("[]")] + ("[]" if word.endswith("[]") else "")


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def view(layout: Layout, found: Manifest, table: str, sight: Sight = EVERYTHING) -> str:
    """Return the statement that makes the view of a table version: of the rows that are seen."""
    snapshot = snapshot_of(layout, found, table)
    rows = select(snapshot)
    if not sight.is_everything:
        rows = held(table, columns_of(snapshot), sight, lambda name: whole(layout, found, name))
    layer, _, name = table.partition(".")
    return f"create or replace view {quoted(layer)}.{quoted(name)} as {rows}"


def whole(layout: Layout, found: Manifest, table: str) -> str | None:
    """Return the SELECT of all rows of a table, None for one that is not there."""
    if table not in found.tables and not declared(table):
        return None
    return select(snapshot_of(layout, found, table))


def select(found: Snapshot) -> str:
    """Return the SELECT over the files of a version, one branch for each generation of columns."""
    columns = columns_of(found)
    groups: dict[str, list[str]] = {}
    for file in found.files:
        groups.setdefault(generation(file.path), []).append(found.absolute(file))
    found.present(found.files)
    if not groups:
        return f"select {cells(columns, set())} where false"
    return " union all ".join(branch(found, columns, *group) for group in groups.items())


def branch(
    found: Snapshot, columns: Mapping[str, pl.DataType], kind: str, paths: Sequence[str]
) -> str:
    """Return the SELECT over files that have the same columns."""
    have = inside(found, kind, paths[0]) | {found.partitioned_by or ""}
    files = ", ".join(literal(path) for path in paths)
    types = f", hive_types = {{'{found.partitioned_by}': {hive_type(found)}}}"
    hive = (
        f"hive_partitioning = true{types}" if found.partitioned_by else "hive_partitioning = false"
    )
    source = f"read_parquet([{files}], {hive})"
    return f"select {cells(columns, have)} from {source}"  # noqa: S608 - names and paths are quoted


def hive_type(found: Snapshot) -> str:
    """Return the SQL type of the partition value in a path."""
    return "DATE" if found.partitioned_by == "day" else "VARCHAR"


def inside(found: Snapshot, kind: str, path: str) -> set[str]:
    """Return the columns inside a file of generation `kind`; a file is opened only if it is old."""
    if declared(found.table):
        spec = schema.find(found.table)
        if kind == expected_generation(spec):
            return set(spec.schema) - {partition_column(spec) or ""}
    with _generations_lock:
        if kind not in _generations:
            with told(found.table, f"reading {path}"):
                _generations[kind] = set(pl.read_parquet_schema(Path(path)))
        return _generations[kind]


def cells(columns: Mapping[str, pl.DataType], have: set[str]) -> str:
    """Return the select list of all columns; those that the files lack are typed nulls."""
    return ", ".join(
        quoted(name) if name in have else f"null::{sql_type(dtype)} as {quoted(name)}"
        for name, dtype in columns.items()
    )


def connect(
    layout: Layout, found: Manifest, tables: Iterable[str] | None, sight: Sight = EVERYTHING
) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB with the views of these tables (None: all declared and existing ones)."""
    names = sorted({*schema.TABLES, *found.tables} if tables is None else set(tables))
    connection = engine()
    try:
        make_views(connection, [view(layout, found, name, sight) for name in names])
    except BaseException:
        connection.close()
        raise
    return connection


def make_views(connection: duckdb.DuckDBPyConnection, statements: Sequence[str]) -> None:
    """Run the statements of `view` for some tables."""
    if statements:
        connection.execute("; ".join(statements))


def named_tables(sql: str) -> set[str]:
    """Return everything in a statement that reads like the name of a table of the lake.

    A name in a comment or a text costs a view that nobody reads; DuckDB's own parser would cost
    more, and refuses parameters and PIVOT.
    """
    return {f"{layer}.{name}" for layer, name in NAMED.findall(sql.lower())}


def wrong(error: Exception) -> QueryError:
    """Return the QueryError for what DuckDB says about a statement."""
    return QueryError(str(error).strip().rstrip("."), where="SQL")


def known(found: Manifest, names: Iterable[str]) -> list[str]:
    """Return the tables among the names; DuckDB itself complains about the others."""
    return sorted(
        name
        for name in names
        if name in found.tables or name in schema.TABLES or name.startswith("raw.")
    )


def query(
    layout: Layout,
    found: Manifest,
    sql: str,
    params: Params,
    sight: Sight = EVERYTHING,
    timeout_s: float | None = None,
) -> pl.DataFrame:
    """Return the result of one statement over the tables that it names."""
    import duckdb

    pooled = engines.of(layout, found, sight)
    connection = pooled.cursor()
    try:
        tables = known(found, named_tables(sql))
        pooled.show(tables, lambda name: view(layout, found, name, sight))
        with deadline(connection, timeout_s) if timeout_s else nullcontext():
            return to_frame(run(connection, sql, params))
    except (duckdb.Error, pl.exceptions.PolarsError) as error:
        if timeout_s and "interrupt" in str(error).lower():
            raise late(timeout_s) from error
        raise wrong(error) from error
    finally:
        connection.close()


@contextmanager
def deadline(connection: duckdb.DuckDBPyConnection, seconds: float) -> Generator[None]:
    """Interrupt what the connection does after so many seconds."""
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def late(seconds: float) -> QueryError:
    """Return the QueryError for a statement that took too long."""
    hint = "Filter by day or project, or aggregate"
    return QueryError(f"took longer than {seconds:g} s", where="SQL", hint=hint)


def run(connection: duckdb.DuckDBPyConnection, sql: str, params: Params) -> duckdb.DuckDBPyRelation:
    """Return the relation of a statement; raises QueryError if there is none in the text."""
    if not connection.extract_statements(sql):
        raise QueryError("the statement is empty", where="SQL")
    return connection.sql(sql) if params is None else connection.sql(sql, params=params)


@dataclass(frozen=True, slots=True)
class Stream:
    """An Arrow stream without the object that it came from.

    Polars keeps the type of what it is given; keeping a type of DuckDB past the end of the
    interpreter makes DuckDB report leaks on standard error.
    """

    capsule: object

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand over the stream; it can be read once."""
        return self.capsule


UTC_TIME = pl.Datetime("us", "UTC")


def to_frame(relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """Return a relation's rows: times in UTC, HUGEINT as Int64 where it fits, odd types as text."""
    kinds = [str(kind) for kind in relation.types]
    names = distinct(relation.columns)
    if names != relation.columns or any(word in kind for kind in kinds for word in FOREIGN):
        numbered = enumerate(zip(names, kinds, strict=True), start=1)
        relation = relation.project(", ".join(readable(n, *pair) for n, pair in numbered))
    frame = pl.DataFrame(Stream(relation.__arrow_c_stream__()))
    pairs = ((column, folded(column)) for column in frame.get_columns())
    other = [new for old, new in pairs if new is not old]
    return frame.with_columns(other) if other else frame


def distinct(names: Sequence[str]) -> list[str]:
    """Return the names with `_1`, `_2` ... behind those that were there before."""
    found: list[str] = []
    for name in names:
        tails = ["", *(f"_{n}" for n in range(1, len(names)))]
        found.append(next(name + tail for tail in tails if name + tail not in found))
    return found


def readable(position: int, name: str, kind: str) -> str:
    """Return the projection of a column, as text if polars cannot read its type."""
    cast = "::VARCHAR" if any(word in kind for word in FOREIGN) else ""
    return f"#{position}{cast} as {quoted(name)}"


def folded(column: pl.Series) -> pl.Series:
    """Return a column in the dtypes that the rest of GoLive expects."""
    if column.dtype == UTC_TIME:
        return column
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None:
        return column.dt.convert_time_zone("UTC").cast(UTC_TIME)
    if isinstance(column.dtype, pl.Decimal) and (column.dtype.precision, column.dtype.scale) == (
        38,
        0,
    ):
        whole = column.cast(pl.Int64, strict=False)
        return whole if whole.null_count() == column.null_count() else column
    return column
