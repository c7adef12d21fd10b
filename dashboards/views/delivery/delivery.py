"""Delivery: are we shipping well? DORA's five metrics with what they rest on, down to each row.

The facts are in marts.production_deployments and marts.deployed_commits; which of them mean a
failure or rework is a rule, shown here and open to be tried.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import charts, data, intervals, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope
from golive_core.settings import Delivery

TITLE = "Delivery"
ICON = ":material/rocket_launch:"
SECTION = "Delivery"
ORDER = 15
QUESTION = "Are we shipping well: how fast, how often, and how often does it go wrong?"
READS = ("marts.production_deployments", "marts.deployed_commits")
EVERY = "All services"
HOUR = 3600.0
KINDS = ("good", "failed later", "did not get through")
COLOURS = (theme.STATUS["passed"], theme.STATUS["failed"], theme.STATUS["cancelled"])

SERVICES = """
select service, count(*) as deployments
from marts.production_deployments
where project_id = $project
group by service
order by deployments desc, service
"""
DEPLOYMENTS = """
with judged as (
    select
        *,
        regexp_matches(lower(concat_ws(' ', branch, subject)), $hotfix) as is_hotfix,
        coalesce(incident_lag_s <= 3600 * $hours, false) as has_incident,
        regexp_matches(lower(concat_ws(' ', next_branch, next_subject)), $hotfix)
        and coalesce(epoch(next_finished_at - finished_at) <= 3600 * $hours, false)
            as is_fixed_forward
    from marts.production_deployments
    where project_id = $project and ($service = '' or service = $service)
)
select
    deployment_id, service, day, status, finished_at, commit_sha, branch, subject, author_name,
    commits, median_lead_s, is_rolled_back, has_incident, is_fixed_forward, incident_id,
    status = 'passed' as is_good,
    status = 'passed' and (has_incident or is_rolled_back or is_fixed_forward) as is_failure,
    status = 'passed' and (is_rollback or is_hotfix) as is_rework,
    case
        when status = 'passed' and (has_incident or is_rolled_back or is_fixed_forward)
            then epoch(
                least(case when has_incident then incident_resolved_at end, next_finished_at)
                - finished_at
            )
    end as recovery_s
from judged
where day between $first and $last
order by finished_at desc, deployment_id
"""
LEADS = """
select sha, deployment_id, deployed_at, committed_at, lead_s
from marts.deployed_commits
where
    project_id = $project and environment_kind = 'production' and not is_merge
    and day between $first and $last and ($service = '' or coalesce(service, '') = $service)
