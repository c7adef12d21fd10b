"""Repositories made by git for a test, what the source says of them, and what git itself says."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from golive_core.window import Window
from ingest.source import Context, Cursor, Instance, Pulled, Reject, Unit
from ingest.sources.git import GitSource

START = 1_700_000_000


class Repo:
    """A repository that git commands make; its clock moves a minute with every commit."""

    def __init__(self, path: Path, *options: str, make: bool = True) -> None:
        self.path, self.now = path, START
        if make:
            path.mkdir(parents=True, exist_ok=True)
            self.git("init", "-q", "-b", "main", *options)

    def git(self, *args: str, stdin: bytes = b"", **variables: str) -> bytes:
        """Return what git prints; an exit code other than 0 is an error."""
        environment = {**os.environ, **self.who(), **variables}
        done = subprocess.run(
            ["git", "-C", str(self.path), *args], input=stdin, capture_output=True, check=False,
            env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout

    def text(self, *args: str) -> str:
        """Return what git prints, without the newline at its end."""
        return self.git(*args).decode().rstrip("\n")

    def who(self) -> dict[str, str]:
        """Return the identity and the time of the next commit."""
        stamp = f"{self.now} +0100"
        return {
            "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Bob", "GIT_COMMITTER_EMAIL": "bob@example.org",
            "GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp,
        }  # fmt: skip

    def write(self, name: str | bytes, content: str | bytes) -> None:
        """Write a file of the work tree."""
        path = self.path / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(
        self,
        message: str | bytes = "change",
        files: Mapping[str, str] | None = None,
        *options: str,
        **variables: str,
    ) -> str:
        """Write the files, commit all there is and return the sha."""
        for name, content in (files or {}).items():
            self.write(name, content)
        self.now += 60
        self.git("add", "-A")
        text = message.encode() if isinstance(message, str) else message
        self.git(
            "commit", "-q", "--allow-empty", "--allow-empty-message", "--cleanup=verbatim",
            "-F", "-", *options, stdin=text, **variables,
        )  # fmt: skip
        return self.text("rev-parse", "HEAD")

    def raw_commit(self, *, author: str, committer: str, message: bytes = b"odd\n",
                   headers: bytes = b"") -> str:  # fmt: skip
        """Write a commit object that `git commit` would refuse, on top of HEAD, and move there."""
        tree, parent = self.text("write-tree"), self.text("rev-parse", "HEAD")
        head = f"tree {tree}\nparent {parent}\nauthor {author}\ncommitter {committer}\n".encode()
        content = head + headers + b"\n" + message
        write = ("hash-object", "-t", "commit", "-w", "--literally", "--stdin")
        sha = self.git(*write, stdin=content).decode().strip()
        self.git("update-ref", "HEAD", sha)
        return sha

    def shas(self) -> list[str]:
        """Return every commit that branches, tags and HEAD reach, as git lists them."""
        return self.text("rev-list", "--branches", "--tags", "--remotes", "HEAD").splitlines()

    def numstat(self, sha: str) -> list[tuple[str, str | None, str, str]]:
        """Return (path, old path, added, deleted) of a commit as `git log --numstat` has them."""
        said = self.git("log", "-1", "--numstat", "-z", "--format=", sha)
        tokens = said.decode(errors="backslashreplace").removesuffix("\0").split("\0")
        rows: list[tuple[str, str | None, str, str]] = []
        while tokens and tokens[0].strip():
            added, deleted, path = tokens.pop(0).lstrip("\n").split("\t", 2)
            old = None if path else tokens.pop(0)
            rows.append((path or tokens.pop(0), old, added, deleted))
        return rows

    def snapshot(self) -> dict[str, tuple[int, int]]:
        """Return every file with its size and time, to see whether anything was written."""
        files = [path for path in self.path.rglob("*") if path.is_file()]
        stats = {str(path): path.stat() for path in files}
        return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}


@dataclass
class Read:
    """The rows that payloads came to, what was rejected, and where the pull ended."""

    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    pulled: list[Pulled] = field(default_factory=list)

    def __getitem__(self, name: str) -> pl.DataFrame:
        """Return the rows of a core table."""
        return self.tables.get(f"core.{name}", pl.DataFrame())

    @property
    def cursor(self) -> Cursor | None:
        return self.pulled[-1].cursor if self.pulled else None

    def shas(self) -> list[str]:
        """Return the commits, sorted."""
        commits = self["commits"]
        return sorted(commits["sha"]) if commits.width else []

    def commit(self, sha: str) -> dict[str, object]:
        """Return the row of one commit."""
        return self["commits"].row(by_predicate=pl.col("sha") == sha, named=True)

    def files(self, sha: str) -> dict[str, dict[str, object]]:
        """Return the rows of one commit's files by path."""
        rows = self["commit_files"].filter(pl.col("sha") == sha)
        return {row["path"]: row for row in rows.iter_rows(named=True)}

    def branches(self) -> dict[str, dict[str, object]]:
        """Return the rows of branches and tags by short name."""
        return {row["branch"]: row for row in self["branches"].iter_rows(named=True)}


