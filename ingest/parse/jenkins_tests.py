"""Test reports as Jenkins' JUnit plugin tells them (`testReport/api/json`), to columns of results.

Columns, not rows: `ingest/parse/tests.py` makes rows, ids and failures of them, as it does for
every format. `TREE` is what is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

Json = dict[str, Any]
_SUITES = (
    "suites[name,timestamp,enclosingBlockNames,cases[className,name,status,duration,errorDetails,"
    "errorStackTrace,skippedMessage,flakyFailures[*],rerunFailures[*]]]"
)
TREE = f"{_SUITES},childReports[child[number,url],result[{_SUITES}]]"
STATUS = {
    "PASSED": "passed",
    "FIXED": "passed",
    "FAILED": "failed",
    "REGRESSION": "failed",
    "SKIPPED": "skipped",
}
LIMIT = 64 * 1024
"""Characters of a message or stack that are kept."""
TYPE = re.compile(
    r"\s*(?:Caused by: )?((?:[\w$]+\.)*(?=[A-Z])[\w$]*(?:Error|Exception|Failure|Failed|Timeout))\b"
)
"""A stack trace opens with the class of what was thrown; Jenkins does not keep it apart."""

NAMES = (
    "suite", "class_name", "name", "status", "duration_s", "started_at", "type", "message",
    "details", "skip_reason", "build_id", "commit_sha", "branch", "environment", "report_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Build:
    """The build that a report belongs to, as the pull knew it; `at` is its start."""

    build_id: str
    at: datetime
    commit_sha: str | None
    branch: str | None
    report_id: str


@dataclass(slots=True)
class Columns:
    """Columns of results that grow report by report."""

    cells: dict[str, list[object]] = field(default_factory=lambda: {name: [] for name in NAMES})

    def __len__(self) -> int:
        return len(self.cells["name"])

    def add(self, report: Json, build: Build) -> None:
        """Add every attempt of every case of the report.

        A suite that ran in one of several places (matrix cell, parallel branch, stage) is of that
        environment, so that the same test in two of them is not taken for a retry.
        """
        suites = list(_suites(report))
        places = {place for place, _ in suites}
        for place, suite in suites:
            environment = place if len(places) > 1 else ""
            at = started(suite.get("timestamp")) or build.at
            for case in suite.get("cases") or ():
                for attempt in attempts(case):
                    self._add(suite, case, attempt, build, environment, at)

    def extend(self, other: Columns) -> None:
        """Add what another report gave; a report goes in whole or not at all."""
        for name, cells in self.cells.items():
            cells.extend(other.cells[name])

    def _add(
        self, suite: Json, case: Json, attempt: Json, build: Build, environment: str, at: datetime
    ) -> None:
        row = (
            suite.get("name"), case.get("className"), case.get("name"), attempt["status"],
            attempt.get("duration"), at, attempt.get("type"), attempt.get("message"),
            attempt.get("details"), case.get("skippedMessage"), build.build_id, build.commit_sha,
            build.branch, environment, build.report_id,
        )  # fmt: skip
        for cells, value in zip(self.cells.values(), row, strict=True):
            cells.append(value)


def _suites(report: Json) -> Iterator[tuple[str, Json]]:
    """Yield each suite with the place where it ran; aggregated reports hold one report a child."""
    for suite in report.get("suites") or ():
        yield " / ".join(reversed(suite.get("enclosingBlockNames") or ())), suite
    for child in report.get("childReports") or ():
        run: Json = child.get("child") or {}
        result: Json = child.get("result") or {}
        url = str(run.get("url") or "").rstrip("/")
        for suite in result.get("suites") or ():
            yield unquote(url.split("/")[-2]) if "/" in url else "", suite


def attempts(case: Json) -> Iterator[Json]:
    """Yield what happened, in order: one attempt, or each of the retries that Surefire reports.

    `flakyFailures` are the failed attempts before a pass, `rerunFailures` those after a failure.
    """
    last: dict[str, Any] = {"status": STATUS.get(case.get("status") or "", "error")}
    last["duration"] = case.get("duration")
    if last["status"] in ("failed", "error"):
        last |= failure(case.get("errorDetails"), case.get("errorStackTrace"))
    for retry in case.get("flakyFailures") or ():
        yield _retried(retry)
    yield last
    for retry in case.get("rerunFailures") or ():
        yield _retried(retry)


def _retried(retry: Json) -> Json:
    told = failure(retry.get("message"), retry.get("stackTrace"))
    return {"status": "failed"} | told | ({"type": retry["type"]} if retry.get("type") else {})


def failure(message: str | None, trace: str | None) -> dict[str, str | None]:
    """Return type, message and details of what failed; the type is read off the stack trace."""
    found = TYPE.match(trace or "") or TYPE.match(message or "")
    return {
        "type": found.group(1) if found else None,
        "message": message[:LIMIT] if message else None,
        "details": trace[:LIMIT] if trace else None,
    }


def started(timestamp: str | None) -> datetime | None:
    """Return the start that a suite reports, if it names its zone.

    Most do not: such a time is the agent's local one and would be hours off; the start of the
    build, which Jenkins knows for certain, then stands in.
    """
    try:
        at = datetime.fromisoformat(timestamp or "")
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else None
