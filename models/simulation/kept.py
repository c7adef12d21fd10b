"""What simulated builds keep and measure: artifacts, and the coverage of source files by day.

Every number follows from the build's number or a hash of the file's name: no random stream is
used, so that what else a seed gives stays the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from models.simulation.history import DAY, MAIN, History
from models.simulation.rows import SOURCE, Frames, with_day
from models.simulation.shape import Shape

KEEP_S = 30 * DAY
"""How long the simulated CI keeps artifacts."""
REPORT_BYTES = 61_000
PACKAGE_BYTES = 4_200_000
MEASURE_EVERY = 5
"""Days between two measures of coverage."""
LEAST, MOST = 0.32, 0.98
"""Coverage of the worst and the best file."""


def artifact_rows(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the files that a build keeps: reports if its tests ran, packages if they passed."""
    if row["status"] not in ("passed", "failed"):
        return []
    wiggle = row["number"] * 977 % 4_096
    kept = [("reports/junit.xml", REPORT_BYTES + wiggle), ("reports/coverage.xml", 38_000 + wiggle)]
    if row["status"] == "passed":
        kept.append((f"dist/shop-{row['number']}.tar.gz", PACKAGE_BYTES + 16 * wiggle))
    at = row["started_at"] + row["duration_s"]
    return [
        {
            "artifact_id": f"{row['build_id']}/{path}", "build_id": row["build_id"],
            "project_id": row["project_id"], "path": path, "size_bytes": size,
            "sha256": hashlib.sha256(f"{row['build_id']}/{path}".encode()).hexdigest(),
            "created_at": at, "expires_at": at + KEEP_S, "url": f"{row['url']}/artifact/{path}",
            "build_day": row["queued_at"],
        }
        for path, size in kept
    ]  # fmt: skip


def measures(past: History, modules: Sequence[str], shape: Shape) -> Frames:
    """Return the coverage of every source file on the main line, each MEASURE_EVERY days."""
    commits = [commit for commit in past.commits if commit.branch == MAIN]
    found: list[dict[str, Any]] = []
    due = commits[0].at
    for commit in commits:
        if commit.at >= due:
            due = commit.at + MEASURE_EVERY * DAY
            found += _measured(commit.at, commit.sha, sorted(set(modules)), shape)
    return {"core.code_measures": with_day("core.code_measures", found, "at")}


def _measured(
    at: float, sha: str, modules: Sequence[str], shape: Shape
) -> Iterator[dict[str, Any]]:
    common = {
        "instance": f"{shape.project_id}-coverage", "metric": "line_coverage", "at": at,
        "project_id": shape.project_id, "source": SOURCE, "commit_sha": sha, "branch": MAIN,
    }  # fmt: skip
    covered, lines = 0.0, 0
    for module in modules:
        share, size = _coverage(module, sha)
        covered, lines = covered + share * size, lines + size
        yield common | {"component": module, "kind": "file", "value": share, "total": size}
    yield common | {
        "component": shape.project_id, "kind": "project", "value": covered / lines, "total": lines,
    }  # fmt: skip


def _coverage(module: str, sha: str) -> tuple[float, int]:
    """Return the share of covered lines of a file at a commit, near what is usual for it."""
    digest = hashlib.sha256(module.encode()).digest()
    usual = 1 - (digest[0] / 255) ** 2
    moved = (int(sha[:2], 16) - 128) / 128 * 0.01 * (digest[2] / 255)
    share = min(MOST, max(LEAST, LEAST + (MOST - LEAST) * usual + moved))
    size = 60 + digest[1] * 4
    return round(share * size) / size, size
