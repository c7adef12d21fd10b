"""The refs of a repository: what git lists, what a payload says about them, their core rows.

Pure: no git is run here. A payload holds the refs as received and, for those that moved since the
payload before it, where they stood, so that which commits are new follows from the payload and
the commits themselves alone, however often it is asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import polars as pl

from golive_core import schema

HEADS, TAGS, REMOTES = "refs/heads/", "refs/tags/", "refs/remotes/"
HEAD = "HEAD"
PREFIXES = ("refs/heads", "refs/tags", "refs/remotes")
"""What counts unless somebody says more: no stashes, notes or replacements."""
FORMAT = "%(HEAD)%(objectname) %(refname) %(symref)"
"""For `git for-each-ref`: an asterisk at the checked out branch, object id, name, alias target."""


@dataclass(frozen=True, slots=True)
class Refs:
    """The refs of a repository at one moment.

    `refs` has object ids by full name (`HEAD` only where no branch is checked out, other work
    trees as `worktree <path>`), `peeled` the commits behind those that are not commits themselves
    (None for a tag of something else), `head` the full name of the branch that HEAD names, None
    if it is not there. `shallow` are the commits whose parents the clone lacks.
    """

    refs: dict[str, str] = field(default_factory=dict[str, str])
    peeled: dict[str, str | None] = field(default_factory=dict[str, str | None])
    head: str | None = None
    shallow: list[str] = field(default_factory=list[str])

    @property
    def digest(self) -> str:
        """SHA-256 of where everything stands."""
        words = [self.head or "", *(f"{sha} {name}" for name, sha in sorted(self.refs.items()))]
        return hashlib.sha256("\n".join([*words, *sorted(self.shallow)]).encode()).hexdigest()

    def tip(self, name: str) -> str | None:
        """Return the commit that a ref leads to, None if there is none."""
        return self.peeled.get(name, self.refs.get(name))

    def tips(self) -> list[str]:
        """Return the commits that refs lead to, each once, in a fixed order."""
        return sorted({tip for name in self.refs if (tip := self.tip(name))})

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Return the refs that a cursor or a payload holds."""
        return cls(
            dict(data["refs"]), dict(data["peeled"]), data["head"], list(data.get("shallow", ()))
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object that `of` reads."""
        return {
            "refs": self.refs, "peeled": self.peeled, "head": self.head, "shallow": self.shallow,
        }  # fmt: skip


def from_list(text: bytes) -> Refs:
    """Return what `git for-each-ref --format=FORMAT` printed; aliases are no refs of their own.

    Where HEAD is not on a branch, the branch that `origin` calls its own is taken for the default.
    """
    refs: dict[str, str] = {}
    head = remote = None
    for line in text.decode(errors="backslashreplace").splitlines():
        sha, name, alias = line[1:].split(" ", 2)
        if name == f"{REMOTES}origin/HEAD":
            remote = alias
        if alias:
            continue
        refs[name] = sha
        if line[:1] == "*":
            head = name
    return Refs(refs, head=head or (remote if remote in refs else None))


def from_remote(text: bytes, prefixes: Sequence[str]) -> Refs:
    """Return what `git ls-remote --symref` printed, of the refs below the prefixes."""
    refs: dict[str, str] = {}
    head = None
    wanted = tuple(f"{prefix.rstrip('/')}/" for prefix in prefixes)
    for line in text.decode(errors="backslashreplace").splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: "):
            head = value.removeprefix("ref: ") if name == HEAD else head
        elif name == HEAD and head is None:
            refs[HEAD] = value
        elif name.startswith(wanted) and not name.endswith("^{}"):
            refs[name] = value
    return Refs(refs, head=head if head in refs else None)


@dataclass(frozen=True, slots=True)
class News:
    """A payload: the refs now, and where those that moved stood at the payload before.

    `before` is None for the first payload; in its `refs` a name that was not there is None.
    `seen_at` is when the refs were read (ISO 8601).
    """

    now: Refs
    seen_at: str
    before: Mapping[str, Any] | None = None

    @classmethod
    def since(cls, now: Refs, before: Refs | None, seen_at: datetime) -> Self:
        """Return the payload for refs that stood at `before` (None: never seen)."""
        if before is None:
            return cls(now, seen_at.isoformat())
        names = sorted(now.refs.keys() | before.refs.keys())
        moved = {name: before.tip(name) for name in names if _moved(name, now, before)}
        known = {"refs": moved, "head": before.head, "shallow": before.shallow}
        return cls(now, seen_at.isoformat(), known)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Return the payload of a decoded body."""
        return cls(Refs.of(data), data["seen_at"], data["before"])

    def body(self) -> bytes:
        """Return the raw body: the same news give the same bytes."""
        data = {**self.now.to_json(), "seen_at": self.seen_at, "before": self.before}
        return json.dumps(data, sort_keys=True).encode()

    def old_tips(self) -> list[str]:
        """Return the commits that the refs led to before, each once, in a fixed order."""
        if self.before is None:
            return []
        moved: dict[str, str | None] = self.before["refs"]
        stayed = {self.now.tip(name) for name in self.now.refs if name not in moved}
        return sorted(filter(None, stayed | set(moved.values())))

    def old_shallow(self) -> list[str]:
        """Return the commits whose parents were lacking before."""
        return list(self.now.shallow if self.before is None else self.before["shallow"])

    def heads(self) -> list[str]:
        """Return the names of branches and tags of which core has to hear."""
        names = set(self.now.refs) if self.before is None else set(self.before["refs"])
        if self.before is not None and self.before["head"] != self.now.head:
            names |= {name for name in (self.before["head"], self.now.head) if name}
        return sorted(name for name in names if name.startswith("refs/"))


def _moved(name: str, now: Refs, before: Refs) -> bool:
    return now.refs.get(name) != before.refs.get(name)


def repository_row(
    refs: Refs, *, repository_id: str, project_id: str, source: str, url: str
) -> pl.DataFrame:
    """Return the row of core.repositories."""
    cells = {
        "repository_id": repository_id, "project_id": project_id, "source": source, "url": url,
        "default_branch": _default(refs.head) if refs.head else None,
        "is_shallow": bool(refs.shallow),
    }  # fmt: skip
    return pl.DataFrame([cells], schema=schema.REPOSITORIES.schema)


def _default(head: str) -> str:
    """Return the name that builds give the default branch, also where only origin has it."""
    return short_name(head.removeprefix(f"{REMOTES}origin/"))


def branch_rows(news: News, repository_id: str, times: Mapping[str, datetime]) -> pl.DataFrame:
    """Return rows of core.branches for what moved, came or went.

    `times` has the committer time of commits: that of its head stands in for the time at which a
    branch last moved where nobody has watched it yet, so that a first look is repeatable.
    """
    seen_at = datetime.fromisoformat(news.seen_at)
    moved: Mapping[str, str | None] = news.before["refs"] if news.before else {}
    rows: list[dict[str, object]] = []
    for name in news.heads():
        now = news.now.tip(name)
        head = now or moved.get(name)
        if head is None:  # a tag of a file or a tree
            continue
        rows.append(
            {
                "repository_id": repository_id, "branch": short_name(name),
                "kind": "tag" if name.startswith(TAGS) else "branch",
                "head_sha": head, "is_default": name == news.now.head,
                "is_deleted": now is None,
                "updated_at": seen_at if news.before else times.get(head, seen_at),
            }
        )  # fmt: skip
    return pl.DataFrame(rows, schema=schema.BRANCHES.schema)


def short_name(ref: str) -> str:
    """Return a ref's name as people say it: `main`, `v1.0`, `origin/main`, `pull/7/head`."""
    for prefix in (HEADS, TAGS, REMOTES, "refs/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return ref
