"""What a report of any format says, one value at a time: cases, coverage of files, findings.

A parser yields these; `ingest/parse/report_unit.py` makes rows of core tables of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple, cast

from ingest.parse.junit import Report
from ingest.parse.junit_time import DAY, EARLIEST, LONGEST_S, microseconds
from ingest.parse.safe_xml import Mend, Open

TEXT_CHARS = 64 << 10
MESSAGE_CHARS = 500
LARGEST = 1e18
"""A number that a table can hold; neither NaN nor infinity is as small."""


@dataclass(frozen=True, slots=True)
class Body:
    """A report to read: its bytes, what is known of it, and what is to be mended in them."""

    open: Open
    report: Report
    mend: Mend = Mend.NOTHING

    @property
    def path(self) -> str:
        """Name it in errors."""
        return self.report.path

    def mended(self, mend: Mend) -> Body:
        """Return the same report, to be read with a repair."""
        return replace(self, mend=mend)

    def at(self, text: object) -> int | None:
        """Return a reported time (ISO 8601) as µs since 1970, None where it cannot be true."""
        if not isinstance(text, str):
            return None
        return microseconds(text, self.report.zone, self.report.newest_at)

    def epoch(self, value: object, *, per_second: int = 1000) -> int | None:
        """Return a reported time, since 1970, as µs, None where it cannot be true."""
        number = quantity(value)
        if number is None:
            return None
        at = round(number * (1_000_000 / per_second))
        return at if EARLIEST <= at <= self.report.newest_at + DAY else None


class Case(NamedTuple):
    """One attempt of one test; times in µs since 1970, None for what the report does not say.

    Attempts come in the order in which they happened. `environment` adds to the report's own.
    """

    name: str
    status: str
    suite: str = ""
    class_name: str = ""
    duration_s: float | None = None
    started_at: int | None = None
    type: str | None = None
    message: str | None = None
    details: str | None = None
    file: str | None = None
    skip_reason: str | None = None
    environment: str = ""


class CaseStep(NamedTuple):
    """One step of the case before it; a runner tells them (columns of core.test_steps)."""

    ordinal: int
    name: str
    action: str
    status: str
    started_at: int | None = None
    duration_s: float | None = None
    message: str | None = None
    url: str | None = None


class CaseFile(NamedTuple):
    """One file that the case before it left (columns of core.test_artifacts)."""

    ordinal: int
    nth: int
    kind: str
    name: str
    media: str
    sha256: str
    size_bytes: int


class CaseLook(NamedTuple):
    """One look of the case before it at a page (columns of core.visual_checks)."""

    ordinal: int
    look_id: str
    name: str
    browser: str
    size: str
    theme: str
    verdict: str
    changed_share: float | None
    baseline: str | None
    actual: str | None
    difference: str | None
    regions: str
    kinds: list[str]
    told: list[str]


class FileCoverage(NamedTuple):
    """Lines and branches of one file, and how many of them were run."""

    path: str
    lines: int
    covered_lines: int
    branches: int = 0
    covered_branches: int = 0
    at: int | None = None


class TestLines(NamedTuple):
    """The lines of one file that one test ran; `context` names it as the tool does."""

    context: str
    path: str
    lines: frozenset[int]


class Finding(NamedTuple):
    """One finding of an analyser; the fields are columns of core.code_findings."""

    tool: str
    rule_id: str | None
    kind: str
    severity: str
    original_severity: str | None
    status: str
    message: str
    path: str | None = None
    line: int | None = None
    end_line: int | None = None
    commit_sha: str | None = None
    created_at: int | None = None
    updated_at: int | None = None
    identity: str | None = None
    """What the analyser itself knows the finding by."""
    url: str | None = None


Inner = CaseStep | CaseFile | CaseLook
"""What belongs to the case before it."""
Row = Case | Inner | FileCoverage | TestLines | Finding
Parse = Callable[[Body], Iterator[Row]]


def quantity(value: object) -> float | None:
    """Return a number that JSON or XML says, None where it cannot be one that means something."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) <= LARGEST else None


def count(value: object) -> int:
    """Return a count, 0 where there is none."""
    number = quantity(value)
    return int(number) if number is not None and number > 0 else 0


def lasted(value: object, *, per_second: int = 1) -> float | None:
    """Return a duration in seconds, None where it cannot be true."""
    number = quantity(value)
    seconds = None if number is None else number / per_second
    return seconds if seconds is not None and 0 <= seconds <= LONGEST_S else None


def text(value: object) -> str | None:
    """Return a text that a table can bear, at most TEXT_CHARS of it; None for none."""
    if value is None or value == "" or isinstance(value, (dict, list)):
        return None
    said = str(value)[:TEXT_CHARS]
    return said if said.isascii() else said.encode("utf-8", "replace").decode()


def first_line(said: str | None) -> str | None:
    """Return what can stand for a message where a report has only a stack."""
    return said.strip().partition("\n")[0][:MESSAGE_CHARS] or None if said else None


def obj(value: object) -> dict[str, object]:
    """Return a JSON object, an empty one for anything else."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """Return a JSON list, an empty one for anything else."""
    return cast("list[object]", value) if isinstance(value, list) else []


def day_and_time(at: int | None) -> datetime | None:
    """Return µs since 1970 as a time."""
    return None if at is None else datetime.fromtimestamp(at / 1_000_000, UTC)
