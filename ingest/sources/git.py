"""The `git` source: commits, changed files, branches and tags of any Git repository.

    path  a repository on this machine, read where it is and never written to
    url   anything `git clone` takes; a bare mirror is kept below `.golive/mirrors`

The payload is the list of refs; Git itself stays the store of the commits. Which of them are new
is the difference between what the refs of a payload and those of the one before it reach. Reading
a repository is in `ingest/git_repository.py`, running git in `ingest/git_command.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from pydantic import BaseModel

from golive_core.errors import SourceError
from golive_core.settings import resolve
from golive_core.window import Window
from ingest import git_command
from ingest.git_command import Git
from ingest.git_mirror import Mirror
from ingest.git_options import GitOptions, apart
from ingest.git_repository import Repository, lines
from ingest.parse import git_refs
from ingest.parse.git_refs import News, Refs
from ingest.source import Context, Cursor, Finding, Instance, Parsed, Pulled, Reject, Stream, Unit

UNIT_COMMITS = 20_000
SHORT = 3
"""Units of a history that is not worth worker processes."""
PROCESSES = 4
"""git processes that one unit may keep busy; each takes 100 to 200 MB."""


class GitSource:
    """Reads one repository."""

    type: ClassVar[str] = "git"
    title: ClassVar[str] = "Git repository"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            "refs", "branches, tags and the commits that they reach",
            ("core.repositories", "core.branches", "core.commits", "core.commit_files"),
        ),
    )  # fmt: skip
    scopes: ClassVar[tuple[str, ...]] = ("read access to the repository",)
    example: ClassVar[str] = """[source.shop-git]
