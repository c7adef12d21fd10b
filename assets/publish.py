"""`golive.duckdb`: the lake as one file for the DuckDB CLI, BI tools and people.

Marts and predictions are tables in it, core are views over the lake's Parquet files. Nothing in
GoLive reads it. It is written beside its place and renamed, so that a reader that has it open keeps
what it has and the next one sees the new file. DuckDB hands a process that opens the same path
again its old, cached instance: a long-lived reader must close every handle to see a new file.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from assets.partitions import newest
from assets.workspace import Workspace
from golive_core.errors import LakeError
from golive_core.lake import Lake

FILE = "golive.duckdb"
COPIED = ("marts", "predictions")
VIEWED = ("core",)
VIEW = re.compile(r"\ACREATE VIEW .*? AS (?=SELECT|WITH|\()", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Published:
    """The file, how many tables and views it has, and whether it had to be written."""

    path: Path
    tables: int
    views: int
    is_new: bool


def publish(lake: Lake, home: Path) -> Published:
    """Write `home/golive.duckdb` from the lake, unless it has the lake's present version."""
    path, version = home / FILE, lake.version()
    names = [name for name in lake.tables() if name.partition(".")[0] in COPIED + VIEWED]
    copied = [name for name in names if name.partition(".")[0] in COPIED]
    with lake.connect(tables=names) as connection:
        is_new = not path.exists() or _version_of(connection, path) != version
        if is_new:
            draft = home / f"golive-{version}.duckdb"
            _remove_drafts(home)
            _write(connection, draft, names, version)
            draft.replace(path)
    return Published(path, len(copied), len(names) - len(copied), is_new)


def _version_of(connection: duckdb.DuckDBPyConnection, path: Path) -> int | None:
    """Return the lake version in a published file, None if it cannot be told."""
    try:
        connection.execute(f"attach {_text(path)} as published (read_only)")
        found = connection.execute("select lake_version from published.about.published")
        row = found.fetchone()
        return int(row[0]) if row else None
    except duckdb.Error:
        return None
    finally:
        connection.execute("detach database if exists published")


def _write(
    connection: duckdb.DuckDBPyConnection, draft: Path, names: list[str], version: int
) -> None:
    try:
        connection.execute(f"attach {_text(draft)} as published")
        for statement in _statements(connection, names):
            connection.execute(statement)
        connection.execute("create schema published.about")
        connection.execute(
            "create table published.about.published as select ?::bigint as lake_version, "
            "now() as published_at",
            [version],
        )
    except duckdb.Error as error:
        raise LakeError(f"cannot be written: {error}", where=str(draft)) from error
    finally:
        connection.execute("detach database if exists published")


def _statements(connection: duckdb.DuckDBPyConnection, names: list[str]) -> Iterator[str]:
    definitions = {
        f"{schema}.{name}": sql
        for schema, name, sql in connection.execute(
            "select schema_name, view_name, sql from duckdb_views() where not internal"
        ).fetchall()
    }
    for layer in sorted({name.partition(".")[0] for name in names}):
        yield f"create schema published.{layer}"
    for name in names:
        if name.partition(".")[0] in COPIED:
            yield f"create table published.{name} as select * from {name}"  # noqa: S608 - the lake's names
        elif name in definitions:
            yield f"create view published.{name} as {VIEW.sub('', definitions[name])}"


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _remove_drafts(home: Path) -> None:
    """Remove what a killed run left behind."""
    for leftover in home.glob("golive-*.duckdb*"):
        leftover.unlink()


def publish_asset(published: Iterable[dg.AssetsDefinition]) -> dg.AssetsDefinition:
    """Return the asset `warehouse_file`, which comes after all that it publishes."""
    shown = [
        (key, one.partitions_def)
        for one in published
        for key in one.keys
        if key.path[0] in COPIED + VIEWED
    ]
    daily, plain = [[key for key, days in shown if bool(days) is has] for has in (True, False)]

    @dg.asset(
        key="warehouse_file",
        deps=[*newest(daily), *plain],
        description="All marts, predictions and core tables as one DuckDB file.",
        group_name="publish",
        kinds={"duckdb"},
        tags={"layer": "publish"},
    )
    def warehouse_file(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[Any]:
        done = publish(workspace.lake, workspace.settings.home)
        return dg.MaterializeResult(
            metadata={
                "file": dg.MetadataValue.path(done.path),
                "size_bytes": done.path.stat().st_size,
                "tables": done.tables,
                "views": done.views,
                "skipped": not done.is_new,
            }
        )

    return warehouse_file
