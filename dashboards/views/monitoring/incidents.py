"""Incidents: what is wrong in operation, and which deployment or commit probably caused it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import charts, data, filters, theme, words
from dashboards.behind import Drawn
from dashboards.data import Rows
from dashboards.scope import Scope
from dashboards.views.monitoring import _lists, _unusual

TITLE = "Incidents"
ICON = ":material/siren:"
SECTION = "Monitoring"
ORDER = 50
QUESTION = "What is wrong in operation, and which deployment probably caused it?"
READS = (
    "core.incidents",
    "core.alerts",
    "marts.deployments",
    "marts.deployed_commits",
    "marts.incident_causes",
    "marts.metric_hourly",
    "core.commits",
    "predictions.anomalies",
)
TONES = {
    "incident": theme.STATUS["failed"],
    "alert": theme.VERDICT["flaky"],
    "deployment": theme.SERIES[0],
}
LIKELY = 0.5

INCIDENTS = """
select
    incident.incident_id, incident.number, incident.title, incident.service, incident.severity,
    incident.status, incident.started_at, incident.acknowledged_at, incident.resolved_at,
    incident.url, cause.deployment_id, cause.commit_sha, cause.service as cause_service,
    cause.lag_s, cause.commits, cause.probability
from core.incidents as incident
left join (
    select *
    from marts.incident_causes
    qualify row_number() over (partition by project_id, incident_id order by probability desc) = 1
) as cause
    on incident.project_id = cause.project_id and incident.incident_id = cause.incident_id
where incident.project_id = $project and incident.day between $first and $last
order by incident.resolved_at is null desc, incident.started_at desc
"""
ONE = INCIDENTS.replace("incident.day between $first and $last", "incident.incident_id = $incident")
ALERTS = """
select
    alert.alert_id, alert.name, alert.service, alert.severity, alert.status, alert.summary,
    alert.started_at, alert.resolved_at, alert.incident_id
from core.alerts as alert
where alert.project_id = $project and alert.day between $first and $last
order by alert.started_at desc
limit 500
"""
EVENTS = """
with events as (
    select 'incident' as what, incident.title as label, incident.service,
        incident.started_at as began_at, coalesce(incident.resolved_at, $now) as ended_at
    from core.incidents as incident
    where incident.project_id = $project and incident.day between $first and $last
    union all
    select 'alert', alert.name, alert.service, alert.started_at,
        coalesce(alert.resolved_at, $now)
    from core.alerts as alert
    where alert.project_id = $project and alert.day between $first and $last
    union all
    select 'deployment', left(one.commit_sha, 7), one.service,
        coalesce(one.finished_at, one.started_at), coalesce(one.finished_at, one.started_at)
    from marts.deployments as one
    where one.project_id = $project and one.day between $first and $last
        and one.environment_kind = 'production' and one.status = 'passed'
)
select
    what, label, coalesce(service, 'no service named') as service, began_at,
    greatest(ended_at, began_at) as ended_at
from events
order by began_at
limit 2000
"""
SERIES = """
select distinct series
from marts.metric_hourly
where project_id = $project and day between $first and $last
order by series
limit 200
"""
METRIC = """
select hour_at, mean_value, lowest, highest, points
from marts.metric_hourly
where project_id = $project and series = $series and day between $first and $last
order by hour_at
"""
CAUSES = """
select
    cause.deployment_id, cause.service, cause.commit_sha, cause.deployed_at, cause.lag_s,
    cause.commits, cause.probability
from marts.incident_causes as cause
where cause.project_id = $project and cause.incident_id = $incident
order by cause.probability desc
limit 8
"""
COMMITS = """
select one.sha, entry.subject, entry.author_name, entry.committed_at, entry.insertions,
    entry.deletions
from marts.deployed_commits as one
inner join core.commits as entry
    on one.project_id = entry.project_id and one.sha = entry.sha
