"""What `git diff-tree` prints about commits, to rows of core.commits and core.commit_files.

Pure: bytes in, frames out. Which commits are asked for and how git is run is in
`ingest/sources/git.py`. There is no object per commit: header lines and file cells go into lists,
and a few thousand commits at a time become frames.

The output of `LOG` is one record per commit, and records are parted by two NULs in a row:

    header   nine lines, the last being the whole message (no line of the others can hold a newline)
    NUL      and then, if the commit has a diff, a newline and
    raw      `:mode mode blob blob LETTER` NUL path NUL, with two paths for a rename or copy
    numstat  `added TAB deleted TAB path` NUL, or without path and two paths behind it

Nothing else can be two NULs in a row: a header, a path and a message never hold one and a path is
never empty. `--raw` comes with `--numstat` for the letter, and costs nothing beside the diff
(4.66 s with it, 4.69 s without, on 18,637 commits of pytest).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat

import polars as pl

from golive_core import schema
from golive_core.errors import SourceDataError
from golive_core.schema import DTYPES

SEPARATOR = "\0\0"
HEADER = "%x00%H%n%P%n%aN%n%aE%n%at%n%cN%n%cE%n%ct%n%B"
FIELDS = (
    "sha", "parents", "author_name", "author_email", "authored_at", "committer_name",
    "committer_email", "committed_at", "message",
)  # fmt: skip
"""The columns that the lines of HEADER become."""
HEADS = (
    "log", "--no-walk=unsorted", "--ignore-missing", "--stdin", "-s", "-z",
    "--no-show-signature", "--no-decorate",
    "--no-color", "--encoding=UTF-8", f"--format={HEADER}",
)  # fmt: skip
"""Metadata alone. Not diff-tree, which looks at the parent even if it is not asked for changes."""
LOG = (
    "diff-tree", "--stdin", "--always", "-r", "--root", "-z", "--raw", "--numstat", "-M", "-l1000",
    "--diff-algorithm=default", "--no-relative", "--submodule=short", "--ignore-submodules=none",
    "--no-ext-diff", "--no-textconv", "--no-color", "--encoding=UTF-8", f"--format={HEADER}",
)  # fmt: skip
"""`git log --raw --numstat`, as plumbing: it streams, and what log.* says does not change it.

Renames are found as git log finds them (-M, at most 1,000 candidates); line counts do not depend on
the algorithm that somebody set for display. Merges have no diff, as in git log.
"""
KINDS = {
    "A": "added", "M": "modified", "D": "deleted", "R": "renamed", "C": "copied",
    "T": "type_changed",
}  # fmt: skip
COMMITS_A_FRAME = 5_000
FILES_A_FRAME = 100_000
CHARS_A_FRAME = 16_000_000
LAST_SECOND = 253_402_300_799
"""9999-12-31T23:59:59Z: later (or unreadable) times are 1970-01-01, as git itself shows them."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of `commits` and `files`, shaped as core.commits and core.commit_files."""

    commits: pl.DataFrame
    files: pl.DataFrame