type = "git"
project = "shop"
path = "."                    # or: url = "https://git.example.org/shop.git"
# user = "bot"                # for a private URL, with
# token = "env:GIT_TOKEN"
# refs = ["refs/heads", "refs/tags", "refs/remotes", "refs/pull"]
"""
    Options: ClassVar[type[BaseModel]] = GitOptions

    def __init__(self, instance: Instance, context: Context) -> None:
        self.instance, self.context = instance, context
        self.options = GitOptions.model_validate(dict(instance.options))
        url, self._user, self._password = apart(self.options.url or "")
        folder = context.base / Path(self.options.path or ".").expanduser()
        self.url = url or str(folder.resolve())
        self.where = f"{instance.name}: {self.url}"

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell whether a ref moved: by listing them here, or by one request."""
        if cursor is None:
            return True
        git_command.require(self.where)
        there = self._mirror.ask() if self.options.url else self._repository.refs()
        return there.digest != cursor["asked"]

    def pull(
        self, stream: str, *, cursor: Cursor | None, window: Window | None
    ) -> Iterator[Pulled]:
        """Yield at most one payload: the refs, or with `window` its commits by committer time."""
        git_command.require(self.where)
        asked = ""
        if self.options.url:
            there = self._mirror.ask()
            asked = there.digest
            if cursor and not window and asked == cursor["asked"]:
                return
            self._mirror.fetch(there)
        before = Refs.of(cursor) if cursor else None
        now = self._repository.refs(before)
        body = self._window(now, window) if window else _news(now, before)
        if body:
            position = {**now.to_json(), "digest": now.digest, "asked": asked or now.digest}
            yield Pulled(self._payload(body, now), position, requests=2 if asked else 1)

    def plan(self, payloads: pl.DataFrame) -> Iterator[Unit]:
        """Yield a unit for the refs and units of like cost for the commits that they bring."""
        git_command.require(self.where)
        for number in range(payloads.height):
            payload = payloads.slice(number, 1)
            data = json.loads(payload["body"][0])
            yield Unit("refs", payload, {"kind": "refs"})
            if "commits" in data:
                new = lines(data["commits"])
            else:
                new = self._repository.new_commits(News.of(data))
            lean = payload.with_columns(pl.lit(None, pl.Binary).alias("body"))
            yield from _units(lean, new, data["shallow"])

    def parse(self, unit: Unit) -> Iterator[Parsed]:
        """Yield the rows of a unit; a commit that git cannot read is rejected, the rest goes on."""
        if unit.notes["kind"] == "refs":
            yield self._refs(json.loads(unit.payloads["body"][0]))
            return
        shas: bytes = unit.notes["shas"]
        if unit.notes["kind"] == "log":
            found = self._repository.log(shas, processes=unit.notes["processes"])
        else:
            found = self._repository.heads(shas)
        for rows in found:
            if isinstance(rows, Reject):
                yield Parsed({}, [rows])
            else:
                yield Parsed({"core.commits": rows.commits, "core.commit_files": rows.files})

    def check(self) -> Iterator[Finding]:
        """Yield what doctor should know: git, the repository, its completeness, its clock."""
        try:
            git_command.require(self.where)
            yield Finding("git", "ok", ".".join(map(str, git_command.version())))
            if self.options.url:
                there = self._mirror.ask()
                yield Finding("remote", "ok", f"{len(there.refs)} refs at {self.url}")
                self._mirror.fetch(there)
            yield from self._condition(self._repository)
        except SourceError as error:
            yield Finding("repository", "failed", error.what, error.hint)

    # ---------------------------------------------------------------- parts

    @cached_property
    def _mirror(self) -> Mirror:
        token = self._password
        if self.options.token:
            token = resolve(self.options.token, base=self.context.base)
        user = self.options.user or self._user or "git"
        return Mirror(
            self.context.home, self.instance.name, self.url, self.where, self.options.refs,
            user=user, token=token,
        )  # fmt: skip

    @cached_property
    def _repository(self) -> Repository:
        git = Git(self.where, ("-C", self.url))
        if self.options.url:
            if not self._mirror.exists():  # raw outlived it: core is being made again
                self._mirror.fetch(self._mirror.ask())
            git = self._mirror.reader()
        project_id, options = self.instance.project_id, self.options
        return Repository(git, self.instance.name, project_id, options.refs, options.copies)

    def _window(self, now: Refs, window: Window) -> bytes | None:
        """Return a body that names the window's commits, None if there are none.

        It says nothing of branches: a window is about the past, refs are about now.
        """
        commits = self._repository.commits_in(now, window)
        if not commits:
            return None
        branch = {now.head: now.refs[now.head]} if now.head else {}
        kept = Refs(branch, head=now.head, shallow=now.shallow).to_json()
        ends = [window.start.isoformat(), window.end.isoformat()]
        return json.dumps({**kept, "window": ends, "commits": commits}, sort_keys=True).encode()

    def _payload(self, body: bytes, refs: Refs) -> pl.DataFrame:
        context = {"url": self.url, "head": refs.head, "refs": len(refs.refs)}
        cells = {
            "payload_id": hashlib.sha256(body).hexdigest(), "uri": self.url,
            "media_type": "application/json", "size_bytes": len(body),
            "context": json.dumps(context), "body": body,
        }  # fmt: skip
        return pl.DataFrame([cells])

    def _refs(self, data: dict[str, Any]) -> Parsed:
        """Return the repository and, unless a window was asked for, what became of its branches."""
        refs = Refs.of(data)
        name = self.instance.name
        tables = {
            "core.repositories": git_refs.repository_row(
                refs, repository_id=name, project_id=self.instance.project_id,
                source=self.type, url=self.url,
            )
        }  # fmt: skip
        if "window" not in data:
            news = News.of(data)
            times = self._times(news) if news.before is None else {}
            tables["core.branches"] = git_refs.branch_rows(news, name, times)
        return Parsed(tables)

    def _times(self, news: News) -> dict[str, datetime]:
        rows = [one.commits for one in self._repository.heads(lines(news.now.tips()))]
        commits = pl.concat(rows)
        return dict(zip(commits["sha"], commits["committed_at"], strict=True))

    def _condition(self, repository: Repository) -> Iterator[Finding]:
        refs = repository.refs()
        yield Finding("refs", "ok", f"{len(refs.refs)} refs, HEAD is {refs.head or 'on none'}")
        if refs.shallow:
            yield Finding(
                "history", "warning", "the clone is shallow: older commits are missing",
                f"Run: git -C {self.url} fetch --unshallow",
            )  # fmt: skip
        if repository.is_partial():
            yield Finding(
                "contents", "warning", "the clone is partial: not all lines can be counted",
                "Reading never fetches what is lacking; clone fully or give the URL instead",
            )  # fmt: skip
        ahead = [at for at in self._times(News(refs, "")).values() if at > datetime.now(UTC)]
        if ahead:
            yield Finding(
                "clock", "warning", f"{len(ahead)} heads are dated in the future, to {max(ahead)}",
                "Somebody's clock was wrong; their commits are kept as dated",
            )  # fmt: skip


def _news(now: Refs, before: Refs | None) -> bytes | None:
    """Return the body for refs that moved, None if none did."""
    if before and before.digest == now.digest:
        return None
    return News.since(now, before, datetime.now(UTC)).body()


def _units(payload: pl.DataFrame, shas: bytes, shallow: list[str]) -> Iterator[Unit]:
    """Cut commits (a line each) into units.

    A unit can keep all cores busy by git processes of its own: parsing takes a tenth of what git
    takes, so that a second Python costs more than it brings. In long histories only the first
    does so, until there are worker processes for the others.

    The changes of commits on the edge of a shallow clone cannot be told, since their parents are
    lacking: git would show every file as new. They are read without.
    """
    edge = {sha.encode() for sha in shallow}
    if edge:
        rows = shas.splitlines()
        on_edge = [sha for sha in rows if sha in edge]
        if on_edge:
            yield Unit("refs", payload, {"kind": "heads", "shas": b"\n".join([*on_edge, b""])})
        shas = b"".join(sha + b"\n" for sha in rows if sha not in edge)
    size = UNIT_COMMITS * (shas.find(b"\n") + 1)
    parts = [shas[start : start + size] for start in range(0, len(shas), size or 1)]
    most = min(len(os.sched_getaffinity(0)), PROCESSES)
    for number, part in enumerate(parts):
        processes = most if number == 0 or len(parts) <= SHORT else 1
        yield Unit("refs", payload, {"kind": "log", "shas": part, "processes": processes})
