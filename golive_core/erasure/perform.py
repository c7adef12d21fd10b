"""Taking everybody on the list out of a home: rows, bodies, databases, and the past of all of it.

Files of tables are read one by one and replaced where somebody was in them, one transaction each,
while others go on reading and writing; what they write is scrubbed already. Then old versions are
removed with their log, so that time travel ends here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from golive_core.artifacts import ArtifactStore
from golive_core.backup.contents import files, is_database
from golive_core.erasure import databases, shared
from golive_core.erasure.scrub import Scrubber, active
from golive_core.errors import LakeConflictError
from golive_core.lake import Lake

TRIES = 20
LOGS = "logs"


@dataclass(slots=True)
class Changes:
    """What was changed: rows by table, bodies, cells by database, files by path."""

    rows: dict[str, int] = field(default_factory=dict[str, int])
    artifacts: int = 0
    cells: dict[str, int] = field(default_factory=dict[str, int])
    files: list[str] = field(default_factory=list[str])


def erase(home: Path) -> Changes:
    """Take everybody on the list out of the home; what is erased already is left as it is."""
    lake, changes = Lake(home / "lake"), Changes()
    erased = active(lake.root)
    if erased is None:
        return changes
    for table in lake.tables():
        changed = scrub_table(lake, table, erased)
        if changed:
            changes.rows[table] = changed
    store = ArtifactStore(home)
    for path in sorted(store.root.glob("*/*.gz")):
        changes.artifacts += store.rewrite(path.parent.name + path.stem, erased.text)
    for path in databases.of(home):
        changed = databases.scrub(path, erased)
        if changed:
            changes.cells[path.relative_to(home).as_posix()] = changed
    changed = shared.scrub(home, erased)
    if changed:
        changes.cells[shared.NAME] = changed
    changes.files = sorted(_other_files(home, erased))
    return changes


def scrub_table(lake: Lake, table: str, erased: Scrubber) -> int:
    """Replace the files of a table that an erased person is in; return how many rows changed."""
    for _ in range(TRIES):
        try:
            return sum(_scrub_file(lake, table, path, erased) for path in lake.files(table))
        except LakeConflictError:
            continue  # somebody replaced a file meanwhile, what they wrote is looked at again
    return sum(_scrub_file(lake, table, path, erased) for path in lake.files(table))


def _scrub_file(lake: Lake, table: str, path: str, erased: Scrubber) -> int:
    old = lake.read_files(table, [path])
    new = erased.frame(table, old)
    if new is old:
        return 0
    with lake.transaction(f"erase from {table}") as txn:
        txn.rewrite(table, [path], new)
    differs = [
        new[name].ne_missing(old[name]) for name in old.columns
        if new[name] is not old[name]
    ]  # fmt: skip
    hit = differs[0]
    for one in differs[1:]:
        hit |= one
    return int(hit.sum())


def _other_files(home: Path, erased: Scrubber) -> list[str]:
    """Change text files beside lake, bodies and databases, logs too; remove golive.duckdb."""
    found: list[str] = []
    for path in home.glob("*.duckdb"):
        path.unlink()
        found.append(path.name)
    logs = [path.relative_to(home).as_posix() for path in (home / LOGS).glob("*") if path.is_file()]
    for name in (*files(home), *logs):
        path = home / name
        if not (name.startswith("artifacts/") or is_database(path)) and _scrub_text(path, erased):
            found.append(name)
    return found


def _scrub_text(path: Path, erased: Scrubber) -> bool:
    """Change a text file in place: a service that logs into it goes on doing so."""
    try:
        old = path.read_bytes().decode()
    except (UnicodeDecodeError, OSError):
        return False
    new = erased.text(old)
    if new != old:
        with path.open("r+") as file:
            file.write(new)
            file.truncate()
    return new != old
