"""Coverage as it is gathered file by file, whatever the format.

A file that comes twice in a report (inner classes, several runs merged) is one file: a line
counts once and is covered if any of its mentions is.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from ingest.parse.report_rows import FileCoverage

CLOVER = re.compile(r"<coverage\s[^>]*\bclover=")


@dataclass(slots=True)
class _File:
    lines: dict[int, bool] = field(default_factory=dict[int, bool])
    branches: dict[Hashable, tuple[int, int]] = field(
        default_factory=dict[Hashable, tuple[int, int]]
    )
    counted: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(slots=True)
class Coverage:
    """What was run, by file; memory grows with the lines that the report names."""

    files: dict[str, _File] = field(default_factory=dict[str, _File])

    def file(self, path: str) -> _File:
        """Return what is known of a file, which counts from now on even if it has no line."""
        return self.files.setdefault(tidy(path), _File())

    def line(self, path: str, number: int, *, is_covered: bool) -> None:
        """Count a line, from 1; another is left out."""
        if number >= 1:
            lines = self.file(path).lines
            lines[number] = lines.get(number, False) or is_covered

    def branch(self, path: str, key: Hashable, covered: int, total: int = 1) -> None:
        """Count branches that belong together, at a line for example."""
        branches = self.file(path).branches
        known, of = branches.get(key, (0, 0))
        branches[key] = max(known, covered), max(of, total)

    def counts(self, path: str, lines: int, covered: int, branches: int, taken: int) -> None:
        """Add lines and branches that the report has counted itself."""
        one = self.file(path)
        before = zip(one.counted, (lines, covered, branches, taken), strict=True)
        one.counted = tuple(a + b for a, b in before)  # pyright: ignore[reportAttributeAccessIssue] - zip of four

    def rows(self, at: int | None = None) -> Iterator[FileCoverage]:
        """Yield every file, in the order in which they came."""
        for path, one in self.files.items():
            lines, covered, branches, taken = one.counted
            yield FileCoverage(
                path,
                lines + len(one.lines),
                min(covered, lines) + sum(one.lines.values()),
                branches + sum(total for _, total in one.branches.values()),
                min(taken, branches) + sum(min(pair) for pair in one.branches.values()),
                at,
            )


def tidy(path: str) -> str:
    """Return a path as the rest of GoLive writes it."""
    return path.replace("\\", "/").removeprefix("./")


def is_clover(text: str) -> bool:
    """Tell whether a root `coverage` is Clover's: Cobertura has the same, without a project."""
    at = max(0, text.find("<coverage"))
    return CLOVER.match(text, at) is not None or "<project>" in text or "<project " in text
