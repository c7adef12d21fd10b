"""Release notes from what the lake knows: the same rows give the same text. Pure.

Which commits belong to a version is decided here too: those that name an issue fixed in it, and
those that lie between the release before and this one in the history.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Literal

Form = Literal["markdown", "confluence"]
GROUPS: Mapping[str, str] = {
    "requirement": "New", "epic": "New", "task": "Changed", "subtask": "Changed", "bug": "Fixed",
    "incident": "Fixed",
}  # fmt: skip
ORDER = ("New", "Changed", "Fixed", "Other")
CONVENTIONAL = re.compile(r"(?P<kind>[a-z]+)(?:\([^)]*\))?(?P<breaks>!)?:\s+(?P<text>.+)")
KINDS: Mapping[str, str] = {"feat": "New", "fix": "Fixed", "perf": "Changed", "refactor": "Changed"}
SHORT = 10
"""Hexadecimal digits of a commit that are shown."""


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue that is fixed in the version."""

    key: str
    title: str
    kind: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the version; merges are left out by who reads them."""

    sha: str
    subject: str
    author: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment of one of its commits."""

    environment: str
    commit_sha: str
    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Edge:
    """A commit with its parents: what `between` walks."""

    sha: str
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a group: what changed, the issue behind it if there is one, and its commits."""

    text: str
    key: str = ""
    url: str = ""
    commits: tuple[str, ...] = ()


def short(sha: str) -> str:
    """Return as much of a commit's id as people need."""
    return sha[:SHORT]


def between(edges: Iterable[Edge], newer: str, older: str) -> set[str]:
    """Return the commits that `newer` reaches and `older` does not; empty `older`: all of them."""
    parents = {one.sha: one.parents for one in edges}
    return _reached(parents, newer) - _reached(parents, older)


def grouped(issues: Sequence[Issue], commits: Sequence[Commit]) -> dict[str, list[Line]]:
    """Return the lines by group in the order of the groups, each sorted; empty groups are left out.

    A commit that names an issue of the version stands with it, any other for itself.
    """
    groups: dict[str, list[Line]] = {name: [] for name in ORDER}
    by_issue = {one.key: _naming(commits, one) for one in issues}
    for one in sorted(issues, key=lambda issue: _natural(issue.key)):
        shas = tuple(sorted(short(each.sha) for each in by_issue[one.key]))
        groups[GROUPS.get(one.kind, "Other")].append(Line(one.title, one.key, one.url, shas))
    told = {each.sha for found in by_issue.values() for each in found}
    for one in sorted(commits, key=lambda commit: (commit.subject, commit.sha)):
        if one.sha not in told:
            name, text = _kind(one.subject)
            groups[name].append(Line(text, commits=(short(one.sha),)))
    return {name: lines for name, lines in groups.items() if lines}


def naming(keys: Iterable[str]) -> re.Pattern[str]:
    """Return the expression that finds any of the issues in a text: SHOP-1 is not in SHOP-12."""
    known = "|".join(re.escape(key) for key in sorted(keys)) or r"(?!)"
    return re.compile(rf"(?<![\w-])(?:{known})(?!\w|-\d)")


def names(commit: Commit, pattern: re.Pattern[str]) -> bool:
    """Tell whether the message names an issue of `naming`."""
    return pattern.search(f"{commit.subject}\n{commit.message}") is not None


def render(
    version: str, issues: Sequence[Issue], commits: Sequence[Commit],
    deployments: Sequence[Deployment], form: Form,
) -> str:  # fmt: skip
    """Return the notes as Markdown, or in the storage format of Confluence (XHTML)."""
    groups = grouped(issues, commits)
    people = sorted({one.author for one in commits if one.author}, key=str.casefold)
    latest = sorted(deployments, key=lambda one: (one.at, one.environment, one.commit_sha))
    words = Markdown() if form == "markdown" else Storage()
    return "\n".join(_parts(words, version, groups, latest, people)) + "\n"