def source(path: Path | str, home: Path, **options: object) -> GitSource:
    """Return the source that reads `path`."""
    instance = Instance("shop-git", "git", "shop", {"path": str(path), **options})
    return GitSource(instance, Context(home=home, base=home.parent))


def read(made: GitSource, cursor: Cursor | None = None, window: Window | None = None) -> Read:
    """Pull, plan and parse, as the assets do."""
    found = Read(pulled=list(made.pull("refs", cursor=cursor, window=window)))
    for batch in found.pulled:
        found.units += made.plan(batch.payloads)
    parse(made, found)
    return found


def parse(made: GitSource, found: Read) -> None:
    """Parse the units of `found` into its tables."""
    frames: dict[str, list[pl.DataFrame]] = {}
    for unit in found.units:
        for parsed in made.parse(unit):
            found.rejects += parsed.rejects
            for name, frame in parsed.tables.items():
                frames.setdefault(name, []).append(frame)
    found.tables = {name: pl.concat(parts) for name, parts in frames.items()}


def assert_same(repo: Repo, found: Read) -> None:
    """Compare every commit and every file row with git's own words."""
    assert found.shas() == sorted(repo.shas())
    for sha in repo.shas():
        assert_same_commit(repo, found, sha)


def assert_same_commit(repo: Repo, found: Read, sha: str) -> None:
    """Compare one commit with `git log -1`."""
    form = "%P%x00%aN%x00%aE%x00%at%x00%cN%x00%cE%x00%ct%x00%B"
    said = repo.git("log", "-1", "-s", f"--format={form}", sha).decode(errors="backslashreplace")
    parents, author, email, authored, committer, mail, committed, message = said.split("\0")
    row = found.commit(sha)
    assert row["parents"] == parents.split()
    assert (row["author_name"], row["author_email"]) == (author, email)
    assert (row["committer_name"], row["committer_email"]) == (committer, mail)
    assert (row["authored_at"].timestamp(), row["committed_at"].timestamp()) == (
        int(authored), int(committed)
    )  # fmt: skip
    assert row["message"] == message.rstrip("\n")
    assert row["is_merge"] == (len(parents.split()) > 1)
    files = repo.numstat(sha)
    have = found.files(sha)
    assert sorted(have) == sorted(path for path, *_ in files)
    for path, old, added, deleted in files:
        assert have[path]["old_path"] == old
        assert have[path]["is_binary"] == (added == "-")
        counts = (have[path]["insertions"], have[path]["deletions"])
        assert counts == ((None, None) if added == "-" else (int(added), int(deleted)))
    numbers = [(int(added), int(deleted)) for *_, added, deleted in files if added != "-"]
    assert row["files_changed"] == len(files)
    assert row["insertions"] == sum(added for added, _ in numbers)
    assert row["deletions"] == sum(deleted for _, deleted in numbers)
