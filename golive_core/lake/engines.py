"""The DuckDBs of a process: who opens them, how long they live, which manifest each shows.

What is asked of them is in read.py. This is the one module that connects.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from golive_core.lake.layout import Layout
from golive_core.lake.manifest import Manifest
from golive_core.lake.snapshot import Era, era
from golive_core.sight import EVERYTHING, Sight

if TYPE_CHECKING:
    # Processes that only write (parsers) save the 0.15 s of CPU that it takes to import.
    import duckdb

LAYERS = ("raw", "core", "marts", "predictions", "ops")
SCHEMAS = "; ".join(f"create schema {layer}" for layer in LAYERS)
ROOMS = 256
"""Manifests that one DuckDB serves before a new one takes its place."""


def engine() -> duckdb.DuckDBPyConnection:
    """Return a new in-memory DuckDB in UTC that cannot see variables of Python."""
    import duckdb

    connection = duckdb.connect()  # noqa: TID251 - the one place that the rule sends everybody to
    connection.execute(
        "set global TimeZone = 'UTC'; set global python_enable_replacements = false;"
        f"set global parquet_metadata_cache = true; {SCHEMAS}"
    )
    return connection


class House:
    """One DuckDB, in which each manifest has a catalog of its own.

    A catalog is there in 1.5 ms, a DuckDB of its own would take 15.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.made = 0
        self._connection = engine()

    def open(self) -> str:
        """Make a catalog and return its name."""
        self.made += 1
        name = f"lake_{self.made}"
        with self._connection.cursor() as cursor:
            cursor.execute(f"attach ':memory:' as {name}; use {name}; {SCHEMAS}")
        return name

    def cursor(self, name: str) -> duckdb.DuckDBPyConnection:
        """Return a connection of the caller's own to a catalog; the caller closes it."""
        cursor = self._connection.cursor()
        cursor.execute(f"use {name}")
        return cursor

    def close(self, name: str) -> None:
        """Remove a catalog; a forked process leaves those of its parent alone."""
        if self.pid == os.getpid():
            with self._connection.cursor() as cursor:
                cursor.execute(f"detach {name}")


class Engine:
    """A catalog with the views of one manifest, made as they are asked for; threads share it.

    It goes when nobody holds the object any more.
    """

    def __init__(self, house: House) -> None:
        self._house, self._name = house, house.open()
        self._shown: set[str] = set()
        self._lock = threading.Lock()
        weakref.finalize(self, house.close, self._name).atexit = False

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of the caller's own to it; the caller closes it."""
        return self._house.cursor(self._name)

    def show(self, tables: Iterable[str], view: Callable[[str], str]) -> None:
        """Make the views of these tables, if they are not there yet; `view` gives the statement."""
        with self._lock:
            fresh = [name for name in tables if name not in self._shown]
            if fresh:
                with self.cursor() as cursor:
                    cursor.execute("; ".join(view(name) for name in fresh))
                self._shown.update(fresh)


class Engines:
    """The engines of the newest few manifests that were asked, for each way of seeing them.

    One that is pushed out lives until its last user is done. A forked process never uses those of
    its parent. After ROOMS of them the DuckDB is left for a new one: it keeps what it read of
    files that are long replaced.
    """

    def __init__(self, kept: int = 12) -> None:
        self._kept = kept
        self._engines: OrderedDict[tuple[int, Era, Path, int, Sight], Engine] = OrderedDict()
        self._house: House | None = None
        self._lock = threading.Lock()

    def of(self, layout: Layout, found: Manifest, sight: Sight = EVERYTHING) -> Engine:
        """Return the engine of a manifest, with the rows that are seen."""
        key = (os.getpid(), era(layout.root), layout.root, found.n, sight)
        with self._lock:
            if key not in self._engines:
                self._engines[key] = Engine(self._roomy())
            self._engines.move_to_end(key)
            while len(self._engines) > self._kept:
                self._engines.popitem(last=False)
            return self._engines[key]

    def _roomy(self) -> House:
        house = self._house
        if house is None or house.pid != os.getpid() or house.made >= ROOMS:
            house = self._house = House()
        return house

    def close(self) -> None:
        """Let go of all engines."""
        with self._lock:
            self._engines.clear()
            self._house = None


engines = Engines()
atexit.register(engines.close)
"""An engine that is still open when the interpreter ends reports leaks on standard error."""
