"""Which changed lines of a change no test runs: Git's diff beside core.test_coverage.

Only statements in functions are asked about: what stands outside of them runs on import, for
every test. A file that is another one than the one that was measured is told as not measured.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from golive_core.errors import GoLiveError

if TYPE_CHECKING:
    from golive_core.lake import Lake
    from golive_runner.changed_tests import Change

NEWEST = """
with newest as (
    select path, lines, coalesce(commit_sha, '') as commit_sha, test_id from core.test_coverage
    where project_id = ?
    qualify measured_at = max(measured_at) over (partition by test_id)
)
"""
LINES = f"{NEWEST} select * from newest where split_part(path, '/', -1) in (select unnest(?))"  # noqa: S608
COMMITS = f"{NEWEST} select distinct commit_sha from newest"  # noqa: S608
Row = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True)
class Covered:
    """One changed file: statements that changed, those that no test ran, and who ran others.

    `is_measured` is false where nobody measured this version of it.
    """

    path: str
    changed: frozenset[int]
    missed: frozenset[int]
    tests: int
    is_measured: bool


@dataclass(frozen=True, slots=True)
class _Measured:
    lines: frozenset[int]
    tests: frozenset[int]


def covered(lake: Lake, project: str, change: Change) -> list[Covered]:
    """Return every changed Python file that has changed statements and is no test file."""
    from golive_runner.changed_tests import is_test_file

    asked = {
        path: lines
        for path, lines in sorted(change.lines.items())
        if path.endswith(".py") and not is_test_file(path) and not path.endswith("conftest.py")
    }
    commits = lake.query(COMMITS, [project])["commit_sha"].to_list()
    rows: list[Row] = lake.query(LINES, [project, [path.split("/")[-1] for path in asked]]).rows()
    found: list[Covered] = []
    for path, lines in asked.items():
        statements = _changed(change, path, lines)
        if statements:
            found.append(_judged(path, statements, _measured(change, path, rows, commits)))
    return found


def _judged(
    path: str, statements: dict[int, frozenset[int]], measured: _Measured | None
) -> Covered:
    changed = frozenset(statements)
    if measured is None:
        return Covered(path, changed, frozenset(), 0, is_measured=False)
    missed = frozenset(at for at, span in statements.items() if not span & measured.lines)
    return Covered(path, changed, missed, len(measured.tests), is_measured=True)


def _changed(change: Change, path: str, lines: frozenset[int]) -> dict[int, frozenset[int]]:
    """Return the changed statements in functions: first line, and the lines that stand for it."""
    try:
        tree = ast.parse(change.text(path))
    except (SyntaxError, ValueError, OSError):
        return {}
    spans = {min(span): span for span in _statements(tree, inside=False)}
    return {at: span for at, span in spans.items() if span & lines}


def _statements(node: ast.AST, *, inside: bool) -> Iterator[frozenset[int]]:
    for one in ast.iter_child_nodes(node):
        is_function = isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))
        if isinstance(one, ast.stmt) and inside and not _is_text(one):
            yield frozenset(range(one.lineno, _head_end(one) + 1))
        yield from _statements(one, inside=inside or is_function)


def _head_end(one: ast.stmt) -> int:
    """Return the last line of a statement itself, without the statements in it."""
    body = getattr(one, "body", None)
    last = one.end_lineno or one.lineno
    return max(one.lineno, min(last, body[0].lineno - 1)) if body else last


def _is_text(one: ast.stmt) -> bool:
    """Tell whether it is a docstring, which nobody runs."""
    return isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)


def _measured(change: Change, path: str, rows: list[Row], commits: list[str]) -> _Measured | None:
    """Return what was run of this version of a file; None where it was not measured.

    A measurement of a commit at which the file was the same counts, as does one of no commit.
    """
    same = {sha for sha in commits if _is_same(change, sha, path)}
    if not same:
        return None
    of_file = [row for row in rows if row[0] == path or row[0].endswith(f"/{path}")]
    fitting = [row for row in of_file if row[2] in same]
    lines = frozenset[int]().union(*(numbers(row[1]) for row in fitting))
    return _Measured(lines, frozenset(row[3] for row in fitting))


def _is_same(change: Change, sha: str, path: str) -> bool:
    """Tell whether a file was at a commit as it is in the change."""
    if not sha:
        return True
    git = change.repository.git
    try:
        there = git.run("show", f"{sha}:{path}")
    except GoLiveError:
        return False
    return there.decode("utf-8", "replace") == change.text(path)


def numbers(said: str) -> frozenset[int]:
    """Return the lines of ranges: 3-7,9."""
    found: set[int] = set()
    for part in filter(None, said.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)