where one.project_id = $project and one.deployment_id = $deployment and not entry.is_merge
order by entry.committed_at desc
limit 30
"""


def render(scope: Scope) -> None:
    """Draw the page, with one incident on top if the URL names one."""
    asked = {"project": scope.project.id, "first": scope.first_day, "last": scope.now.date()}
    incidents, alerts = data.rows(INCIDENTS, **asked), data.rows(ALERTS, **asked)
    series = data.rows(SERIES, **asked)
    if incidents.is_empty and alerts.is_empty and series.is_empty:
        charts.without(
            "core.incidents",
            "core.alerts",
            "core.metric_points",
            title="No incident, no alert, no metric",
            text=f"Nothing was reported in the {scope.period}.",
        )
        return
    _summary(scope, incidents, alerts)
    wanted = charts.focus("incident")
    chosen = data.rows(ONE, project=scope.project.id, incident=wanted).first() if wanted else {}
    if chosen:
        _incident(scope, chosen)
    _axis(scope, asked, series)
    _unusual.draw(scope, asked)
    _lists.board(scope, incidents)
    _lists.alerts_board(scope, alerts)


def _summary(scope: Scope, incidents: Rows, alerts: Rows) -> None:
    found = incidents.dicts()
    active = [one for one in found if one["resolved_at"] is None]
    caused = [one for one in found if one["deployment_id"] and one["probability"] >= LIKELY]
    lengths = sorted(
        (one["resolved_at"] - one["started_at"]).total_seconds()
        for one in found
        if one["resolved_at"]
    )
    if active:
        title = f"{words.plural(len(active), 'incident is', 'incidents are')} open"
    else:
        title = "No incident is open"
    lone = alerts.frame.filter(pl.col("incident_id").is_null()).height if alerts.height else 0
    charts.headline(
        title,
        f"{words.plural(len(found), 'incident')} in the {scope.period}; "
        f"{words.number(len(caused))} of them more likely than not caused by a deployment.",
    )
    charts.metrics(
        [
            ("Incidents", words.number(len(found)), f"{words.number(len(active))} open"),
            (
                "Half were over within",
                words.duration(_middle(lengths)),
                f"n = {words.plural(len(lengths), 'resolved incident')}",
            ),
            (
                "Probably by a deployment",
                words.number(len(caused)),
                f"of {words.number(len(found))}, P ≥ 50 %",
            ),
            ("Alerts", words.number(alerts.height), f"{words.number(lone)} without an incident"),
        ]
    )


def _middle(ordered: list[float]) -> float | None:
    if not ordered:
        return None
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


# ---------------------------------------------------------------- one time axis


def _axis(scope: Scope, asked: dict[str, Any], series: Rows) -> None:
    events = data.rows(EVENTS, **asked, now=scope.now.replace(microsecond=0, second=0))
    charts.show(
        events,
        lambda frame: _events(frame, scope),
        title="Deployments, alerts and incidents",
        n=words.plural(events.height, "event"),
        unit="one line for each service",
        note=f"Times are {scope.zone}.",
        legend=TONES,
        key="axis",
    )
    if series.is_empty:
        return
    names = {name: name for name in series.frame["series"].to_list()}
    picked = filters.choice("series", names, label="Metric", width="stretch")
    values = data.rows(METRIC, **asked, series=picked)
    charts.show(
        values,
        lambda frame: _metric(frame, events.frame, scope, _unusual.marks(asked, picked, scope)),
        title="Metric beside them",
        n=words.plural(values.height, "hour"),
        unit="hourly mean; the band is lowest to highest",
        note="Vermillion bands are incidents, blue lines deployments to production; a diamond is "
        "an hour that was unusual for this metric.",
    )


def _local(frame: pl.DataFrame, scope: Scope, *names: str) -> pl.DataFrame:
    """Return times as the wall clock of the reader, which is what the axis shows."""
    return frame.with_columns(
        pl.col(name).dt.convert_time_zone(str(scope.zone)).dt.replace_time_zone(None)
        for name in names
    )


def _tone() -> alt.Color:
    scale = alt.Scale(domain=list(TONES), range=list(TONES.values()))
    return alt.Color("what:N", scale=scale, legend=None)


def _events(frame: pl.DataFrame, scope: Scope) -> Drawn:
    local = _local(frame, scope, "began_at", "ended_at")
    services = sorted(local["service"].unique().to_list())
    y = alt.Y("service:N", sort=services, title=None, axis=alt.Axis(labelLimit=130, grid=True))
    offset = alt.YOffset("what:N", sort=list(TONES))
    tips = [
        "what",
        "label",
        "service",
        alt.Tooltip("began_at:T", format="%d %b %H:%M"),
        alt.Tooltip("ended_at:T", format="%d %b %H:%M"),
    ]
    base = alt.Chart(local).encode(y=y, yOffset=offset, color=_tone(), tooltip=tips)
    x = alt.X("began_at:T", title=None)
    bars = (
        base.transform_filter("datum.what != 'deployment'")
        .mark_bar(height=8, cornerRadius=3, minBandSize=3)
        .encode(x=x, x2="ended_at:T")
    )
    heads = (
        base.transform_filter("datum.what != 'deployment'")
        .mark_tick(thickness=4, size=11)
        .encode(x=x)
    )
    ticks = (
        base.transform_filter("datum.what == 'deployment'")
        .mark_tick(thickness=2, size=13)
        .encode(x=x)
    )
    return alt.layer(bars, heads, ticks).properties(height=max(120, 54 * len(services) + 30))


def _metric(
    frame: pl.DataFrame, events: pl.DataFrame, scope: Scope, spots: alt.Chart | None
) -> Drawn:
    local = _local(frame, scope, "hour_at")
    around = _local(events, scope, "began_at", "ended_at")
    x = alt.X("hour_at:T", title=None)
    bands = (
        alt.Chart(around.filter(pl.col("what") == "incident"))
        .mark_rect(color=TONES["incident"], opacity=0.22)
        .encode(x="began_at:T", x2="ended_at:T", tooltip=["label", "service"])
    )
    rules = (
        alt.Chart(around.filter(pl.col("what") == "deployment"))
        .mark_rule(color=TONES["deployment"], opacity=0.3)
        .encode(x="began_at:T", tooltip=["label", "service"])
    )
    base = alt.Chart(local)
    area = base.mark_area(opacity=0.18, color=theme.SERIES[3]).encode(
        x=x, y=alt.Y("lowest:Q", title=None), y2="highest:Q"
    )
    line = base.mark_line(color=theme.SERIES[3], strokeWidth=1.6).encode(x=x, y="mean_value:Q")
    layers = [bands, rules, area, line, *([] if spots is None else [spots])]
    return alt.layer(*layers).properties(height=220)


# ---------------------------------------------------------------- one incident


def _incident(scope: Scope, one: Mapping[str, Any]) -> None:
    causes = data.rows(CAUSES, project=scope.project.id, incident=one["incident_id"])
    st.html(
        f"<h2 class='gl-h1'>{escape(one['title'] or 'Incident')}</h2>"
        + theme.quiet(escape(_told(one, scope)))
    )
    left, right = st.columns([3, 2], gap="large")
    with (
        left,
        charts.figure(
            "Probable causes",
            causes,
            key="causes",
            note=(
                "P: part of the intensity at the begin of the incident that falls to each "
                "deployment of the 7 days before, by lag (fades in 6 h), service and size, "
                "against a steady background. A score to look by, no proof; see "
                "marts.incident_causes."
            ),
        ),
    ):
        st.html(theme.listed([_cause(cause, scope) for cause in causes.dicts()[:5]], gap="1rem"))
    with right:
        _timeline(scope, one, causes)
    top = next((cause for cause in causes.dicts() if cause["deployment_id"]), None)
    if top and top["probability"] > 1 - LIKELY:
        _commits(scope, top)


def _told(one: Mapping[str, Any], scope: Scope) -> str:
    parts = [
        one["number"] and f"#{one['number']}",
        one["service"],
        one["severity"],
        one["status"],
        f"began {words.moment(one['started_at'], scope.zone)}",
        f"over after {words.span(one['resolved_at'] - one['started_at'])}"
        if one["resolved_at"]
        else f"open for {words.span(scope.now - one['started_at'])}",
    ]
    return " · ".join(str(part) for part in parts if part)


def _cause(cause: Mapping[str, Any], scope: Scope) -> str:
    share = cause["probability"]
    tone = theme.STATUS["failed"] if share >= LIKELY else theme.STATUS["cancelled"]
    bar = theme.meter(share, tone, f"probability {words.probability(share)}")
    chance = f"<b class='gl-num'>{words.probability(share)}</b>"
    if not cause["deployment_id"]:
        return f"<div>{chance} No deployment: something else{bar}</div>"
    text = (
        f"{escape(cause['service'] or 'no service named')}, "
        f"{theme.code(words.short(cause['commit_sha']))}, "
        f"{words.duration(cause['lag_s'])} before"
    )
    when = words.moment(cause["deployed_at"], scope.zone)
    more = f"{words.plural(cause['commits'] or 0, 'commit')}, {when}"
    return f"<div>{chance} {text}<br>{theme.quiet(escape(more))}{bar}</div>"


def _timeline(scope: Scope, one: Mapping[str, Any], causes: Rows) -> None:
    steps: list[tuple[datetime, str, str]] = [
        (cause["deployed_at"], "running", f"{cause['service'] or 'Service'} deployed")
        for cause in causes.dicts()
        if cause["deployment_id"] and cause["probability"] >= 0.05  # noqa: PLR2004 - worth a line
    ]
    steps.append((one["started_at"], "failed", "Incident began"))
    for name, word, text in (
        ("acknowledged_at", "queued", "Somebody took it"),
        ("resolved_at", "passed", "Over"),
    ):
        if one[name]:
            steps.append((one[name], word, text))
    steps += [
        (alert["started_at"], "degraded", f"Alert {alert['name']}")
        for alert in data.rows(
            ALERTS_OF,
            project=scope.project.id,
            incident=one["incident_id"],
            day=one["started_at"].date(),
        ).dicts()
    ]
    st.subheader("Timeline", anchor=False)
    st.html(
        theme.listed(
            theme.entry(
                word, [f"<b>{escape(text)}</b> {theme.quiet(words.moment(when, scope.zone))}"]
            )
            for when, word, text in sorted(steps)
        )
    )


ALERTS_OF = """
select alert.name, alert.started_at
from core.alerts as alert
where alert.project_id = $project and alert.incident_id = $incident
    and alert.day between $day::date - 1 and $day::date + 1
"""


def _commits(scope: Scope, cause: Mapping[str, Any]) -> None:
    commits = data.rows(COMMITS, project=scope.project.id, deployment=cause["deployment_id"])
    if commits.is_empty:
        return
    with charts.figure(
        "What the most likely deployment carried",
        commits,
        key="carried",
        note=f"{words.plural(commits.height, 'commit')}, newest first.",
    ):
        shown = commits.frame.select(
            pl.col("sha").str.head(7),
            "subject",
            "author_name",
            pl.format("+{} \u2212{}", "insertions", "deletions").alias("lines"),
        )
        st.dataframe(
            shown, hide_index=True, key="carried-table", height=charts.table_height(shown.height, 6)
        )
