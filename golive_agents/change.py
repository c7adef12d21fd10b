"""What a range of commits changes: its files and lines, read from git, which runs nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from golive_agents.diff import ChangedFile, parse
from golive_core.errors import UsageError
from ingest.git_command import Git

LARGEST = 4 << 20
"""Bytes of a diff that are read as one change; nobody reviews more at once."""
NAMED = 500
"""Commits of a range that are looked up."""


@dataclass(frozen=True, slots=True)
class Change:
    """Files that differ between two commits; the shas are "" for a diff that somebody sent.

    `branch` is the branch that the range ends at, "" where it names none; `authors` wrote `shas`,
    the commits of the range, newest first.
    """

    name: str
    files: tuple[ChangedFile, ...]
    base: str = ""
    head: str = ""
    branch: str = ""
    shas: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()

    @property
    def paths(self) -> list[str]:
        """The paths as they are after the change, and as they were before a renaming."""
        told = [path for one in self.files for path in (one.path, one.old_path) if path]
        return list(dict.fromkeys(told))

    @property
    def lines(self) -> Mapping[str, frozenset[int]]:
        """The numbers of the new lines by path."""
        return {one.path: one.added for one in self.files if one.kind != "deleted"}


@dataclass(frozen=True)
class Clone:
    """A repository on this machine, of which ranges are asked; raises SourceError where git does.

    Raises UsageError where the folder is in no repository.
    """

    folder: Path
    top: Path = field(init=False)

    def __post_init__(self) -> None:
        asked = Git(str(self.folder), ("-C", str(self.folder)))
        said = asked.run("rev-parse", "--show-toplevel", accept=(0, 128))
        top = said.decode(errors="surrogateescape").rstrip("\n")
        if not top:
            raise UsageError("it is in no work tree of git", where=str(self.folder),
                             hint="Name one with --repo")  # fmt: skip
        object.__setattr__(self, "top", Path(top))

    @property
    def git(self) -> Git:
        """Git at the top of the work tree: paths are those of its commits."""
        return Git(str(self.folder), ("-C", str(self.top)))

    def change(self, wanted: str) -> Change:
        """Return a range: `A..B`, `A...B` (since they parted), or one commit against its parent.

        Raises UsageError for what is no range, changes nothing, or is too large to review.
        """
        base, head, last = self._ends(wanted)
        text = self._diff(base, head)
        if len(text) > LARGEST:
            raise UsageError(
                f"the diff has more than {LARGEST >> 20} MiB", where=wanted,
                hint="Review it in parts: golive review A..B",
            )  # fmt: skip
        files = parse(text)
        if not files:
            raise UsageError("it changes no file", where=wanted, hint="For example main...HEAD")
        shas = self._shas(base, head)
        return Change(wanted, files, base, head, self._branch(last), shas, self._authors(shas))

    def text(self, sha: str, path: str) -> str | None:
        """Return a file as it is in a commit; None where there is none, or no text."""
        raw = self.git.run("cat-file", "blob", f"{sha}:{path}", accept=(0, 128))
        return None if b"\0" in raw else raw.decode(errors="replace") if raw else None

    def _ends(self, wanted: str) -> tuple[str, str, str]:
        """Return the commits that are compared, and how the last was named; base "" for a root."""
        first, dots, last = wanted.partition("...")
        if not dots:
            first, dots, last = wanted.partition("..")
        if not dots:
            head = self.commit(wanted)
            return self._parent(head), head, wanted
        old, head = self.commit(first or "HEAD"), self.commit(last or "HEAD")
        if dots == "...":
            said = self.git.run("merge-base", old, head, accept=(0, 1)).decode().split()
            if not said:
                raise UsageError("they have no commit in common", where=wanted)
            old = said[0]
        return old, head, last or "HEAD"

    def commit(self, name: str) -> str:
        """Return the sha of a commit; raises UsageError if there is none of that name."""
        if name.startswith("-"):
            raise UsageError(f"{name} is no commit", hint="For example HEAD or main...feature")
        said = self.git.run("rev-parse", "--verify", "--quiet", "--end-of-options",
                            f"{name}^{{commit}}", accept=(0, 1, 128))  # fmt: skip
        if not said:
            raise UsageError(f"there is no commit {name!r}", where=str(self.folder),
                             hint="For example HEAD or main...feature")  # fmt: skip
        return said.decode().strip()

    def _parent(self, sha: str) -> str:
        said = self.git.run("rev-parse", "--verify", "--quiet", f"{sha}^1", accept=(0, 1, 128))
        return said.decode().strip()

    def _diff(self, base: str, head: str) -> str:
        ends = [base, head] if base else ["--root", "--no-commit-id", head]
        raw = self.git.run(
            "-c", "core.quotePath=false", "-c", "diff.noprefix=false", "-c",
            "diff.mnemonicPrefix=false", "diff-tree", "-r", "-p", "-M", "--no-ext-diff",
            "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/", "--unified=3",
            "--ignore-submodules=all", *ends,
        )  # fmt: skip
        return raw[: LARGEST + 1].decode(errors="replace").replace("\r\n", "\n")

    def _shas(self, base: str, head: str) -> tuple[str, ...]:
        without = [f"^{base}"] if base else []
        said = self.git.run("rev-list", f"--max-count={NAMED}", head, *without)
        return tuple(said.decode().split())

    def _authors(self, shas: tuple[str, ...]) -> tuple[str, ...]:
        if not shas:
            return ()
        given = "\n".join(shas).encode()
        said = self.git.run("log", "--no-walk=unsorted", "--stdin", "--format=%aN", stdin=given)
        return tuple(dict.fromkeys(said.decode(errors="backslashreplace").splitlines()))

    def _branch(self, name: str) -> str:
        said = self.git.run("rev-parse", "--abbrev-ref", "--end-of-options", name, accept=(0, 128))
        found = said.decode(errors="backslashreplace").split()
        return found[-1] if found and found[-1] not in {"HEAD", "--end-of-options"} else ""
