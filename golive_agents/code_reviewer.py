"""What is risky in a change: history with its numbers, and findings on its new lines. No model.

`Reviewer.review` takes a change and gives a `Review`: each touched file with how often, by whom and
why it was changed, how often its changes broke builds, its coverage; tests touched that are not
healthy; the forecast of its build; what analysers say of new lines. Git alone gives a part of that;
what is not known is said. Nothing of the repository is run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from golive_agents import git_history
from golive_agents.analysing import Analysed, by_lake
from golive_agents.change import Change, Clone
from golive_agents.evidence import Evidence
from golive_agents.explanation import Cite
from golive_agents.review import FileRisk, Forecast, Review, TouchedTest
from golive_core.lake import Lake

NEAR = 200
"""Commits before the change by which its project is found."""
NOT_READ = "builds, tests, coverage: no commit of it is in the lake; run golive ingest git . there"
NO_BUILDS = "which changes broke builds: no first build of a commit is known"
NO_TESTS = "flaky tests in touched files: no test of them was judged"
NO_COVERAGE = "coverage of the touched files: none was measured"
NO_FORECAST = "how probably its build fails: nothing is forecast for its head"
Row = Mapping[str, Any]


class Reviewer:
    """Reviews changes with what a lake knows; `project` "" means the one that has its commits."""

    def __init__(self, lake: Lake, *, project: str = "") -> None:
        self._evidence = Evidence(lake)
        self._project = project

    def review(
        self,
        change: Change,
        clone: Clone | None = None,
        *,
        analysed: Sequence[Analysed] = (),
        forecasts: Sequence[Row] | None = None,
        no_forecast: str = NO_FORECAST,
    ) -> Review:
        """Return what is known of a change; raises LakeError.

        Without a clone history is the lake's. `forecasts` are rows like those of
        review_forecasts.sql, None to take the lake's of the head; `no_forecast` says why there are
        none.
        """
        project = self._project_of(change, clone)
        unknown = [] if project else [NOT_READ]
        files = git_history.risks(clone, change) if clone else [
            git_history.plain(one) for one in change.files
        ]  # fmt: skip
        found = Review(
            change.name, change.base, change.head, project, change.branch,
            git_history.size(change, clone), tuple(files), new_lines=change.lines,
        )  # fmt: skip
        if project:
            found = self._with_lake(found, change, forecasts)
            unknown += _lacking(found, self._judged(project), no_forecast)
            analysed = (*analysed, by_lake(self._evidence, project, change))
        told = [one for part in analysed for one in part.findings]
        return replace(
            found, findings=tuple(sorted(told, key=lambda one: (one.path, one.line, one.rule))),
            files=tuple(sorted(found.files, key=_danger, reverse=True)),
            unknown=(*unknown, *(why for part in analysed for why in part.unknown)),
        )  # fmt: skip

    def _project_of(self, change: Change, clone: Clone | None) -> str:
        """Return the project that has the commits of the change or those before it; "" for none."""
        shas = [change.head, change.base, *change.shas, *_before(change, clone)]
        wanted = [one for one in shas if one]
        if not wanted:
            return self._project
        rows = self._evidence.rows("review_projects", shas=wanted, project=self._project)
        return rows["project_id"][0] if rows.height else ""

    def _with_lake(self, found: Review, change: Change, forecasts: Sequence[Row] | None) -> Review:
        project = found.project_id
        rows = self._evidence.rows("review_files", project=project, paths=change.paths)
        known = {row["path"]: row for row in rows.iter_rows(named=True)}
        files = [_with_rows(one, known.get(one.path), project) for one in found.files]
        signals = self._evidence.rows("review_signals", project=project)
        tests = self._evidence.rows("review_tests", project=project, paths=change.paths)
        if forecasts is None:
            forecasts = self._evidence.rows(
                "review_forecasts", project=project, sha=change.head
            ).to_dicts()
        return replace(
            found, files=tuple(files),
            tests=tuple(_test(row) for row in tests.iter_rows(named=True)),
            broke_share=signals["broke_share"][0] if signals.height else None,
            forecasts=tuple(_forecast(row) for row in forecasts),
        )  # fmt: skip

    def _judged(self, project: str) -> int:
        """Return how many tests of a project were judged."""
        rows = self._evidence.rows("review_signals", project=project)
        return rows["judged"][0] if rows.height else 0


def _lacking(found: Review, judged: int, no_forecast: str) -> list[str]:
    """Return what the lake does not know of a change."""
    lacks = (
        (found.broke_share is None, NO_BUILDS), (not found.forecasts, no_forecast),
        (all(one.coverage is None for one in found.files), NO_COVERAGE), (not judged, NO_TESTS),
    )  # fmt: skip
    return [why for is_so, why in lacks if is_so]


def _before(change: Change, clone: Clone | None) -> list[str]:
    """Return commits before the change: its own may be too new for the lake."""
    if clone is None or not change.base:
        return []
    return clone.git.run("rev-list", f"--max-count={NEAR}", change.base).decode().split()


def _with_rows(one: FileRisk, row: Row | None, project: str) -> FileRisk:
    """Return a file with what the lake knows of it; what git told at the base is not replaced."""
    if row is None:
        return one
    history = ("commits", "commits_90d", "authors", "owner", "owner_share")
    missing = {name: row[name] for name in history if one.commits is None} | {
        "builds": row["builds"], "broke": row["breaks"], "coverage": row["coverage"],
        "complexity": row["complexity"], "findings": row["findings"],
    }  # fmt: skip
    is_known = any(value is not None for value in missing.values())
    cite = Cite("marts.code_files", f"project_id={project} path={one.path}")
    return replace(one, **missing, cites=(*one.cites, cite) if is_known else one.cites)


def _danger(one: FileRisk) -> tuple[int, int, int, int]:
    """Return the order of files: broke builds, was mended, changes often, changes much."""
    return one.broke or 0, one.mended or 0, one.commits_90d or 0, one.lines


def _test(row: Row) -> TouchedTest:
    title = "::".join(part for part in (row["class_name"], row["name"]) if part)
    return TouchedTest(
        row["test_id"], title, row["near_path"], row["is_own"], row["verdict"],
        row["probability"], Cite("predictions.flaky", f"test_id={row['test_id']}"),
    )  # fmt: skip


def _forecast(row: Row) -> Forecast:
    return Forecast(
        row["pipeline_id"], row["probability"], row["low"], row["high"], row["told_by"],
        tuple(row["reasons"] or ()),
    )  # fmt: skip
