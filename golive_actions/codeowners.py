"""CODEOWNERS: who answers for a path, as GitHub and GitLab read it. Pure.

The last line that matches counts, also if it names nobody. Sections are GitLab's: each is read for
itself and all their owners count. Negation and character classes exist in neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SECTION = re.compile(r"\^?\[([^\]]*)\](?:\[\d+\])?(.*)")
WORD = re.compile(r"(?:\\.|\S)+")
COMMENT = re.compile(r"(?:^|\s)#.*")
TOKENS = re.compile(r"\\.|\*\*/|/\*\*$|\*\*|\*|\?|.")
GLOBS = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""Where the file lies in a repository."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: what it matches, whom it names, and the section that it stands in."""

    pattern: re.Pattern[str]
    owners: tuple[str, ...]
    section: str


@dataclass(frozen=True, slots=True)
class Owners:
    """The rules of a file, in order."""

    rules: tuple[Rule, ...]

    @classmethod
    def parse(cls, text: str) -> Owners:
        """Return the rules of a file; lines that are none are passed over, as the hosts do."""
        return cls(tuple(_rules(text)))

    def of(self, path: str) -> list[str]:
        """Return the owners of a path from the repository's top, in the order of the file."""
        last: dict[str, tuple[str, ...]] = {}
        for rule in self.rules:
            if rule.pattern.fullmatch(path.lstrip("/")):
                last[rule.section] = rule.owners
        return list(dict.fromkeys(owner for owners in last.values() for owner in owners))


def _rules(text: str) -> Iterator[Rule]:
    section, usual = "", ()
    for line in text.splitlines():
        bare = COMMENT.sub("", line).strip()
        if found := SECTION.fullmatch(bare):
            section, usual = found[1].strip().casefold(), tuple(found[2].split())
        elif bare:
            pattern, *owners = WORD.findall(bare)
            yield Rule(_compiled(pattern), tuple(owners) or usual, section)


def _compiled(pattern: str) -> re.Pattern[str]:
    """Return the expression of whole paths that a pattern of gitignore's kind matches.

    A pattern with a slash before its end is meant from the top. What matches a folder matches all
    in it, but `docs/*` only what lies in `docs` itself.
    """
    inner = pattern.strip("/")
    is_rooted = pattern.startswith("/") or "/" in inner
    body = "".join(GLOBS.get(token) or re.escape(token[-1]) for token in TOKENS.findall(inner))
    head = "" if is_rooted else "(?:.*/)?"
    if pattern.endswith("/"):
        return re.compile(f"{head}{body}/.*")
    tail = "" if pattern.endswith("/*") else "(?:/.*)?"
    return re.compile(f"{head}{body}{tail}")