order by lead_s
"""


def render(scope: Scope) -> None:
    """Draw the page."""
    services = data.rows(SERVICES, project=scope.project.id)
    if services.is_empty:
        charts.empty(
            "No deployment to production is known",
            "GitHub, GitLab and CircleCI tell their deployments; a pipeline or a stage whose name "
            "says deploy counts too, if it also names production.",
            "golive sources",
        )
        return
    service = _service(services)
    rule = _rule()
    now = _read(scope, service, rule, scope.first_day, scope.last_day)
    length = timedelta(days=scope.days)
    before = _read(scope, service, rule, scope.first_day - length, scope.last_day - length)
    _summary(scope, now, service)
    _metrics(now, before, scope)
    _frequency(scope, now[0])
    _lead_times(now[1])
    _failures(scope, now[0])
    _rows(scope, now[0])
    _try_rule(rule)


Read = tuple[Rows, Rows]
"""Deployments and lead times of one period."""


def _read(scope: Scope, service: str, rule: Delivery, first: date, last: date) -> Read:
    span = {"project": scope.project.id, "service": service, "first": first, "last": last}
    deployments = data.rows(DEPLOYMENTS, hours=rule.incident_hours, hotfix=rule.hotfix, **span)
    return deployments, data.rows(LEADS, **span)


# ---------------------------------------------------------------- what is asked


def _service(services: Rows) -> str:
    """Return the service that the URL names, "" for all of them."""
    names = [row["service"] for row in services.dicts() if row["service"]]
    if len(names) < 2:  # noqa: PLR2004 - one service is no choice
        return ""
    asked = st.query_params.get("service", "")
    options = [EVERY, *names]
    picked = st.segmented_control(
        "Service", options, default=asked if asked in names else EVERY, key="service",
        label_visibility="collapsed",
    )  # fmt: skip
    chosen = "" if picked in (None, EVERY) else str(picked)
    if chosen or "service" in st.query_params:
        st.query_params["service"] = chosen
    return chosen


def _rule() -> Delivery:
    """Return what counts as a failure: the rule of the settings, or the one that is tried."""
    known, state = data.delivery(), st.session_state
    hours = int(state.get("hours", known.incident_hours))
    return Delivery(hours, str(state.get("hotfix", "")) or known.hotfix)


def _try_rule(rule: Delivery) -> None:
    """Let the reader change the rule; the numbers above follow."""
    with st.expander("What counts as a failed deployment, and as rework", icon=":material/rule:"):
        st.markdown(
            "A good deployment **failed** if an incident of its service began soon after it, if it "
            "was rolled back, or if a hotfix followed soon. It is **rework** if it is a rollback "
            "or a hotfix itself. Change the rule to see what it would say:"
        )
        left, right = st.columns(2)
        left.number_input(
            "Soon: hours after the deployment", 1, 24 * 30, rule.incident_hours, key="hours"
        )
        right.text_input("Hotfix: expression for branch and subject", rule.hotfix, key="hotfix")
        text = f"[delivery]\nincident_hours = {rule.incident_hours}\nhotfix = '{rule.hotfix}'"
        st.code(text, language="toml")
        st.caption("Put this into golive.toml to keep it.")


# ---------------------------------------------------------------- the five metrics


def _summary(scope: Scope, now: Read, service: str) -> None:
    good = now[0].frame.filter(pl.col("is_good")) if now[0].height else now[0].frame
    where = service or scope.project.name
    if not good.height:
        charts.headline(
            f"Nothing was deployed to production in {scope.period}",
            f"{where}: {words.plural(now[0].height, 'deployment')} did not get through.",
        )
        return
    failed = int(good["is_failure"].sum())
    leads = now[1].frame["lead_s"].to_list() if now[1].height else []
    lead = f", {words.duration(_median(leads))} after the commit" if leads else ""
    charts.headline(
        f"{words.plural(good.height, 'deployment')}{lead}; {words.number(failed)} failed",
        f"{where}, production, {scope.period}.",
    )


def _metrics(now: Read, before: Read, scope: Scope) -> None:
    """Show DORA's five metrics, each with interval, n and the period before."""
    found = figures(*now, scope.days)
    # A history that begins in the middle of the period before says nothing about it.
    is_known = before[0].height >= intervals.FEWEST
    earlier = figures(*before, scope.days) if is_known else [None] * len(found)
    charts.metrics([
        (one["label"], one["value"], _basis(one, two))
        for one, two in zip(found, earlier, strict=True)
    ])  # fmt: skip
    st.caption(
        "Definitions: dora.dev. Ranges are 90 % intervals. They say how far these numbers can be "
        "trusted, and are no goals; compare a service with itself, not with another team."
    )


def _basis(now: dict[str, Any], before: dict[str, Any] | None) -> str:
    parts = [now["range"], now["n"], f"before: {before['value']}" if before else ""]
    return " · ".join(part for part in parts if part)


def figures(deployments: Rows, leads: Rows, days: int) -> list[dict[str, Any]]:
    """Return the five metrics of a period: label, value, range and n, as words."""
    good = deployments.frame.filter(pl.col("is_good")) if deployments.height else None
    count = good.height if good is not None else 0
    failed = int(good["is_failure"].sum()) if good is not None else 0
    rework = int(good["is_rework"].sum()) if good is not None else 0
    recovery = good["recovery_s"].drop_nulls().to_list() if good is not None else []
    seconds = leads.frame["lead_s"].to_list() if leads.height else []
    low, high = intervals.count(count)
    weeks = days / 7
    per_week = f"{count / weeks:.1f} a week"
    spread = f"{low / weeks:.1f}\u2013{high / weeks:.1f}" if count else ""
    return [
        _timed("Change lead time", seconds, "commit"),
        {"label": "Deployment frequency", "value": per_week, "range": spread,
         "n": words.plural(count, "deployment")},
        _timed("Failed deployment recovery", recovery, "failure"),
        _share("Change fail rate", failed, count),
        _share("Deployment rework rate", rework, count),
    ]  # fmt: skip


def _timed(label: str, seconds: list[float], noun: str) -> dict[str, Any]:
    found = intervals.median(seconds)
    spread = f"{words.duration(found[0])}\u2013{words.duration(found[1])}" if found else ""
    value = words.duration(_median(seconds)) if seconds else words.NOTHING
    return {"label": label, "value": value, "range": spread, "n": words.plural(len(seconds), noun)}


def _share(label: str, part: int, whole: int) -> dict[str, Any]:
    found = intervals.rate(part, whole)
    spread = f"{words.percent(found[0])}\u2013{words.percent(found[1])}" if found else ""
    value = words.percent(part / whole) if whole else words.NOTHING
    return {"label": label, "value": value, "range": spread,
            "n": f"{words.number(part)} of {words.number(whole)}"}  # fmt: skip


