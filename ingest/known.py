"""What a source of files has seen: so that an unchanged file costs one stat, whatever their number.

The cursor of the source names a file of this store and carries what came since that was written.
The store is folded anew once the rest has grown, so a pull writes what is new and, now and then,
all; a state that was written is never changed, so a cursor stays true whatever happens after it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl

FOLD_AT = 256
"""Entries that the cursor itself carries at most, and a twentieth of what is known."""
SHARE = 20
JOURNAL = "recent.jsonl"
"""What the cursor carries, once more: a pull that forgets the cursor still knows the builds."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, or one member of an archive; times in µs since 1970.

    `payload_id` is empty for what is no report. `suites` joins names by newlines; None is any.
    """

    path: str
    size: int
    mtime_ns: int
    payload_id: str = ""
    build_id: str = ""
    started_at: int = 0
    ended_at: int = 0
    has_failed: bool = False
    is_alone: bool = False
    suites: str | None = None
    artifact: str = ""


SCHEMA = {
    "path": pl.String, "size": pl.Int64, "mtime_ns": pl.Int64, "payload_id": pl.String,
    "build_id": pl.String, "started_at": pl.Int64, "ended_at": pl.Int64,
    "has_failed": pl.Boolean, "is_alone": pl.Boolean, "suites": pl.String,
    "artifact": pl.String,
}  # fmt: skip

cells: Callable[[Entry], tuple[Any, ...]] = attrgetter(*SCHEMA)
"""The fields of an entry in order. `dataclasses.astuple` copies them deeply: 80 times the cost."""


@dataclass(slots=True)
class Known:
    """Entries by path and by payload. Reads and writes below `folder` only."""

    folder: Path
    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    payloads: dict[str, Entry] = field(default_factory=dict[str, Entry])
    builds: dict[str, list[Entry]] = field(default_factory=dict[str, list[Entry]])
    _base: str = ""
    _recent: list[Entry] = field(default_factory=list[Entry])
    _unwritten: list[Entry] = field(default_factory=list[Entry])

    @classmethod
    def load(cls, folder: Path, cursor: Mapping[str, Any] | None) -> Known:
        """Return what the cursor stands for; a missing file of the store counts as nothing known.

        Without a cursor no file is known, but the build that a payload went to still is: reading
        everything again must not put it elsewhere.
        """
        known = cls(folder)
        if cursor:
            known._base = str(cursor.get("base", ""))
            known._read(known._base)
            for row in cursor.get("recent", ()):
                known.note(Entry(*row))
            known._unwritten.clear()
            return known
        for path in sorted(folder.glob("*.parquet"), key=lambda one: one.stat().st_mtime):
            known._read(path.stem)
        known._read_journal()
        known.entries.clear()
        return known

    def _read_journal(self) -> None:
        """Add what was noted since the last folding; a torn last line is left out."""
        path = self.folder / JOURNAL
        for line in path.read_text("utf-8").splitlines() if path.exists() else ():
            with suppress(ValueError, TypeError):
                self._add(Entry(*json.loads(line)))

    def _read(self, base: str) -> None:
        path = self.folder / f"{base}.parquet"
        if not base or not path.exists():
            return
        for row in pl.read_parquet(path).iter_rows():
            self._add(Entry(*row))

    def note(self, entry: Entry) -> None:
        """Remember an entry; it replaces what was known of its path."""
        self._recent.append(entry)
        self._unwritten.append(entry)
        self._add(entry)

    def _add(self, entry: Entry) -> None:
        self.entries[entry.path] = entry
        if entry.payload_id:
            first = self.payloads.setdefault(entry.payload_id, entry)
            if first is entry:
                self.builds.setdefault(entry.build_id, []).append(entry)

    def is_same(self, path: str, size: int, mtime_ns: int) -> bool:
        """Tell whether the file was seen as it is now."""
        entry = self.entries.get(path)
        return entry is not None and entry.size == size and entry.mtime_ns == mtime_ns

    def cursor(self) -> dict[str, object]:
        """Return the cursor for the state now; writes a file of the store where it is time."""
        if len(self._recent) > max(FOLD_AT, len(self.entries) // SHARE):
            self._fold()
        elif self._unwritten:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / JOURNAL).open("a", encoding="utf-8") as journal:
                journal.writelines(f"{json.dumps(cells(one))}\n" for one in self._unwritten)
        self._unwritten.clear()
        return {"base": self._base, "recent": [list(cells(one)) for one in self._recent]}

    def _fold(self) -> None:
        """Write all entries, and drop the files that neither this nor the last cursor names."""
        keep, self._base = self._base, uuid4().hex
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write(self._all(), self.folder / f"{self._base}.parquet")
        self._recent.clear()
        (self.folder / JOURNAL).unlink(missing_ok=True)
        for path in self.folder.glob("*.parquet"):
            if path.stem not in (keep, self._base):
                path.unlink(missing_ok=True)

    def _all(self) -> Iterable[Entry]:
        """Return entries by path, after those whose file is something else by now."""
        return {id(one): one for one in (*self.payloads.values(), *self.entries.values())}.values()

    def _write(self, entries: Iterable[Entry], path: Path) -> None:
        rows = [cells(one) for one in entries]
        draft = path.with_suffix(".draft")
        pl.DataFrame(rows, schema=SCHEMA, orient="row").write_parquet(draft)
        draft.replace(path)
