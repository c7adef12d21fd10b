"""What `golive test stress`, `verify` and `coverage` told, kept in the lake for their pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golive_cli.output import say
from golive_cli.stressing import word
from golive_core.errors import GoLiveError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from golive_cli.diff_coverage import Covered
    from golive_cli.fix_evidence import Evidence
    from golive_core.lake import Lake
    from golive_core.settings import Settings
    from golive_runner.stress import Course
    from models.reruns import Judged

    Verdicts = Sequence[tuple[Course, Judged]]

UNMERGED = "all that is not on the main line"
"""The change that is meant where nobody names commits."""
KNOWN = """
select distinct on (class_name, name, parameters) class_name,
    name || coalesce('[' || parameters || ']', '') as name, test_id
from core.tests
where project_id = ? order by last_seen_at desc
"""
TESTS = "core.tests"


@dataclass(frozen=True, slots=True)
class Asked:
    """What tests were run for: `kind` is stress or verify; "" where something is not known."""

    kind: str
    change: str = ""
    commit: str = ""
    fix: str = ""


def owner(named: str) -> str:
    """Return the project that is meant: the one named, the only one there is, else "".

    Raises UsageError for a name that nothing here knows.
    """
    from golive_core import settings
    from golive_core.toml import near

    found = settings.load()
    known = sorted(found.projects) or _in_lake(found)
    if named and named not in known:
        hint = near(named, known) or "golive init writes golive.toml, which names projects"
        raise UsageError(f"there is no project {named!r}", hint=hint)
    return named or (known[0] if len(known) == 1 else "")


def _in_lake(found: Settings) -> list[str]:
    from golive_core.lake import Lake

    lake = Lake(found.home / "lake")
    if not lake.exists("core.projects"):
        return []
    return lake.query("select project_id from core.projects order by 1")["project_id"].to_list()


def commit_of(folder: Path) -> str:
    """Return the commit that is checked out in a folder, "" outside of a repository."""
    from golive_runner.changed_tests import top

    try:
        return top(folder).commit("HEAD")
    except GoLiveError:
        return ""


def keep_reruns(project: str, asked: Asked, found: Verdicts, known: Evidence | None = None) -> None:
    """Write the verdicts; without a project say how they would be kept."""
    if not project:
        say("Not kept for the page Stress and fixes: --project says whose tests these are.")
        return
    import polars as pl

    from golive_core.schema import RERUNS, conform

    lake, now = _lake(), datetime.now(UTC)
    told = _evidence(known)
    rows = [
        {**_subject(asked), **told, **_verdict(course, judged), "judged_at": now, "day": now.date(),
         "project_id": project, "rerun_id": _id(project, course.test, asked.kind, now)}
        for course, judged in found
    ]  # fmt: skip
    frame = pl.DataFrame(rows, infer_schema_length=None)
    ids = _test_ids(lake, project, [course.test for course, _ in found])
    lake.insert(RERUNS.name, conform(RERUNS, frame.with_columns(ids)))


def _lake() -> Lake:
    from golive_cli.folder import prepared
    from golive_core.lake import Lake
    from golive_core.settings import home

    return Lake(prepared(home()) / "lake")


def _subject(asked: Asked) -> dict[str, Any]:
    return {
        "kind": asked.kind, "change": asked.change or None, "commit_sha": asked.commit or None,
        "fix_sha": asked.fix or None,
    }  # fmt: skip


def _verdict(course: Course, judged: Judged) -> dict[str, Any]:
    here = {"failed": course.failed, "runs": course.runs, "messages": course.messages}
    return {**asdict(judged), **here, "test": course.test, "verdict": word(course, judged)}


def _evidence(known: Evidence | None) -> dict[str, int | None]:
    if known is None:
        return dict.fromkeys(("before_failed", "before_runs", "known_failed", "known_runs"))
    return {
        "before_failed": known.before_failed, "before_runs": known.before_runs,
        "known_failed": known.failed, "known_runs": known.runs,
    }  # fmt: skip


def _id(*parts: object) -> str:
    from golive_core.ids import content_id

    return f"{content_id(*map(str, parts)) & (1 << 64) - 1:016x}"


def _test_ids(lake: Lake, project: str, nodes: Sequence[str]) -> pl.Series:
    """Return the test of each node id: as the lake has it, else as pytest's reports will."""
    import polars as pl

    from golive_core import pytest_names
    from ingest.parse.tests import test_ids

    names = [pytest_names.of_node(node) for node in nodes]
    frame = pl.DataFrame(names, schema=["class_name", "name"], orient="row").with_columns(
        suite=pl.lit(pytest_names.SUITE)
    )
    known = _known(lake, project)
    ids = zip(names, test_ids(frame, project), strict=True)
    return pl.Series("test_id", [known.get(name, id_) for name, id_ in ids], dtype=pl.Int64)


def _known(lake: Lake, project: str) -> Mapping[tuple[str, str], int]:
    if not lake.exists(TESTS):
        return {}
    rows = lake.query(KNOWN, [project]).rows()
    return {(class_name, name): test_id for class_name, name, test_id in rows}


def keep_coverage(project: str, change: str, head: str, found: Sequence[Covered]) -> None:
    """Write which lines of a change no test runs, a row each file; asked again it is replaced."""
    if not found:
        return
    import polars as pl

    from golive_core.schema import DIFF_COVERAGE, conform
    from ingest.parse.test_lines import ranges

    now = datetime.now(UTC)
    rows = [
        {"project_id": project, "change": change, "head_sha": head, "path": one.path,
         "asked_at": now, "day": now.date(), "lines_changed": len(one.changed),
         "lines_missed": len(one.missed),
         "missed": ranges(one.missed), "tests": one.tests, "is_measured": one.is_measured}
        for one in found
    ]  # fmt: skip
    _lake().merge(DIFF_COVERAGE.name, conform(DIFF_COVERAGE, pl.DataFrame(rows)))
