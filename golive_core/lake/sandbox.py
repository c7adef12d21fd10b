"""SQL from people, API clients and agents: one SELECT over the lake and nothing else.

Two fences, each enough for what we know: the statement is parsed by DuckDB and refused if it
calls a function that reads anything but the lake's views; and it runs in an engine of its own
that has no files but the lake's, no extensions, and a locked configuration.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from golive_core.errors import QueryError
from golive_core.lake import read
from golive_core.lake.engines import LAYERS, engine
from golive_core.lake.layout import Layout
from golive_core.lake.manifest import Manifest
from golive_core.sight import EVERYTHING, Sight

if TYPE_CHECKING:
    import duckdb

TABLE_FUNCTIONS = frozenset(
    {"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree",
     "generate_subscripts", "unnest_map"}
)  # fmt: skip
"""Table functions that only compute."""
REFUSED = frozenset(
    {"getenv", "getvariable", "current_setting", "set_config", "nextval", "setseed", "query",
     "query_table", "write_log", "parse_duckdb_log_message", "pg_read_file", "file_exists",
     "txid_current", "current_query", "version"}
)  # fmt: skip
"""Scalar functions that tell of the machine or have an effect."""
HINT = "Only one SELECT over the tables of the lake is run here"
STATEMENTS = frozenset({"INSERT_NODE", "UPDATE_NODE", "DELETE_NODE", "MERGE_NODE", "SHOW_REF"})
"""What DuckDB can hide inside a SELECT."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one statement may use: rows of its result, seconds, memory as DuckDB writes it."""

    max_rows: int
    timeout_s: float
    memory: str


def run(
    layout: Layout, found: Manifest, sql: str, limits: Limits, sight: Sight = EVERYTHING
) -> pl.DataFrame:
    """Return the result of a stranger's statement, or raise QueryError."""
    import duckdb

    connection = engine()
    try:
        tables = read.known(found, checked(connection, sql))
        for name in tables:
            refuse_closed(layout, found, name, sight)
        read.make_views(connection, [read.view(layout, found, name, sight) for name in tables])
        fence(connection, layout, limits)
        with read.deadline(connection, limits.timeout_s):
            frame = read.to_frame(bounded(connection, sql, limits))
    except (duckdb.Error, pl.exceptions.PolarsError) as error:
        raise said(error, limits, sight) from error
    finally:
        connection.close()
    if frame.height > limits.max_rows:
        hint = "Aggregate, filter or add a LIMIT"
        raise QueryError(f"more than {limits.max_rows} rows", where="SQL", hint=hint)
    return frame


def refuse_closed(layout: Layout, found: Manifest, table: str, sight: Sight) -> None:
    """Raise QueryError for a table that is not for the reader: no rows would say too little."""
    if sight.is_everything:
        return
    if sight.closes(table, read.columns_of(read.snapshot_of(layout, found, table))):
        hint = "Ask an admin, or read another table"
        raise QueryError(f"{table} is not for you to read", where="SQL", hint=hint)


def bounded(
    connection: duckdb.DuckDBPyConnection, sql: str, limits: Limits
) -> duckdb.DuckDBPyRelation:
    """Return the statement's rows, one more than allowed at most, held under the memory limit."""
    return read.run(connection, sql, None).limit(limits.max_rows + 1).materialize()


def fence(connection: duckdb.DuckDBPyConnection, layout: Layout, limits: Limits) -> None:
    """Close everything but the lake's folder, and lock the configuration."""
    connection.execute(
        f"set memory_limit = {read.literal(limits.memory)};"
        "set temp_directory = '';"
        "set autoinstall_known_extensions = false;"
        "set autoload_known_extensions = false;"
        "set allow_community_extensions = false;"
        f"set allowed_directories = [{read.literal(str(layout.root))}];"
        "set enable_external_access = false;"
        "set lock_configuration = true"
    )


def said(error: Exception, limits: Limits, sight: Sight = EVERYTHING) -> QueryError:
    """Return the QueryError for what stopped the statement.

    Who may not see all rows is not told the value that it failed on.
    """
    import duckdb

    text = str(error).lower()
    if "interrupt" in text:
        return read.late(limits.timeout_s)
    if "out of memory" in text:
        hint = "Filter by day or project, or aggregate"
        return QueryError(f"needed more than {limits.memory}", where="SQL", hint=hint)
    if not sight.is_everything and not isinstance(
        error, duckdb.ParserException | duckdb.BinderException | duckdb.CatalogException
    ):
        hint = "try_cast and try() give null instead"
        return QueryError("a value does not fit what is done with it", where="SQL", hint=hint)
    return read.wrong(error)


def checked(connection: duckdb.DuckDBPyConnection, sql: str) -> set[str]:
    """Return the tables that the statement names; raises QueryError unless it is one SELECT."""
    import duckdb

    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise read.wrong(error) from error
    if len(statements) != 1:
        raise QueryError(f"{len(statements)} statements", where="SQL", hint=HINT)
    found = list(nodes(tree(connection, sql)))
    named = {str(entry["key"]).lower() for node in found for entry in ctes(node)}
    return {name for node in found for name in refused_or_named(node, named)}


def ctes(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the WITH entries of a node of the tree."""
    entries: list[Mapping[str, Any]] = node.get("cte_map", {}).get("map", [])
    return entries


def tree(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    """Return DuckDB's own parse tree; only a SELECT has one."""
    row = connection.execute("select json_serialize_sql(?::varchar)", [sql]).fetchone()
    parsed: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if parsed["error"]:
        raise QueryError("not a SELECT", where="SQL", hint=HINT)
    return parsed


def nodes(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield every object of a parse tree."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            node = cast("dict[str, Any]", item)
            yield node
            pending += node.values()
        elif isinstance(item, list):
            pending += cast("list[Any]", item)


def refused_or_named(node: Mapping[str, Any], named: Set[str]) -> list[str]:
    """Return the table of the lake that a node reads, if it reads one.

    Raises QueryError if it reaches outside: `named` are the only other tables there are.
    """
    refuse(node)
    if node.get("type") != "BASE_TABLE":
        return []
    layer, name = str(node["schema_name"]).lower(), str(node["table_name"]).lower()
    if layer in LAYERS:
        return [f"{layer}.{name}"]
    if layer or name not in named:
        hint = "Tables have names like core.builds"
        raise QueryError(f"there is no table {name} in the lake", where="SQL", hint=hint)
    return []


def refuse(node: Mapping[str, Any]) -> None:
    """Raise QueryError for a function that reaches outside, or a statement in the statement."""
    kind = str(node.get("type"))
    name = str(node.get("function_name", "")).lower()
    if kind == "TABLE_FUNCTION":
        called = str(node["function"].get("function_name", "")).lower()
        if called not in TABLE_FUNCTIONS:
            raise QueryError(f"the table function {called} is not allowed", where="SQL", hint=HINT)
    elif name in REFUSED:
        raise QueryError(f"the function {name} is not allowed", where="SQL", hint=HINT)
    elif kind in STATEMENTS:
        raise QueryError("not a plain SELECT", where="SQL", hint=HINT)
