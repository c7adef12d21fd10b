"""One build: what it built, what it cost, its neighbours, and the tests that failed in it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from dashboards import boards, charts, data, explain, optional, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope
from dashboards.views.pipelines import _expected, _failed, _kept, _log, _stages

BUILD = """
select
    build.build_id, build.pipeline_id, coalesce(pipeline.name, build.pipeline_id) as pipeline,
    build.number, build.attempt, build.branch, build.status, build.is_unstable, build.day,
    build.queued_at, build.started_at, build.finished_at, build.duration_s, build.queue_s,
    build.runner, build.trigger, build.triggered_by, build.url, build.cost_usd, build.commit_sha,
    entry.subject, entry.author_name
from core.builds as build
left join core.pipelines as pipeline on build.pipeline_id = pipeline.pipeline_id
left join core.commits as entry
    on build.commit_sha = entry.sha and build.project_id = entry.project_id
where build.build_id = $build and build.project_id = $project
limit 1
"""
RISK = """
select probability, low, high, told_by, reasons
from predictions.build_failure
where project_id = $project and build_id = $build
limit 1
"""
USUAL = """
select median_duration_s, median_queue_s, builds
from marts.build_health_daily
where
    project_id = $project and pipeline_id = $pipeline
    and day between $day::date - 14 and $day and median_duration_s is not null
order by median_duration_s
"""
NEIGHBOURS = """
select build_id, number, attempt, status
from core.builds
where
    project_id = $project and pipeline_id = $pipeline and build_id <> $build
    and number between $number - 1 and $number + 1
    and day between $day::date - 60 and $day::date + 60
order by number, attempt
"""
OUTCOME_WORDS = {
    "queued": "is waiting for a runner",
    "running": "is running",
    "passed": "passed",
    "failed": "failed",
    "error": "ended with an error",
    "cancelled": "was cancelled",
    "skipped": "was skipped",
}


def draw(scope: Scope, build_id: str) -> None:
    """Draw what is known of a build of the project."""
    found = data.rows(BUILD, build=build_id, project=scope.project.id)
    boards.back("All builds", "build")
    if found.is_empty:
        charts.empty(
            "No such build in this project",
            f"{build_id} is not known. It may belong to another project.",
        )
        return
    build = found.first()
    _head(build, found, scope)
    if build["status"] in ("failed", "error"):
        explain.draw(scope, build_id)
    _stages.draw(scope, build)
    _failed.draw(scope, build)
    _log.draw(scope, build)
    _kept.draw(scope, build)


def _head(build: Mapping[str, Any], found: Rows, scope: Scope) -> None:
    again = f", attempt {build['attempt']}" if build["attempt"] > 1 else ""
    at = words.moment(build["started_at"] or build["queued_at"], scope.zone)
    outcome = "failed its tests" if build["is_unstable"] else OUTCOME_WORDS[build["status"]]
    charts.headline(
        f"{build['pipeline']} {build['number']}{again} {outcome}",
        f"{words.branch(build['branch'])}, {at}, "
        f"started by {build['triggered_by'] or build['trigger'] or 'an unknown trigger'}.",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        sha = build["commit_sha"]
        subject = (
            escape(build["subject"] or "not in any repository read here")
            if sha
            else "No commit is known"
        )
        author = (
            f" <span class='gl-quiet'>by {escape(build['author_name'])}</span>"
            if build["author_name"]
            else ""
        )
        mark = f"<span class='gl-mono'>{words.short(sha)}</span> " if sha else ""
        st.html(f"<div class='gl-line'>{mark}{subject}{author}</div>", width="stretch")
        if build["url"]:
            st.link_button(
                "Open where it ran", build["url"], icon=":material/open_in_new:", type="tertiary"
            )
        charts.sql_of(found, title="Build", key="build")
    _risk(build, scope)
    _neighbours(build, scope)
    charts.metrics(
        [
            ("Duration", words.duration(build["duration_s"]), _basis_s(build, scope)),
            ("Waited", words.duration(build["queue_s"]), "for a runner"),
            ("Cost", words.money(_price(build)), _basis(build)),
            ("Runner", build["runner"] or words.NOTHING, ""),
        ]
    )


def _basis_s(build: Mapping[str, Any], scope: Scope) -> str:
    """Return what the duration is to be held against: the forecast, else what is usual."""
    return _expected.of_build(build, scope) or _usual(build, scope)


def _usual(build: Mapping[str, Any], scope: Scope) -> str:
    days = data.rows(
        USUAL, project=scope.project.id, pipeline=build["pipeline_id"], day=build["day"]
    ).dicts()
    builds = sum(row["builds"] for row in days)
    seen = 0
    for row in days:
        seen += row["builds"]
        if 2 * seen >= builds:
            return f"usual {words.duration(row['median_duration_s'])}, n = {words.number(builds)}"
    return "running"


def _risk(build: Mapping[str, Any], scope: Scope) -> None:
    """Draw how probably it was to fail, as told before it started, where a forecast is kept."""
    asked = {"project": scope.project.id, "build": build["build_id"]}
    risk = optional.rows(RISK, "predictions.build_failure", **asked).first()
    if not risk:
        return
    told: list[str] = risk["reasons"] or []
    span = words.interval(risk["low"], risk["high"])
    lines = [
        f"<b>{words.probability(risk['probability'])}</b> likely to fail, {span}, told before it "
        f"started by {escape(risk['told_by'] or 'the rule')}",
        *(theme.quiet(escape(reason)) for reason in told[:3]),
    ]
    st.html(theme.entry("queued", lines))


def _neighbours(build: Mapping[str, Any], scope: Scope) -> None:
    near = data.rows(
        NEIGHBOURS,
        project=scope.project.id,
        pipeline=build["pipeline_id"],
        build=build["build_id"],
        number=build["number"],
        day=build["day"],
    ).dicts()
    with st.container(horizontal=True, gap="small", key="neighbours"):
        for row in near:
            again = f" attempt {row['attempt']}" if row["attempt"] > 1 else ""
            mark = theme.SYMBOL.get(row["status"], "")
            if st.button(
                f"{mark} Build {row['number']}{again}",
                type="tertiary",
                key=f"near-{row['build_id']}",
            ):
                boards.look_at("build", row["build_id"])


def _price(build: Mapping[str, Any]) -> float | None:
    if build["cost_usd"] is not None:
        return float(build["cost_usd"])
    rate = data.rates().usd_per_machine_minute
    return build["duration_s"] / 60 * rate if rate and build["duration_s"] else None


def _basis(build: Mapping[str, Any]) -> str:
    rate = data.rates().usd_per_machine_minute
    return "as reported" if build["cost_usd"] is not None else f"at ${rate:g} a machine minute"
