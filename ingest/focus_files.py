"""Which files are cost exports that count now, and what is known of each.

Files are known by their slot: the path, or with `runs` the path without the folder of the run, so
that a later run stands in for an earlier one. What is in them is read in `ingest/focus_pieces.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from ingest.files import Found, Search

SUFFIXES = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was taken last; `sha` is empty while nothing of it could be read."""

    path: str
    size: int
    mtime_ns: int
    sha: str = ""
    form: str = ""


@dataclass(slots=True)
class Exports:
    """The files of one instance and what is known of them, by slot."""

    base: Path
    search: Search
    is_in_runs: bool
    seen: dict[str, Seen] = field(default_factory=dict[str, Seen])

    @classmethod
    def of(
        cls, base: Path, search: Search, *, runs: bool, cursor: Mapping[str, Any] | None
    ) -> Exports:
        """Return the state that a cursor stores."""
        stored: Mapping[str, Any] = (cursor or {}).get("files", {})
        return cls(base, search, runs, {slot: Seen(**one) for slot, one in stored.items()})

    def cursor(self) -> dict[str, Any]:
        """Return the state as JSON."""
        return {"files": {slot: asdict(one) for slot, one in sorted(self.seen.items())}}

    def present(self) -> dict[str, Found]:
        """Return the files that count now, by slot."""
        found = self.search.files()
        if not self.is_in_runs:
            return {self.name(one): one for one in found}
        newest: dict[Path, tuple[int, Path]] = {}
        for one in found:
            run = one.path.parent
            newest[run.parent] = max(newest.get(run.parent, (0, run)), (one.mtime_ns, run))
        current = {run for _, run in newest.values()}
        return {self._slot(one): one for one in found if one.path.parent in current}

    def name(self, found: Found) -> str:
        """Return the path as a person writes it."""
        return str(found.path).removeprefix(f"{self.base}/")

    def _slot(self, found: Found) -> str:
        run = found.path.parent
        return f"{run.parent}/*/{found.path.name}".removeprefix(f"{self.base}/")

    def is_known(self, slot: str, found: Found) -> bool:
        """Tell by stat alone whether the file is as it was taken."""
        seen = self.seen.get(slot)
        now = (self.name(found), found.size, found.mtime_ns)
        return seen is not None and (seen.path, seen.size, seen.mtime_ns) == now

    def superseded(self, present: Mapping[str, Found]) -> list[str]:
        """Return the slots that the newest run of their folder has no file for."""
        if not self.is_in_runs:
            return []
        groups = {slot.partition("/*/")[0] for slot in present}
        return [slot for slot in self.seen
                if slot not in present and slot.partition("/*/")[0] in groups]  # fmt: skip


def remembered(path: Path) -> dict[str, Any]:
    """Return what was noted of the files, for a pull that forgets the cursor."""
    with suppress(OSError, ValueError):
        return cast("dict[str, Any]", json.loads(path.read_text("utf-8")))
    return {}


def remember(path: Path, cursor: Mapping[str, Any]) -> None:
    """Note what is known of the files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(cursor), "utf-8")
    draft.replace(path)
