"""The logs that are labelled by hand (`cause_lines/README.md`), as rows of the protocol."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable
from pathlib import Path

import polars as pl

from ingest.parse.jenkins_log import plain_lines

LABELS = Path(__file__).parent / "cause_lines" / "labels.toml"
ANALYSIS = "plugin/src/test/resources/io/jenkins/plugins/analysis"
FOLDERS = {
    "steps": f"{ANALYSIS}/warnings/steps", "analysis": ANALYSIS,
    "ui": "ui-tests/src/test/resources",
}  # fmt: skip
TUNING = "01234567"
"""First hex digits of a path's SHA-256 that put it into the half that may be tuned on."""
REPORTS = ("ClangAnalyzer.txt", "nonFilePatternMatch.txt", "checkstyle-with-windows-encoding.txt")


def rows(shared: Callable[[str], Path]) -> pl.DataFrame:
    """Return one row a labelled file: name, half, kind, lines, causes."""
    root = shared("fixtures/tool-logs/warnings-ng-plugin")
    labels = tomllib.loads(LABELS.read_text())
    return pl.DataFrame([
        _row(root, f"{FOLDERS[group]}/{name}", causes)
        for group, named in labels.items() for name, causes in named.items()
    ])  # fmt: skip


def _row(root: Path, path: str, causes: list[int]) -> dict[str, object]:
    name = Path(path).name
    is_report = name.endswith((".xml", ".json")) or name in REPORTS
    return {
        "name": path, "half": half(path), "kind": "report" if is_report else "console",
        "lines": plain_lines((root / path).read_bytes()).to_list(), "causes": causes,
    }  # fmt: skip


def half(path: str) -> str:
    """Return the half of a path: tuning or held out."""
    digest = hashlib.sha256(path.encode()).hexdigest()
    return "tuning" if digest[0] in TUNING else "held out"
