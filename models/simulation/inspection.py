"""What analysers said of the simulated code: findings, coverage and complexity by file.

Files that regressions come from have more findings and less coverage than others, but not always:
a finding is a hint and no proof. Draws come from a stream of their own.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from models.simulation import names
from models.simulation.history import DAY, History
from models.simulation.rows import SOURCE, Frames, frame
from models.simulation.shape import Shape
from models.simulation.telemetry import with_day_of
from models.simulation.truth import Regression

STREAM = 8_507
FINDINGS = 0.35
"""Findings of a file on average; a file that regressions come from has `WORSE` more for each."""
WORSE = 0.8
MENDED = 0.35
WEEK = 7 * DAY
RULES = (
    ("sonarqube", "python:S1192", "code_smell", "low", "This literal is written 4 times"),
    ("sonarqube", "python:S3776", "code_smell", "high", "This function is too complex"),
    ("sonarqube", "python:S1481", "bug", "medium", "This variable is never read"),
    ("semgrep", "python.lang.open-redirect", "vulnerability", "critical",
     "The address comes from the request"),
    ("semgrep", "python.lang.sql-format", "vulnerability", "high", "SQL is put together as text"),
    ("ruff", "B006", "bug", "medium", "A default argument is shared between calls"),
)  # fmt: skip


def inspection(
    past: History, suite: names.Suite, broken: list[Regression], shape: Shape, seed: int
) -> Frames:
    """Return core.code_findings and core.code_measures of a history."""
    rng = np.random.default_rng([seed, STREAM])
    first, last = past.commits[0].at, past.commits[-1].at
    weak: dict[str, int] = {}
    for item in broken:
        path = suite.modules[int(suite.group[item.tests[0]])]
        weak[path] = weak.get(path, 0) + 1
    findings: list[dict[str, Any]] = []
    measures: list[dict[str, Any]] = []
    for path in suite.modules:
        bad = weak.get(path, 0)
        for _ in range(int(rng.poisson(FINDINGS + WORSE * bad))):
            findings.append(_finding(shape, path, len(findings) + 1, first, last, rng))
        measures += _measures(shape, path, bad, first, last, rng)
    return {
        "core.code_findings": frame("core.code_findings", findings),
        "core.code_measures": with_day_of("core.code_measures", measures),
    }


def _finding(
    shape: Shape, path: str, number: int, first: float, last: float, rng: np.random.Generator
) -> dict[str, Any]:
    tool, rule, kind, severity, message = RULES[int(rng.integers(len(RULES)))]
    # most were there when the analyser first ran; the others came with the changes
    found = first if rng.random() < 0.6 else float(rng.uniform(first, last))  # noqa: PLR2004
    mended = found + float(rng.exponential(0.5)) * (last - first)
    is_mended = bool(rng.random() < MENDED) and mended < last
    line = 1 + int(rng.integers(1, 240))
    return {
        "finding_id": f"{shape.project_id}-quality:{number}", "project_id": shape.project_id,
        "source": SOURCE, "tool": tool, "rule_id": rule, "kind": kind, "severity": severity,
        "original_severity": severity, "status": "resolved" if is_mended else "open",
        "message": message, "path": path, "line": line, "end_line": line,
        "effort_s": 300.0 * (1 + int(rng.integers(6))), "created_at": found,
        "updated_at": mended if is_mended else found, "resolved_at": mended if is_mended else None,
    }  # fmt: skip


def _measures(
    shape: Shape, path: str, bad: int, first: float, last: float, rng: np.random.Generator
) -> list[dict[str, Any]]:
    size = 80 + zlib.crc32(path.encode()) % 400
    coverage = float(np.clip(rng.beta(9, 2) - 0.06 * bad, 0.2, 1.0))
    values = {"line_coverage": coverage, "complexity": 4 + size / 14 + 5.0 * bad}
    return [
        {
            "instance": f"{shape.project_id}-quality", "component": path, "metric": metric,
            "at": at, "project_id": shape.project_id, "source": SOURCE, "kind": "file",
            "value": value, "total": float(size) if metric == "line_coverage" else None,
        }
        for at in np.arange(first, last, WEEK).tolist()
        for metric, value in values.items()
    ]  # fmt: skip