def _median(values: list[float]) -> float:
    return float(pl.Series(values).median() or 0.0)  # type: ignore[arg-type]


# ---------------------------------------------------------------- behind them


def _kind() -> pl.Expr:
    return (
        pl.when(~pl.col("is_good")).then(pl.lit(KINDS[2]))
        .when(pl.col("is_failure")).then(pl.lit(KINDS[1]))
        .otherwise(pl.lit(KINDS[0]))
        .alias("kind")
    )  # fmt: skip


def _frequency(scope: Scope, deployments: Rows) -> None:
    if deployments.is_empty:
        return
    days = deployments.frame.with_columns(_kind()).group_by("day", "kind").len("deployments")
    quiet = scope.days - days["day"].n_unique()
    note = f"{words.plural(quiet, 'day')} of {scope.days} without any. n = {deployments.height}."
    with charts.figure("Deployments by day", deployments, key="frequency", note=note):
        span = [str(scope.first_day), str(scope.last_day + timedelta(days=1))]
        chart = alt.Chart(days).mark_bar(width={"band": 0.8}).encode(
            x=alt.X("yearmonthdate(day):T", title=None, scale=alt.Scale(domain=span)),
            y=alt.Y("sum(deployments):Q", title="Deployments", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "kind:N", title=None, scale=alt.Scale(domain=KINDS, range=COLOURS),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=["day:T", "kind:N", "deployments:Q"],
        )  # fmt: skip
        charts.plain(chart.properties(height=180), key="frequency", alternative=note)


def _lead_times(leads: Rows) -> None:
    if leads.is_empty:
        return
    seconds = leads.frame["lead_s"]
    quantiles = [words.duration(seconds.quantile(share)) for share in (0.5, 0.75, 0.95)]
    note = (
        f"Half within {quantiles[0]}, three quarters within {quantiles[1]}, 95 % within "
        f"{quantiles[2]}; from commit to the end of the first deployment that carried it, without "
        f"merges. n = {words.number(leads.height)} commits."
    )
    with charts.figure("Change lead time", leads, key="lead", note=note):
        hours = leads.frame.select((pl.col("lead_s") / HOUR).alias("hours"))
        chart = alt.Chart(hours).mark_bar(color=theme.SERIES[0]).encode(
            x=alt.X("hours:Q", bin=alt.Bin(maxbins=40), title="Hours from commit to production"),
            y=alt.Y("count():Q", title="Commits"),
        )  # fmt: skip
        charts.plain(chart.properties(height=180), key="lead", alternative=note)


def _failures(scope: Scope, deployments: Rows) -> None:
    if deployments.is_empty:
        return
    failed = deployments.frame.filter(pl.col("is_failure"))
    if failed.is_empty():
        return
    rows = Rows(failed, deployments.sql)
    with charts.figure("Failed deployments", rows, key="failed", note="Newest first."):
        shown = failed.select(
            "finished_at", "service", "subject", "author_name",
            pl.concat_str(
                [
                    pl.when(pl.col(name)).then(pl.lit(text))
                    for name, text in (
                        ("has_incident", "incident"), ("is_rolled_back", "rolled back"),
                        ("is_fixed_forward", "hotfix followed"),
                    )
                ],
                separator=", ", ignore_nulls=True,
            ).alias("because"),
            (pl.col("recovery_s") / HOUR).round(1).alias("recovered after (h)"),
            "commits", "commit_sha",
        )  # fmt: skip
        _table(shown, scope, key="failed-rows")


def _rows(scope: Scope, deployments: Rows) -> None:
    if deployments.is_empty:
        return
    note = "Every number above is counted from these rows. Newest first."
    with charts.figure("All deployments", deployments, key="deployments", note=note):
        shown = deployments.frame.select(
            "finished_at", "service", "status", "subject", "commits",
            (pl.col("median_lead_s") / HOUR).round(1).alias("median lead (h)"),
            pl.col("is_failure").alias("failed"), pl.col("is_rework").alias("rework"),
            "branch", "commit_sha",
        )  # fmt: skip
        _table(shown, scope, key="all-rows")


def _table(frame: pl.DataFrame, scope: Scope, *, key: str) -> None:
    zoned = frame.with_columns(pl.col("finished_at").dt.convert_time_zone(str(scope.zone)))
    columns = {
        "finished_at": st.column_config.DatetimeColumn("finished", format="D MMM, HH:mm"),
        "author_name": "author", "commit_sha": "commit",
    }  # fmt: skip
    st.dataframe(
        zoned, hide_index=True, key=key, column_config=columns,
        height=charts.table_height(frame.height),
    )  # fmt: skip
