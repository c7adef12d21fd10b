"""The lake: Delta tables that are written here and read through DuckDB. The one door to both."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from golive_core import schema
from golive_core.errors import LakeError
from golive_core.lake import copying, lookup, manifest, outside, read, sandbox, stage, upkeep
from golive_core.lake import transaction as transactions
from golive_core.lake.commit import WriteResult
from golive_core.lake.layout import Layout
from golive_core.lake.manifest import Manifest
from golive_core.lake.read import Params
from golive_core.lake.snapshot import DataFile
from golive_core.lake.stage import Staged
from golive_core.lake.transaction import Transaction
from golive_core.sight import EVERYTHING, Sight

if TYPE_CHECKING:
    import duckdb

__all__ = ["Lake"]


class Lake:
    """The tables below `root`; nothing is created before the first write.

    Reads see a consistent set of table versions and never wait; writes are transactions. An
    object is cheap, may be shared by threads and pickled. `sight` is what its reader may see:
    `query`, `sandbox` and `connect` show no more, and what reads files past them is refused.
    Raises LakeVersionError if a newer GoLive wrote the lake.
    """

    def __init__(self, root: Path | str, sight: Sight = EVERYTHING) -> None:
        self.root = Path(root).absolute()
        self._sight = sight
        self._layout = Layout(self.root)
        if self._layout.format_file.exists():
            found = manifest.read_json(self._layout.format_file)
            manifest.refuse_newer(found, self._layout.format_file)

    def __repr__(self) -> str:
        return f"Lake({str(self.root)!r})"

    def tables(self) -> list[str]:
        """Return the names of the tables that exist, sorted."""
        return sorted(manifest.newest(self._layout).tables)

    def exists(self, table: str) -> bool:
        """Tell whether the table was ever written."""
        return table in manifest.newest(self._layout).tables

    def version(self) -> int:
        """Return the number of the newest manifest, 0 for an empty lake: it grows by commits."""
        return manifest.newest_number(self._layout)

    def kept_since(self) -> datetime | None:
        """Return the instant from which `as_of` can show the lake, None for an empty lake."""
        oldest = manifest.oldest(self._layout)
        return oldest.committed_at if oldest else None

    def rows(self, table: str) -> int:
        """Return the number of rows of a table, from the log alone; 0 if it does not exist."""
        return read.snapshot_of(self._layout, manifest.newest(self._layout), table).rows

    def columns(self, table: str) -> dict[str, pl.DataType]:
        """Return the columns of a table with their dtypes; raises LakeError if it is unknown."""
        found = read.snapshot_of(self._layout, manifest.newest(self._layout), table)
        return read.columns_of(found)

    def connect(
        self, *, as_of: datetime | None = None, tables: Iterable[str] | None = None
    ) -> duckdb.DuckDBPyConnection:
        """Return an in-memory DuckDB with views `layer.table` over one consistent version.

        `tables` None means all that are declared or exist; a declared table that was never
        written is an empty view. `as_of` (aware) shows the lake as it was then. The caller closes
        the connection.
        """
        return read.connect(self._layout, self.manifest(as_of), tables, self._sight)

    def query(
        self,
        sql: str,
        params: Params = None,
        *,
        as_of: datetime | None = None,
        timeout_s: float | None = None,
    ) -> pl.DataFrame:
        """Return the rows of our own SQL; times are Datetime("us", "UTC"), integer sums Int64.

        Only the views that the SQL names are made. Raises QueryError for wrong SQL, and for what
        takes longer than `timeout_s`. SQL from people goes to `sandbox`.
        """
        found = self.manifest(as_of)
        return read.query(self._layout, found, sql, params, self._sight, timeout_s)

    def lookup(self, table: str, **values: object) -> pl.DataFrame:
        """Return the rows of a small declared table whose columns have these values, or all.

        Without DuckDB: 1 ms where a query takes 6, since each version of a table needs a new
        view. Files that may hold the values are read whole, so large tables are to be queried.
        """
        self._refuse_held(table)
        return lookup.rows(self._layout, self.manifest(None), table, values)

    def scan(self, table: str, **ranges: tuple[object, object]) -> pl.LazyFrame:
        """Return the declared table lazily, without the files that hold nothing in the ranges.

        A range is (lowest, highest) of a column. Rows beyond it may be among the others of a
        file: filter them. For large rows of which few are wanted; not for tables by day.
        """
        self._refuse_held(table)
        return lookup.scan(self._layout, self.manifest(None), table, ranges)

    def unfilled(self, table: str, column: str) -> list[DataFile]:
        """Return the files with a null in a column of the table's `later`, from the log alone."""
        held = lookup.snapshot_of(self._layout, self.manifest(None), table)
        return [file for file in held.files if file.nulls.get(column, 1)]

    def read(self, table: str, files: Sequence[DataFile]) -> pl.DataFrame:
        """Return all rows of some files of a declared table."""
        self._refuse_held(table)
        held = lookup.snapshot_of(self._layout, self.manifest(None), table)
        return stage.read_rows(schema.find(table), held, files)

    def files(self, table: str) -> list[str]:
        """Return the paths, in its folder, of the files of any table's newest version."""
        found = read.snapshot_of(self._layout, manifest.newest(self._layout), table)
        return [file.path for file in found.files]

    def parquet(self, tables: Iterable[str]) -> list[outside.Files]:
        """Return the files of one consistent version of some tables, for an engine of its own."""
        for table in tables:
            self._refuse_held(table)
        return outside.parquet(self._layout, self.manifest(None), tables)

    def read_files(self, table: str, paths: Collection[str]) -> pl.DataFrame:
        """Return all rows of some files of any table, one of marts too.

        Raises LakeConflictError if another process has replaced one of them by now.
        """
        self._refuse_held(table)
        return upkeep.read_files(self._layout, table, paths)

    def sandbox(
        self,
        sql: str,
        *,
        as_of: datetime | None = None,
        max_rows: int = 100_000,
        timeout_s: float = 30,
        memory: str = "1GB",
    ) -> pl.DataFrame:
        """Return the rows of SQL from a person, a client or an agent: one SELECT over the lake.

        Raises QueryError for any other statement or function, for more than `max_rows` rows,
        `timeout_s` seconds or `memory`.
        """
        limits = sandbox.Limits(max_rows, timeout_s, memory)
        return sandbox.run(self._layout, self.manifest(as_of), sql, limits, self._sight)

    @contextmanager
    def transaction(self, note: str = "") -> Generator[Transaction]:
        """Collect writes to several tables; they are committed when the block ends without error.

        Raises LakeFullError, LakeConflictError or LakeVersionError; then nothing has changed.
        """
        txn = Transaction(self._layout, note)
        try:
            yield txn
            txn.commit()
        except BaseException:
            txn.abandon()
            raise

    def append(self, table: str, frame: pl.DataFrame | Sequence[Staged]) -> WriteResult:
        """Add rows without looking at keys: for rows that nobody sends twice."""
        with self.transaction(f"append {table}") as txn:
            txn.append(table, frame)
        return only(table, txn)

    def insert(self, table: str, frame: pl.DataFrame | Sequence[Staged]) -> WriteResult:
        """Add the rows whose key is unknown; rows with a known key are left alone (facts)."""
        with self.transaction(f"insert {table}") as txn:
            txn.insert(table, frame)
        return only(table, txn)

    def merge(self, table: str, frame: pl.DataFrame | Sequence[Staged]) -> WriteResult:
        """Add unknown keys, replace known keys with other values, leave equal rows alone."""
        with self.transaction(f"merge {table}") as txn:
            txn.merge(table, frame)
        return only(table, txn)

    def overwrite(
        self, table: str, frame: pl.DataFrame, days: Collection[date] | None = None
    ) -> WriteResult:
        """Make the rows of `days` (None: of the whole table) exactly those of the frame."""
        with self.transaction(f"overwrite {table}") as txn:
            txn.overwrite(table, frame, days)
        return only(table, txn)

    def stage(self, table: str, frame: pl.DataFrame) -> list[Staged]:
        """Write the Parquet files of rows to be inserted or merged later, in any process.

        Rows of a fact with a known key are left out and counted. Nothing is committed.
        """
        spec = schema.find(table)
        conformed = stage.shaped(table, frame, self.root)[1]
        return transactions.staged(self._layout, spec, conformed, check=spec.is_fact)

    def changed_days(self, table: str, since: int = 0) -> set[date]:
        """Return the days whose rows changed after manifest `since`, from the log alone.

        If that part of the log is gone, all days of the table.
        """
        return upkeep.changed_days(self._layout, table, since)

    def compact(self, table: str, *, target_rows: int = upkeep.TARGET_ROWS) -> WriteResult:
        """Join the small files of each partition, sorted; the rows stay the same."""
        return upkeep.compact(self._layout, table, target_rows)

    def vacuum(self, keep: timedelta = timedelta(days=7)) -> upkeep.Vacuumed:
        """Forget what was replaced longer ago than `keep`, and remove abandoned files."""
        return upkeep.vacuum(self._layout, keep)

    @contextmanager
    def pinned(self) -> Generator[copying.Pinned]:
        """Lend one state of the lake and its files, for a copy; none of them goes meanwhile."""
        with copying.pinned(self._layout) as found:
            yield found

    @contextmanager
    def unpruned(self) -> Generator[None]:
        """Keep what is old until the block ends; who removes what rows name holds it too."""
        with upkeep.unpruned(self._layout):
            yield

    def forget_past(self) -> upkeep.Vacuumed:
        """Remove every version but the newest of each table, and its log: no `as_of` after that."""
        return upkeep.forget_past(self._layout)

    def share_erased(self) -> None:
        """Tell the other machines of a lake in a bucket who was erased; here everybody knows."""
        if self._layout.remote:
            self._layout.remote.share_erased()

    def history(self, table: str, limit: int = 100) -> pl.DataFrame:
        """Return the newest commits of a table: version, at, operation, rows and days changed."""
        return upkeep.history(self._layout, table, limit)

    def _refuse_held(self, table: str) -> None:
        if not self._sight.is_everything:
            hint = "Take query: it leaves out what is not to be seen"
            raise LakeError("only a query is held to projects", where=table, hint=hint)

    def manifest(self, as_of: datetime | None = None) -> Manifest:
        """Return which table versions are shown now, or as of an aware instant.

        Raises LakeError if nothing is kept from so long ago.
        """
        if as_of is None:
            return manifest.newest(self._layout)
        return manifest.at(self._layout, as_of)


def only(table: str, txn: Transaction) -> WriteResult:
    """Return the result of a transaction with one write; it has none if there were no rows."""
    return txn.results[0] if txn.results else WriteResult(table)
