"""A Git repository on this machine as the source reads it: its refs, its commits, their rows.

Nothing here writes to the repository or fetches; mirrors of remote ones are kept by
`ingest/git_mirror.py`. What git prints is understood in `ingest/parse/git_*.py`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import polars as pl

from golive_core.errors import SourceDataError
from golive_core.window import Window
from ingest.git_command import Git, GitDiedError, Spool, Spools
from ingest.parse import git_log, git_refs
from ingest.parse.git_log import LAST_SECOND, LogParser, Rows
from ingest.parse.git_refs import News, Refs
from ingest.source import Reject

FAILURES = 100
"""Commits that git may fail at in one part of a history before the repository is given up."""
LEAST = 400
"""Commits that are worth a git process of their own."""
REST = 0.24
"""Share of a history that is kept for the processes that end first."""


@dataclass(frozen=True)
class Repository:
    """Reads the repository that `git` is set to; only refs below `prefixes` count."""

    git: Git
    repository_id: str
    project_id: str
    prefixes: Sequence[str] = git_refs.PREFIXES
    copies: bool = False

    # ---------------------------------------------------------------- refs

    @cached_property
    def common(self) -> Path:
        """The folder of what all its work trees share. Raises SourceError if there is none.

        It is plain to see in most repositories, where git is not asked: that takes 4 ms.
        """
        place = Path(self.git.place[-1])
        for folder in (place / ".git", place):
            if _is_whole(folder):
                return folder
        said = self.git.run("rev-parse", "--path-format=absolute", "--git-common-dir")
        return Path(said.decode(errors="surrogateescape").rstrip("\n"))

    def shallow(self) -> list[str]:
        """Return the commits whose parents the clone lacks."""
        try:
            return sorted((self.common / "shallow").read_text().split())
        except FileNotFoundError:
            return []

    def is_partial(self) -> bool:
        """Tell whether the clone left out contents, to be fetched when they are needed."""
        asked = ("config", "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$")
        return bool(self.git.run(*asked, accept=(0, 1)))

    def refs(self, known: Refs | None = None) -> Refs:
        """Return where the refs stand; commits behind tags are taken from `known` if they can."""
        shallow = self.shallow()
        listed = self.git.run("for-each-ref", f"--format={git_refs.FORMAT}", *self.prefixes)
        found = git_refs.from_list(listed)
        refs = dict(found.refs)
        if b"\n*" not in b"\n" + listed:
            refs |= self._detached()
        if (self.common / "worktrees").is_dir():
            refs |= self._worktrees()
        return replace(
            found, refs=refs, shallow=shallow, peeled=self._peeled(refs, known or Refs())
        )

    def _detached(self) -> dict[str, str]:
        """Return HEAD where it names no branch: a commit, or nothing in an empty repository."""
        said = self.git.run("rev-parse", "--quiet", "--verify", "HEAD^{commit}", accept=(0, 1, 128))
        return {git_refs.HEAD: said.decode().strip()} if said else {}

    def _worktrees(self) -> dict[str, str]:
        refs: dict[str, str] = {}
        listed = self.git.run("worktree", "list", "--porcelain").decode(errors="backslashreplace")
        for entry in listed.split("\n\n"):
            parts = (line.partition(" ") for line in entry.splitlines())
            words = {key: value for key, _, value in parts}
            if "detached" in words and words.get("HEAD", "").strip("0"):
                refs[f"worktree {words['worktree']}"] = words["HEAD"]
        return refs

    def _peeled(self, refs: Mapping[str, str], known: Refs) -> dict[str, str | None]:
        """Return the commits behind refs that are not commits; branches always are."""
        names = [name for name in refs if name.startswith("refs/")]
        names = [name for name in names if not name.startswith(git_refs.HEADS)]
        same = {name for name in names if known.refs.get(name) == refs[name]}
        asked = [name for name in names if name not in same]
        kept = {name: sha for name, sha in known.peeled.items() if name in same}
        return {**kept, **self._behind(refs, asked)} if asked else kept

    def _behind(self, refs: Mapping[str, str], names: Sequence[str]) -> dict[str, str | None]:
        asked = lines(f"{refs[name]}^{{commit}}" for name in names)
        said = self.git.run("cat-file", "--batch-check=%(objectname)", stdin=asked)
        answers = zip(names, said.decode().splitlines(), strict=True)
        found = {name: None if " " in answer else answer for name, answer in answers}
        return {name: sha for name, sha in found.items() if sha != refs[name]}

    # ---------------------------------------------------------------- which commits

    def new_commits(self, news: News) -> bytes:
        """Return the commits that the news bring, a line each, children before parents.

        Tips that are gone since (after a forced push and a clean-up) are passed over.
        """
        if sorted(news.old_shallow()) != sorted(news.now.shallow):
            return self._deepened(news)
        old = news.old_tips()
        fresh = sorted(set(news.now.tips()) - set(old))
        return self._list(lines(fresh) + lines(f"^{sha}" for sha in old)) if fresh else b""

    def _deepened(self, news: News) -> bytes:
        """Return what a shallow clone shows after more (or less) of the history came.

        What was known is what the old tips reached within the old edge of the history. Commits
        that were on the edge come again: their changes can be told now.
        """
        with tempfile.NamedTemporaryFile() as file:
            file.write(lines(news.old_shallow()))
            file.flush()
            known = self._list(lines(news.old_tips()), {"GIT_SHALLOW_FILE": file.name})
        edge = {sha.encode() for sha in set(news.old_shallow()) - set(news.now.shallow)}
        seen = set(known.splitlines()) - edge
        there = self._list(lines(news.now.tips())).splitlines()
        return b"".join(line + b"\n" for line in there if line not in seen)

    def _list(self, tips: bytes, variables: Mapping[str, str] | None = None) -> bytes:
        git = replace(self.git, variables={**self.git.variables, **(variables or {})})
        return git.run("rev-list", "--topo-order", "--ignore-missing", "--stdin", stdin=tips)

    def commits_in(self, refs: Refs, window: Window) -> list[str]:
        """Return the reachable commits whose committer time lies in the window.

        All are listed and filtered here: `git rev-list --since` ends at the first older commits
        and loses those behind a clock that ran backwards.
        """
        listed = self.git.run(
            "rev-list", "--timestamp", "--ignore-missing", "--stdin", stdin=lines(refs.tips())
        )
        start, end = window.start.timestamp(), window.end.timestamp()
        pairs = (line.split() for line in listed.decode().splitlines())
        return [sha for seconds, sha in pairs if start <= _readable(int(seconds)) < end]

    # ---------------------------------------------------------------- their rows

    def log(self, shas: bytes, *, processes: int = 1) -> Iterator[Rows | Reject]:
        """Yield the rows of commits (a line each), read by so many git processes at a time.

        A commit that git cannot read (missing or damaged contents) is yielded as a Reject, with
        its metadata as rows if these can be had, and the others go on behind it. Raises
        SourceDataError after FAILURES of them, SourceUnreachableError if git is killed.
        """
        with Spools(self._spool, cut(shas, processes), processes) as spools:
            for part, spool in spools:
                yield from self._part(part, spool)

    def _spool(self, shas: bytes) -> Spool:
        options = (*git_log.LOG, "-C") if self.copies else git_log.LOG
        return self.git.spool(*options, stdin=shas)

    def _part(self, shas: bytes, spool: Spool) -> Iterator[Rows | Reject]:
        """Yield the rows of one process, and of others for what is left where it failed."""
        left, why = shas.splitlines(), ""
        for _ in range(FAILURES):
            parser = LogParser(self.repository_id, self.project_id)
            why = yield from self._one_process(spool, parser)
            left = left[parser.seen :]
            if not left:
                return
            missing = self._missing(left)
            for sha in left if missing else left[:1]:
                if not missing or sha in missing:
                    yield from self._failed(sha, why)
            left = [sha for sha in left if sha not in missing] if missing else left[1:]
            spool = self._spool(b"\n".join([*left, b""]))
        spool.close()
        raise SourceDataError(
            f"git failed at {FAILURES} commits, at last: {why}", where=self.git.where,
            hint="The clone is damaged or partial: clone it anew, or give its URL instead",
        )  # fmt: skip

    def _one_process(self, spool: Spool, parser: LogParser) -> Generator[Rows, None, str]:
        """Yield rows until git ends; return why it ended before the last commit, if it did."""
        with closing(spool):
            output = _Output(spool.chunks())
            why = "git left commits out"
            try:
                yield from parser.feed(output)
            except SourceDataError as error:
                why = str(error)
            yield parser.rest()
        if output.failure:
            meaning = output.failure.as_source_error()
            if not isinstance(meaning, SourceDataError):
                raise meaning
            why = str(meaning)
        return why

    def _missing(self, shas: Sequence[bytes]) -> set[bytes]:
        asked = b"\n".join([*shas, b""])
        said = self.git.run("cat-file", "--batch-check=%(objectname)", stdin=asked)
        return {line.split()[0] for line in said.splitlines() if b" " in line}

    def _failed(self, sha: bytes, why: str) -> Iterator[Rows | Reject]:
        yield Reject(uri=f"{self.git.where}@{sha.decode()}", reason=why, content=sha.decode())
        try:
            yield from self.heads(sha + b"\n")
        except SourceDataError:
            return  # not even its metadata can be had; the reject says so

    def heads(self, shas: bytes) -> Iterator[Rows]:
        """Yield metadata alone, with the parents that the commits name even if they are lacking.

        Commits that are missing are passed over. Raises SourceDataError for damaged ones.
        """
        git = replace(self.git, variables={**self.git.variables, "GIT_SHALLOW_FILE": os.devnull})
        parser = LogParser(self.repository_id, self.project_id, has_changes=False)
        asked = shas.decode().split()
        with closing(git.spool(*git_log.HEADS, stdin=shas)) as spool:
            output = _Output(spool.chunks())
            for rows in parser.whole(output):
                # Where no commit is left to tell of, git tells of HEAD.
                yield replace(rows, commits=rows.commits.filter(pl.col("sha").is_in(asked)))
        if output.failure and asked:
            raise output.failure.as_source_error()


class _Output:
    """git's output; how it failed, if it did, is told after all of it has been read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.failure: GitDiedError | None = None
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._chunks
        except GitDiedError as error:
            self.failure = error


