"""What the lake knows of a test before and since a fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from golive_core.errors import GoLiveError

if TYPE_CHECKING:
    from golive_runner.worktree import Repository

SQL = """
select results.commit_sha, count(*) as runs,
    count(*) filter (where results.status in ('failed', 'error')) as failed
from core.test_results as results
inner join core.tests as tests on results.test_id = tests.test_id
where tests.class_name = ? and tests.name || coalesce('[' || tests.parameters || ']', '') = ?
    and results.status <> 'skipped' and results.commit_sha is not null
group by results.commit_sha
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Failures and attempts before the fix and since; commits on other lines count for neither."""

    before_failed: int = 0
    before_runs: int = 0
    failed: int = 0
    runs: int = 0


def evidence(repository: Repository, fix: str, test: str) -> Evidence:
    """Return what the lake knows of a test (node id); nothing where there is no lake."""
    from golive_core.lake import Lake
    from golive_core.pytest_names import of_node
    from golive_core.settings import home

    lake = Lake(home() / "lake")
    if not lake.exists("core.test_results") or not lake.exists("core.tests"):
        return Evidence()
    name = of_node(test)
    before, since = [0, 0], [0, 0]
    for sha, runs, failed in lake.query(SQL, [name.class_name, name.name]).rows():
        side = _side(repository, fix, sha, before, since)
        if side is not None:
            side[0] += failed
            side[1] += runs
    return Evidence(before[0], before[1], since[0], since[1])


def _side(
    repository: Repository, fix: str, sha: str, before: list[int], since: list[int]
) -> list[int] | None:
    """Return on which side of the fix a commit is; None on neither, or where Git has it not."""
    try:
        if repository.is_ancestor(fix, sha):
            return since
        return before if repository.is_ancestor(sha, fix) else None
    except GoLiveError:
        return None
