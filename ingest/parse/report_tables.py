"""Cases, coverage and findings to the columns and rows of core tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import polars as pl

from golive_core.ids import content_id
from ingest.parse.junit import Report
from ingest.parse.report_rows import Case, FileCoverage, Finding, day_and_time, text
from ingest.parse.rows import frame
from ingest.parse.tests import Cells

NAME_CHARS = 2_000
UNNAMED = "(unnamed)"

Same = tuple[str, str | None, str | None, str]
"""What a finding is told by: tool, rule, path, and the analyser's own id or line and message."""


@dataclass(frozen=True, slots=True)
class Place:
    """Whose rows they are and what is known of the report."""

    instance: str
    project_id: str
    source: str
    report: Report


def case_columns(cases: Sequence[tuple[Report, Case]]) -> dict[str, Cells]:
    """Return the columns for `tests.frames`, in order."""
    return {
        "suite": [name(one.suite) for _, one in cases],
        "class_name": [name(one.class_name) for _, one in cases],
        "name": [name(one.name) or UNNAMED for _, one in cases],
        "status": [one.status for _, one in cases],
        "duration_s": [one.duration_s for _, one in cases],
        "started_at": [
            report.run_at if one.started_at is None else one.started_at for report, one in cases
        ],
        "type": [text(one.type) for _, one in cases],
        "message": [text(one.message) for _, one in cases],
        "details": [text(one.details) for _, one in cases],
        "file": [text(one.file) for _, one in cases],
        "skip_reason": [text(one.skip_reason) for _, one in cases],
        "build_id": [report.build_id for report, _ in cases],
        "commit_sha": [report.commit_sha for report, _ in cases],
        "branch": [report.branch for report, _ in cases],
        "environment": [
            name(f"{report.environment} {one.environment}".strip()) for report, one in cases
        ],
        "report_id": [report.report_id for report, _ in cases],
    }


def name(said: str) -> str:
    """Return a name that a table can bear; what is cut off still tells two names apart."""
    said = said if said.isascii() else said.encode("utf-8", "replace").decode()
    if len(said) <= NAME_CHARS:
        return said
    return f"{said[:NAME_CHARS]}…{content_id(said) & 0xFFFF_FFFF:08x}"


@dataclass(slots=True)
class _Sum:
    lines: int = 0
    covered_lines: int = 0
    branches: int = 0
    covered_branches: int = 0

    def add(self, one: FileCoverage) -> None:
        self.lines += one.lines
        self.covered_lines += one.covered_lines
        self.branches += one.branches
        self.covered_branches += one.covered_branches

    def metrics(self) -> Iterator[tuple[str, float, int]]:
        """Yield metric, value and total; there is no share of nothing."""
        if self.lines:
            yield "line_coverage", self.covered_lines / self.lines, self.lines
            yield "lines_covered", float(self.covered_lines), self.lines
        if self.branches:
            yield "branch_coverage", self.covered_branches / self.branches, self.branches


def measure_rows(files: Iterable[FileCoverage], place: Place) -> pl.DataFrame:
    """Return rows of core.code_measures: project, folders (of the files right in them), files.

    A report below a folder measures that part of the project only: `shop:web/reports`.
    """
    sums: dict[tuple[str, str], _Sum] = {}
    measured: int | None = None
    for one in files:
        measured = measured or one.at
        folder = str(PurePosixPath(one.path).parent)
        for kind, component in (
            ("project", _part(place)), ("folder", folder), ("file", one.path),
        ):  # fmt: skip
            sums.setdefault((kind, name(component)), _Sum()).add(one)
    at = day_and_time(place.report.run_at if measured is None else measured)
    return frame("core.code_measures", [
        {
            **_common(place), "instance": place.instance, "component": component, "metric": metric,
            "at": at, "kind": kind, "branch": place.report.branch, "value": value,
            "total": float(total),
        }
        for (kind, component), total_of in sums.items()
        for metric, value, total in total_of.metrics()
    ])  # fmt: skip


def _part(place: Place) -> str:
    path = PurePosixPath(place.report.path.partition("!")[0].replace("\\", "/"))
    is_below = not path.is_absolute() and str(path.parent) != "."
    return f"{place.project_id}:{path.parent}" if is_below else place.project_id


def _common(place: Place) -> dict[str, Any]:
    return {
        "project_id": place.project_id, "source": place.source,
        "commit_sha": place.report.commit_sha,
    }  # fmt: skip


def finding_rows(findings: Iterable[Finding], place: Place) -> pl.DataFrame:
    """Return rows of core.code_findings, one each."""
    seen: Counter[Same] = Counter()
    rows: list[dict[str, Any]] = []
    for one in findings:
        same = (one.tool, one.rule_id, one.path, one.identity or f"{one.line}|{one.message}")
        seen[same] += 1
        rows.append(_finding(one, same, seen[same], place))
    return frame("core.code_findings", rows)


def _finding(
    one: Finding, same: Same, nth: int, place: Place
) -> dict[str, Any]:  # fmt: skip
    number = content_id(*same, str(nth)) & 0xFFFF_FFFF_FFFF_FFFF
    ended = place.report.run_at if one.updated_at is None else one.updated_at
    started = ended if one.created_at is None else one.created_at
    return {
        **_common(place), "finding_id": f"{place.instance}:{number:016x}",
        "tool": one.tool, "rule_id": one.rule_id, "kind": one.kind, "severity": one.severity,
        "original_severity": one.original_severity, "status": one.status, "message": one.message,
        "path": one.path, "line": one.line, "end_line": one.end_line, "url": one.url,
        "commit_sha": place.report.commit_sha or one.commit_sha,
        "created_at": day_and_time(started), "updated_at": day_and_time(ended),
        "resolved_at": day_and_time(ended) if one.status == "resolved" else None,
    }  # fmt: skip