def cut(shas: bytes, processes: int) -> list[bytes]:
    """Cut lines of equal length into parts for a git process each.

    Few and large, since each starts with cold caches: pytest's history of 18,934 commits costs
    git 6.8 s of CPU in one part or two, 7.1 in three, 7.7 in six. One part a process, and a rest
    of a quarter for whoever ends first: the newer half takes up to 1.7 times the older.
    """
    width = shas.find(b"\n") + 1
    count = len(shas) // width if width else 0
    if processes < 2 or count < 2 * LEAST:  # noqa: PLR2004 - one process, or work for one
        return [shas] if count else []
    shares = [1 - REST] * processes + [REST] * max(1, processes // 2)
    weights = [share / shares.count(share) for share in shares]
    ends = [round(count * sum(weights[: n + 1])) for n in range(len(weights))]
    parts = [shas[a * width : b * width] for a, b in zip([0, *ends], ends, strict=False)]
    return [part for part in parts if part]


def _is_whole(folder: Path) -> bool:
    """Tell whether this is a git folder that shares nothing: no linked work tree, no submodule."""
    parts = (folder / "HEAD").is_file(), (folder / "objects").is_dir(), (folder / "refs").is_dir()
    return all(parts) and not (folder / "commondir").exists()


def lines(words: Iterable[str]) -> bytes:
    """Return the words, a line each."""
    return "".join(f"{word}\n" for word in words).encode()


def _readable(seconds: int) -> int:
    return seconds if seconds <= LAST_SECOND else 0
