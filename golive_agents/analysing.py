"""What analysers say of the new lines of a change: ruff, SARIF files, and findings of the lake.

Findings on other lines are left out: they are not of this change. Ruff gets each file as it is in
the commit, by its standard input, so the work tree is neither read nor written; the project's own
settings hold, and where it is no test, the security rules of bandit (S) beside them.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from golive_agents.change import Change, Clone
from golive_agents.diff import ChangedFile
from golive_agents.evidence import Evidence
from golive_agents.explanation import Cite
from golive_agents.review import Finding
from golive_core.errors import UsageError
from golive_core.settings import child_environment
from ingest.parse.junit import Report
from ingest.parse.report_rows import Body
from ingest.parse.report_rows import Finding as Reported
from ingest.parse.reports import sarif
from models.path_kinds import KINDS

RUFF_TIMEOUT_S = 60
MOST_FILES = 400
"""Python files that ruff is asked about."""
RULES = (("S", "vulnerability"), ("F", "bug"), ("B", "bug"), ("PLE", "bug"))
"""Kinds of ruff's rules by their beginnings; all others are style."""
OPEN = {"open", "confirmed", "reopened"}


@dataclass(frozen=True, slots=True)
class Analysed:
    """Findings on new lines, and what could not be asked."""

    findings: tuple[Finding, ...] = ()
    unknown: tuple[str, ...] = ()


def by_ruff(clone: Clone, change: Change) -> Analysed:
    """Return what ruff says of the Python files of a change."""
    program = _ruff()
    wanted = [one for one in change.files if one.path.endswith((".py", ".pyi")) and one.added]
    if not wanted:
        return Analysed()
    if program is None:
        return Analysed(unknown=("ruff is not installed: the Python files were not analysed",))
    found: list[Finding] = []
    unknown: list[str] = []
    for one in wanted[:MOST_FILES]:
        try:
            found += _on_new_lines(change, _of_ruff(program, clone, change.head, one))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            unknown.append(f"ruff cannot read {one.path}: {error}")
    if len(wanted) > MOST_FILES:
        unknown.append(f"ruff was asked about the first {MOST_FILES} of {len(wanted)} files only")
    return Analysed(tuple(found), tuple(unknown))


def by_sarif(paths: Iterable[Path], change: Change) -> Analysed:
    """Return the open results of SARIF files on new lines; raises UsageError, ReportError."""
    found: list[Finding] = []
    for path in paths:
        if not path.is_file():
            raise UsageError("there is no such SARIF file", where=str(path))
        now = int(datetime.now(UTC).timestamp() * 1_000_000)
        report = Report(str(path), "", "", now, now)
        body = Body(lambda place=path: place.open("rb"), report)
        found += _on_new_lines(change, _of_sarif(sarif.parse(body), change, path))
    return Analysed(tuple(found))


def by_lake(evidence: Evidence, project: str, change: Change) -> Analysed:
    """Return the open findings that the lake has of the commits of the change."""
    shas = [change.head, *change.shas]
    rows = evidence.rows("review_findings", project=project, paths=change.paths, shas=shas)
    return Analysed(tuple(_on_new_lines(change, map(_of_row, rows.iter_rows(named=True)))))


def _ruff() -> str | None:
    """Return the ruff beside this Python, else that of the PATH."""
    return shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")


def _of_ruff(program: str, clone: Clone, head: str, one: ChangedFile) -> Iterator[Finding]:
    text = clone.text(head, one.path)
    if text is None:
        return
    is_test = re.search(KINDS["tests"], one.path) is not None
    done = subprocess.run(  # noqa: S603 - a linter, which runs nothing of what it reads
        [program, "check", "--no-cache", "--no-fix", "--force-exclude", "--exit-zero", "--quiet",
         "--output-format=json", *([] if is_test else ["--extend-select=S"]),
         f"--stdin-filename={clone.top / one.path}", "-"],
        input=text.encode(), capture_output=True, check=False, timeout=RUFF_TIMEOUT_S,
        cwd=clone.top, env=child_environment(),
    )  # fmt: skip
    if done.returncode:
        raise ValueError(" ".join(done.stderr.decode(errors="replace").split())[:200])
    for said in cast("list[dict[str, Any]]", json.loads(done.stdout or b"[]")):
        rule = said["code"] or "syntax"
        yield Finding(
            one.path, said["location"]["row"], said["end_location"]["row"], "ruff", rule,
            _kind(rule), "", said["message"], f"ruff at {head[:10]}",
        )  # fmt: skip


def _kind(rule: str) -> str:
    if rule in {"syntax", "invalid-syntax"}:
        return "bug"
    return next((kind for start, kind in RULES if re.match(rf"{start}\d", rule)), "style")


def _of_sarif(rows: Iterable[object], change: Change, file: Path) -> Iterator[Finding]:
    for one in rows:
        if not isinstance(one, Reported) or one.status not in OPEN:
            continue
        path = _path_of(one.path or "", change)
        if path and one.line:
            yield Finding(
                path, one.line, one.end_line or one.line, one.tool, one.rule_id or "", one.kind,
                one.severity, one.message, str(file),
            )  # fmt: skip


def _path_of(told: str, change: Change) -> str:
    """Return the one changed path that a report means: the same, or its end; "" for none."""
    paths = change.lines
    if told in paths:
        return told
    ends = [one for one in paths if told.endswith(f"/{one}") or one.endswith(f"/{told}")]
    return ends[0] if told and len(ends) == 1 else ""


def _of_row(row: Mapping[str, Any]) -> Finding:
    cite = Cite("core.code_findings", f"finding_id={row['finding_id']}")
    where = "" if row["commit_sha"] else "; of which commit is not told"
    return Finding(
        row["path"], row["line"], row["end_line"] or row["line"], row["tool"],
        row["rule_id"] or "", row["kind"], row["severity"], row["message"], f"{cite}{where}",
    )  # fmt: skip


def _on_new_lines(change: Change, found: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings that have a new line in them; the same by two ways counts once."""
    lines, seen = change.lines, set[tuple[str, int, str]]()
    for one in found:
        new = lines.get(one.path, frozenset[int]())
        key = (one.path, one.line, one.rule or one.text)
        if key not in seen and any(at in new for at in range(one.line, one.end_line + 1)):
            seen.add(key)
            yield one