class Markdown:
    """The words of Markdown."""

    @staticmethod
    def head(level: int, text: str) -> str:
        """Return a heading."""
        marked = f"{'#' * level} {_marked(text)}"
        return marked if level == 1 else f"\n{marked}\n"

    @staticmethod
    def line(one: Line) -> str:
        """Return one entry of a group."""
        key = f"[{one.key}]({one.url}): " if one.url else f"{one.key}: "
        commits = f" ({', '.join(one.commits)})" if one.commits else ""
        return f"- {key if one.key else ''}{_marked(one.text)}{commits}"

    @staticmethod
    def entries(texts: Sequence[str]) -> str:
        """Return a list of plain texts."""
        return "\n".join(f"- {_marked(text)}" for text in texts)

    def lines(self, lines: Sequence[Line]) -> str:
        """Return the entries of a group."""
        return "\n".join(map(self.line, lines))


class Storage:
    """The words of Confluence's storage format."""

    @staticmethod
    def head(level: int, text: str) -> str:
        """Return a heading."""
        return f"<h{level}>{escape(text)}</h{level}>"

    @staticmethod
    def line(one: Line) -> str:
        """Return one entry of a group."""
        link = f'<a href="{escape(one.url)}">{escape(one.key)}</a>: '
        key = link if one.url else f"{escape(one.key)}: "
        commits = f" (<code>{', '.join(one.commits)}</code>)" if one.commits else ""
        return f"<li>{key if one.key else ''}{escape(one.text)}{commits}</li>"

    @staticmethod
    def entries(texts: Sequence[str]) -> str:
        """Return a list of plain texts."""
        return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"

    def lines(self, lines: Sequence[Line]) -> str:
        """Return the entries of a group."""
        return "<ul>" + "".join(map(self.line, lines)) + "</ul>"


def _parts(
    words: Markdown | Storage, version: str, groups: Mapping[str, list[Line]],
    deployments: Sequence[Deployment], people: Sequence[str],
) -> Iterator[str]:  # fmt: skip
    yield words.head(1, version)
    if not groups:
        yield words.head(2, "Nothing that is known of has changed")
    for name, lines in groups.items():
        yield words.head(2, name)
        yield words.lines(lines)
    if deployments:
        yield words.head(2, "Deployments")
        yield words.entries([
            f"{one.environment}: {one.at:%Y-%m-%d %H:%M} UTC, {short(one.commit_sha)}, {one.status}"
            for one in deployments
        ])  # fmt: skip
    if people:
        yield words.head(2, "Thanks to")
        yield words.entries(people)


def _naming(commits: Iterable[Commit], issue: Issue) -> list[Commit]:
    pattern = naming([issue.key])
    return [one for one in commits if names(one, pattern)]


def _kind(subject: str) -> tuple[str, str]:
    """Return the group of a conventional commit and what it says; others are Other as they are."""
    found = CONVENTIONAL.fullmatch(subject)
    if not found:
        return "Other", subject
    text = found["text"][:1].upper() + found["text"][1:]
    name = KINDS.get(found["kind"], "Other")
    return (name, f"{text} (breaks what was)") if found["breaks"] else (name, text)


def _reached(parents: Mapping[str, tuple[str, ...]], start: str) -> set[str]:
    found: set[str] = set()
    ahead = [start] if start in parents else []
    while ahead:
        sha = ahead.pop()
        if sha not in found:
            found.add(sha)
            ahead += [one for one in parents[sha] if one in parents]
    return found


def _natural(key: str) -> tuple[str, int, str]:
    head, _, number = key.rpartition("-")
    digits = number.lstrip("#")
    return (head, int(digits), key) if digits.isdigit() else (key, 0, key)


def _marked(text: str) -> str:
    """Return a text whose signs Markdown would take for its own, shown as they are."""
    return re.sub(r"([\\`*_\[\]<>])", r"\\\1", text)
