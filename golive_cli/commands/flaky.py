"""`golive flaky`: the tests that lie, how sure that is, and on what evidence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, emit, say, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from golive_core.lake import Lake

SQL = """
select
    found.project_id, found.suite, found.class_name, found.name, found.parameters, found.file,
    found.test_id, found.verdict, found.probability, found.rate, found.rate_low, found.rate_high,
    found.attempts, found.failures, found.flakes, found.outage_failures, found.reasons,
    found.last_status, found.last_at, found.wasted_minutes, found.cost_usd, found.rank,
    verdict.prior, verdict.shown_by_now, detail.cause, detail.cause_confidence,
    detail.cause_evidence, detail.cluster_id, detail.cost_minutes_week,
    detail.cost_wait_minutes_week, detail.cost_usd_week, cluster.tests as cluster_tests,
    cluster.shared as cluster_shared
from marts.flaky_tests as found
left join predictions.flaky as verdict
    on found.project_id = verdict.project_id and found.test_id = verdict.test_id
left join predictions.flaky_details as detail
    on found.project_id = detail.project_id and found.test_id = detail.test_id
left join predictions.flaky_clusters as cluster
    on detail.project_id = cluster.project_id and detail.cluster_id = cluster.cluster_id
where (? = '' or found.project_id = ?) and (? or found.verdict = 'flaky')
order by found.project_id, found.rank
limit ?
"""

NAMES = """
select test_id, project_id, suite, class_name, name, parameters, file
from core.tests
where test_id in (select unnest(?))
"""
RIVALS = {
    "same_commit_30d": "pass and fail on a commit, 30 days (Google, GitHub, Azure DevOps, Datadog)",
    "same_commit_14d": "the same, 14 days (CircleCI)",
    "healing": "the same, 14 days, fewer than 5 passes since (Harness, Mergify)",
    "same_commit_7d": "the same, 7 days (Trunk)",
    "failure_rate_6h": "30 % of 50 runs failed within 6 hours (Trunk, threshold monitor)",
    "retried": "failed and then passed in one build (CloudBees, Buildkite, Trunk: pass on retry)",
    "rate_7d": "failure rate neither 0 nor 100 % in 7 days (GitLab)",
    "allure": "fails now, a pass after a failure in the last 5 runs (Allure)",
}
"""Columns of marts.flaky_rivals: the rules of others."""
NUMBERS = {
    "transition_rate": "most changes of result in 100 runs (Buildkite, Apple)",
    "pfs": "most failures in a good state (Meta's and Buildkite's PFS)",
    "entropy": "most entropy in 100 runs (Apple)",
}
"""Columns without a published cut: as many tests are taken as GoLive names."""


def command(
    project: Annotated[str, typer.Option(help="One project only.")] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Broken tests and outages too.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="How many the rules of other tools would name.")
    ] = False,
    flips: Annotated[
        bool, typer.Option("--flips", help="Those whose result changed most often, judged or not.")
    ] = False,
    days: Annotated[
        int, typer.Option(help="Days up to today, for --flips; 0 for all.", min=0, max=36_500)
    ] = 0,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    as_json: Json = False,
) -> None:
    """List flaky tests with their failure rate, its 90 % interval and the reasons."""
    from golive_core.lake import Lake
    from golive_core.settings import home

    lake = Lake(home() / "lake")
    if compare:
        _compare(lake, project, as_json)
        return
    if flips:
        _flips(lake, project, days, limit, as_json=as_json)
        return
    rows = _rows(lake, project, everything, limit)
    if as_json:
        emit(rows)
    elif rows:
        show(
            [
                "test",
                "verdict",
                "rate",
                "90 % interval",
                "P(flaky)",
                "likely cause",
                "cost a week",
                "last",
                "why",
            ],
            [_cells(row) for row in rows],
        )
    else:
        say(f"No test is {'suspect' if everything else 'flaky'}.")


def _rows(lake: Lake, project: str, everything: bool, limit: int) -> list[dict[str, Any]]:
    if not lake.exists("marts.flaky_tests"):
        raise UsageError(
            "nothing has been judged yet", where="marts.flaky_tests",
            hint="Run golive run, or golive up, first",
        )  # fmt: skip
    if project:
        _known(lake, project)
    return lake.query(SQL, [project, project, everything, limit]).to_dicts()


def _compare(lake: Lake, project: str, as_json: bool) -> None:
    """Show for each rule how many tests it calls flaky, and how many of them we do too."""
    if not lake.exists("marts.flaky_rivals"):
        raise UsageError(
            "nothing has been compared yet", where="marts.flaky_rivals",
            hint="Run golive run, or golive up, first",
        )  # fmt: skip
    if project:
        _known(lake, project)
    found = lake.query(
        "select * from marts.flaky_rivals where ? = '' or project_id = ?", [project, project]
    )
    rules = {"golive": "posterior (GoLive)", **RIVALS}
    rows = [
        {"rule": text, "column": name, "flaky": int(found[name].sum()),
         "also_golive": int((found[name] & found["golive"]).sum()), "tests": found.height}
        for name, text in rules.items()
    ]  # fmt: skip
    rows += [_ranked(found, name, text) for name, text in NUMBERS.items()]
    if as_json:
        emit(rows)
    else:
        columns = ["rule", "flaky", "also_golive", "tests"]
        show(columns, [[row[column] for column in columns] for row in rows])


def _ranked(found: pl.DataFrame, name: str, text: str) -> dict[str, Any]:
    """Return the row of a number: of as many tests as GoLive names, how many it puts first too."""
    count = int(found["golive"].sum())
    first = found.sort(name, "test_id", descending=[True, False], nulls_last=True).head(count)
    return {
        "rule": text, "column": name, "flaky": count,
        "also_golive": int(first["golive"].sum()), "tests": found.height,
    }  # fmt: skip


def _flips(lake: Lake, project: str, days: int, limit: int, *, as_json: bool) -> None:
    """List the tests with most changes between passed and failed, exactly."""
    from assets.flips import ranking

    since = datetime.now(UTC).date() - timedelta(days=days) if days else date.min
    found = ranking(lake, _one(lake, project), limit, first=since)
    tests = found.rows["test_id"].to_list()
    named = {row["test_id"]: row for row in lake.query(NAMES, [tests]).to_dicts()}
    rows = [{**named[row["test_id"]], **row} for row in found.rows.to_dicts()]
    if as_json:
        emit(rows)
    elif rows:
        cells = [(label(row), row["flips"], row["runs"], _percent(row["flips"] / row["runs"]))
                 for row in rows]  # fmt: skip
        show(["test", "changes", "attempts", "of attempts"], cells)
        say(f"{found.counted} of {found.tests} tests with a failure and a pass had to be counted.")
    else:
        say("No test has both passed and failed.")


def _one(lake: Lake, project: str) -> str:
    """Return the project that is meant; raises UsageError where there are several."""
    if project:
        _known(lake, project)
        return project
    sql = "select distinct project_id from core.tests order by 1"
    names = lake.query(sql)["project_id"].to_list()
    if len(names) > 1:
        raise UsageError("which project?", hint=f"--project: {', '.join(names)}")
    return names[0] if names else ""


def _known(lake: Lake, project: str) -> None:
    from golive_core.toml import near

    names = lake.query("select project_id from core.projects")["project_id"].to_list()
    if project not in names:
        raise UsageError(f"there is no project {project!r}", hint=near(project, names))


def _cells(row: dict[str, Any]) -> list[object]:
    return [
        label(row), row["verdict"], _percent(row["rate"]),
        f"{_percent(row['rate_low'])} to {_percent(row['rate_high'])}",
        _percent(row["probability"]), _cause(row), _cost(row), row["last_status"], _why(row),
    ]  # fmt: skip


def _cause(row: dict[str, Any]) -> str:
    if row["cause"] in (None, "unknown"):
        return "unknown"
    return f"{row['cause']} ({100 * row['cause_confidence']:.0f} %)"


def _cost(row: dict[str, Any]) -> str:
    if row["cost_minutes_week"] is None:
        return "-"
    price = f", ${row['cost_usd_week']:.2f}" if row["cost_usd_week"] else ""
    return f"{row['cost_minutes_week']:.1f} min{price}"


def _why(row: dict[str, Any]) -> list[str]:
    """Return the reasons, the words that speak of a cause, and what fails with the test."""
    said = [f"its failures say: {row['cause_evidence']}"] if row["cause_evidence"] else []
    return [*(row["reasons"] or []), *said, *(row["cluster_shared"] or [])]


def label(row: dict[str, Any]) -> str:
    """Return the name of a test as people know it: class and name, parameters in brackets."""
    parts = [part for part in (row["class_name"] or row["suite"], row["name"]) if part]
    return "::".join(parts) + (f"[{row['parameters']}]" if row["parameters"] else "")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
