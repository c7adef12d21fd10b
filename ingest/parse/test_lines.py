"""Lines that tests ran to rows of core.test_coverage, whatever tool told them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

import polars as pl

from golive_core import pytest_names
from ingest.parse.report_rows import TestLines, day_and_time
from ingest.parse.report_tables import Place, name
from ingest.parse.rows import frame
from ingest.parse.tests import test_ids

PHASE = re.compile(r"\|(?:setup|run|teardown)$")
"""What pytest-cov writes behind a node id."""


def coverage_rows(told: Iterable[TestLines], place: Place) -> pl.DataFrame:
    """Return one row a test and file; contexts of one test (its phases) are one.

    Files outside of the tests' own repository are left out where that can be told.
    """
    found: dict[tuple[pytest_names.Name, str], set[int]] = {}
    files: set[str] = set()
    for one in told:
        node = PHASE.sub("", one.context)
        files.add(node.partition("::")[0])
        found.setdefault((named(node), one.path), set()).update(one.lines)
    root = root_of({path for _, path in found}, files)
    keys = pl.DataFrame(
        [("pytest", name(test.class_name), name(test.name)) for test, _ in found],
        schema=dict.fromkeys(("suite", "class_name", "name"), pl.String), orient="row",
    )  # fmt: skip
    at = day_and_time(place.report.run_at)
    rows = [
        {
            "project_id": place.project_id, "test_id": test_id, "path": path.removeprefix(root),
            "measured_at": at, "day": at.date() if at else None,
            "lines": ranges(lines), "lines_covered": len(lines),
            "commit_sha": place.report.commit_sha,
        }
        for test_id, ((_, path), lines) in zip(
            test_ids(keys, place.project_id), found.items(), strict=True
        )
        if path.startswith(root)
    ]  # fmt: skip
    return frame("core.test_coverage", rows)


def named(context: str) -> pytest_names.Name:
    """Return the test of a context: pytest-cov's node id, else the dotted name of a function."""
    if "::" in context:
        return pytest_names.of_node(context)
    class_name, _, test = context.rpartition(".")
    return pytest_names.Name(class_name, test)


def root_of(paths: Iterable[str], files: Iterable[str]) -> str:
    """Return the folder that absolute paths stand in, told by the tests' own files among them."""
    wanted = {file for file in files if file.endswith(".py") and not file.startswith("/")}
    for path in sorted(paths):
        if PurePosixPath(path).is_absolute():
            for file in wanted:
                if path.endswith(f"/{file}"):
                    return path.removesuffix(file)
    return ""


def ranges(lines: Iterable[int]) -> str:
    """Return line numbers as ranges: 3-7,9."""
    spans: list[list[int]] = []
    for line in sorted(lines):
        if spans and line == spans[-1][1] + 1:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)
