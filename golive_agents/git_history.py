"""What git alone tells of the files of a change: how often, by whom and why they were changed.

Read is the year before the change, without merges. A renamed file goes on under its old path.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from golive_agents.change import Change, Clone
from golive_agents.diff import ChangedFile
from golive_agents.explanation import Cite
from golive_agents.review import FileRisk, Size
from models.build_changes import FIX

DAY_S = 86_400
YEAR, QUARTER = 365, 90
MOST = 5_000
"""Commits of the year that are read."""
MOST_PATHS = 300
"""Paths that git is asked for by name; for more of them it tells all, which is as fast."""
COMPARED = 300
"""Commits before the change whose size it is compared with."""
FORMAT = "%x01%H%x1f%aN%x1f%ct%x1f%s"
STAT = re.compile(rb"(\d+) (?:insertion|deletion)")
MENDS = re.compile(FIX)


@dataclass(frozen=True, slots=True)
class Past:
    """One commit before the change; `at` is its committer time, seconds since 1970."""

    sha: str
    author: str
    at: int
    subject: str
    paths: frozenset[str]


def risks(clone: Clone, change: Change) -> list[FileRisk]:
    """Return each file with what its year says; without a commit before, nothing was."""
    if not change.base:
        return [plain(one) for one in change.files]
    until = int(clone.git.run("show", "-s", "--format=%ct", change.base))
    commits = list(_commits(clone, change, until))
    return [_risk(one, commits, change, until) for one in change.files]


def plain(one: ChangedFile) -> FileRisk:
    """Return a file of which nothing but the change is known."""
    return FileRisk(one.path, one.kind, one.insertions, one.deletions)


def size(change: Change, clone: Clone | None = None) -> Size:
    """Return how large the change is, and how many of the commits before it were smaller."""
    folders = {one.path.rpartition("/")[0] for one in change.files}
    found = Size(
        len(change.files), len(folders), sum(one.insertions for one in change.files),
        sum(one.deletions for one in change.files),
    )  # fmt: skip
    sizes = _sizes(clone, change.base) if clone and change.base else []
    if not sizes:
        return found
    own = found.insertions + found.deletions
    return replace(found, smaller=sum(one < own for one in sizes) / len(sizes), of=len(sizes))


def _sizes(clone: Clone, base: str) -> list[int]:
    raw = clone.git.run("log", "--no-merges", f"--max-count={COMPARED}", "--shortstat",
                        "--no-ext-diff", "--format=%x01", base)  # fmt: skip
    return [sum(map(int, STAT.findall(one))) for one in raw.split(b"\x01")[1:]]


def _commits(clone: Clone, change: Change, until: int) -> Iterator[Past]:
    paths = change.paths if len(change.paths) <= MOST_PATHS else []
    raw = clone.git.run(
        "-c", "core.quotePath=false", "--literal-pathspecs", "log", "--no-merges",
        f"--max-count={MOST}", f"--since=@{until - YEAR * DAY_S}", "--name-only", "--no-renames",
        "--no-ext-diff", f"--format={FORMAT}", change.base, "--",
        *paths,
    )  # fmt: skip
    for block in re.split(r"(?m)^\x01", raw.decode(errors="backslashreplace"))[1:]:
        head, *names = block.split("\n")
        sha, author, at, subject = head.split("\x1f", 3)
        yield Past(sha, author, int(at), subject, frozenset(name for name in names if name))


def _risk(one: ChangedFile, commits: Sequence[Past], change: Change, until: int) -> FileRisk:
    own = [past for past in commits if one.path in past.paths or one.old_path in past.paths]
    by = Counter(past.author for past in own)
    owner, most = by.most_common(1)[0] if by else (None, 0)
    mending = [past for past in own if MENDS.search(past.subject)]
    is_known = one.kind != "added"
    return replace(
        plain(one), commits=len(own), authors=len(by), owner=owner,
        commits_90d=sum(past.at > until - QUARTER * DAY_S for past in own),
        owner_share=most / len(own) if own else None, mended=len(mending),
        last_mended=f"{mending[0].sha[:10]} {mending[0].subject}" if mending else None,
        is_new_to_authors=not set(by) & set(change.authors) if is_known else None,
        cites=(Cite("git", f"log {change.base[:10]} -- {one.old_path or one.path}"),),
    )  # fmt: skip