@dataclass(slots=True)
class LogParser:
    """Turns the output of `LOG`, or of `HEADS` if not `has_changes`, into rows.

    Without changes the counts are null: unknown is not zero. `seen` counts the records that are
    whole, so that the caller knows which commit git failed at.
    """

    repository_id: str
    project_id: str
    has_changes: bool = True
    seen: int = 0
    _heads: list[list[str]] = field(default_factory=list[list[str]])
    _files: list[int] = field(default_factory=list[int])
    _added_by: list[int] = field(default_factory=list[int])
    _deleted_by: list[int] = field(default_factory=list[int])
    _kinds: list[str] = field(default_factory=list[str])
    _paths: list[str] = field(default_factory=list[str])
    _old_paths: list[str | None] = field(default_factory=list[str | None])
    _added: list[int | None] = field(default_factory=list[int | None])
    _deleted: list[int | None] = field(default_factory=list[int | None])
    _chars: int = 0

    def feed(self, chunks: Iterable[bytes]) -> Iterator[Rows]:
        """Yield rows whenever enough are gathered; what the end leaves is in `rest`.

        Raises SourceDataError for output that is not of this form.
        """
        for part in records(chunks):
            for record in part:
                self._record(record)
            if self._is_full():
                yield self.rest()

    def whole(self, chunks: Iterable[bytes]) -> Iterator[Rows]:
        """Yield all rows of an output of which nothing follows; raises as `feed` does."""
        yield from self.feed(chunks)
        yield self.rest()

    def rest(self) -> Rows:
        """Return the rows gathered since the last ones, and forget them."""
        commits = self._commit_rows()
        rows = Rows(commits, self._file_rows(commits))
        for cells in (
            self._heads, self._files, self._added_by, self._deleted_by, self._kinds, self._paths,
            self._old_paths, self._added, self._deleted,
        ):  # fmt: skip
            cells.clear()
        self._chars = 0
        return rows

    def _is_full(self) -> bool:
        return (
            len(self._heads) >= COMMITS_A_FRAME
            or len(self._paths) >= FILES_A_FRAME
            or self._chars >= CHARS_A_FRAME
        )

    def _record(self, record: str) -> None:
        """Take one commit; a diff of which the counts are missing is not whole and is left out."""
        head, _, diff = record.partition("\0")
        before = len(self._paths)
        if diff:
            try:
                self._diff(diff.split("\0"), before)
            except (IndexError, KeyError, ValueError) as error:
                self._forget(before)
                raise SourceDataError(
                    f"git's list of changed files cannot be read: {record[:200]!r}",
                    hint="Is the repository damaged? Try: git fsck",
                ) from error
        fields = head.split("\n", len(FIELDS) - 1)
        if len(fields) != len(FIELDS):
            raise SourceDataError(f"git's commit header cannot be read: {record[:200]!r}")
        self._heads.append(fields)
        self._files.append(len(self._paths) - before)
        self._added_by.append(sum(filter(None, self._added[before:])))
        self._deleted_by.append(sum(filter(None, self._deleted[before:])))
        self._chars += len(record)
        self.seen += 1

    def _diff(self, tokens: list[str], before: int) -> None:
        at = self._raw(tokens)
        last = len(tokens)
        row = before
        while at < last:
            added, deleted, path = tokens[at].split("\t", 2)
            if path:
                at += 1
            else:  # a rename or copy: the old and the new path follow
                path = tokens[at + 2]
                at += 3
            if path != self._paths[row]:
                raise ValueError(path)
            is_text = added != "-"
            self._added.append(int(added) if is_text else None)
            self._deleted.append(int(deleted) if is_text else None)
            row += 1
        if row != len(self._paths):
            raise IndexError(row)

    def _raw(self, tokens: list[str]) -> int:
        """Take the raw part and return where numstat begins."""
        tokens[0] = tokens[0][1:]  # the newline between header and diff
        at, last = 0, len(tokens)
        while at < last and tokens[at].startswith(":"):
            letter = tokens[at][tokens[at].rindex(" ") + 1]
            self._kinds.append(KINDS[letter])
            if letter in "RC":
                self._old_paths.append(tokens[at + 1])
                self._paths.append(tokens[at + 2])
                at += 3
            else:
                self._old_paths.append(None)
                self._paths.append(tokens[at + 1])
                at += 2
        return at

    def _forget(self, before: int) -> None:
        for cells in (self._kinds, self._paths, self._old_paths, self._added, self._deleted):
            del cells[before:]

    def _commit_rows(self) -> pl.DataFrame:
        columns = zip(*self._heads, strict=True) if self._heads else [()] * len(FIELDS)
        cells = {
            name: pl.Series(name, column, dtype=DTYPES["text"])
            for name, column in zip(FIELDS, columns, strict=True)
        }
        counts = {
            "files_changed": self._files, "insertions": self._added_by,
            "deletions": self._deleted_by,
        }  # fmt: skip
        if self.has_changes:
            cells |= {name: pl.Series(name, have, pl.Int64) for name, have in counts.items()}
        return schema.conform(schema.COMMITS, pl.DataFrame(cells).with_columns(self._made()))

    def _made(self) -> Sequence[pl.Expr]:
        message = pl.col("message").str.strip_chars_end("\n")
        parents = pl.col("parents")
        return (
            pl.lit(self.repository_id).alias("repository_id"),
            pl.lit(self.project_id).alias("project_id"),
            instant("authored_at"),
            instant("committed_at"),
            instant("committed_at").dt.date().alias("day"),
            message,
            message.str.strip_chars_start("\n").str.splitn("\n", 2).struct.field("field_0")
            .str.strip_chars_end().fill_null("").alias("subject"),
            pl.when(parents == "").then(pl.lit([], pl.List(pl.String)))
            .otherwise(parents.str.split(" ")).alias("parents"),
            parents.str.contains(" ", literal=True).alias("is_merge"),
        )  # fmt: skip

    def _file_rows(self, commits: pl.DataFrame) -> pl.DataFrame:
        owner = pl.Series(
            chain.from_iterable(repeat(row, count) for row, count in enumerate(self._files)),
            dtype=pl.UInt32,
        )
        added = pl.Series(self._added, dtype=pl.Int64)
        frame = pl.DataFrame(
            {
                "repository_id": pl.Series([self.repository_id]).new_from_index(0, owner.len()),
                "sha": commits["sha"].gather(owner),
                "path": pl.Series(self._paths, dtype=pl.String),
                "day": commits["day"].gather(owner),
                "old_path": pl.Series(self._old_paths, dtype=pl.String),
                "change_type": pl.Series(self._kinds, dtype=pl.String),
                "insertions": added,
                "deletions": pl.Series(self._deleted, dtype=pl.Int64),
                "is_binary": added.is_null(),
            }
        )
        return schema.conform(schema.COMMIT_FILES, frame)


def records(chunks: Iterable[bytes]) -> Iterator[list[str]]:
    r"""Yield lists of whole records, decoded; bytes that are not UTF-8 become \xNN escapes."""
    held = bytearray(b"\0")  # with it, the first record begins like every other
    looked_at = 1
    for chunk in chunks:
        held += chunk
        cut = held.rfind(b"\0\0", looked_at)
        if cut < 0:
            looked_at = max(len(held) - 1, 1)
            continue
        yield _split(held[:cut])
        del held[:cut]
        looked_at = 1
    if len(held) > 1:
        yield _split(held.removesuffix(b"\0"))


def _split(text: bytearray) -> list[str]:
    before, *found = text.decode(errors="backslashreplace").split(SEPARATOR)
    if before:
        raise SourceDataError(f"git's list of commits cannot be read: {before[:200]!r}")
    return found


def instant(name: str) -> pl.Expr:
    """Return the column of decimal seconds since 1970 as an instant, within 1970 to 9999."""
    seconds = pl.col(name).cast(pl.Int64, strict=False)
    known = pl.when(seconds.is_between(0, LAST_SECOND)).then(seconds).otherwise(0)
    return (known * 1_000_000).cast(DTYPES["at"]).alias(name)
