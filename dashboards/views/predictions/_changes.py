"""Open changes by risk: how probably a build of each fails, and why."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import polars as pl
import streamlit as st

from dashboards import charts, data, optional, review, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope

SHOWN = 15
CHANGE = "change"
"""What the URL calls the change that is reviewed."""
TABLE = "predictions.build_failure"
RISKS = """
select *
from predictions.build_failure
where project_id = $project
order by probability desc
limit $shown
"""
REQUESTS = """
select change_request_id, number, title, author, source_branch, base_sha, url
from core.change_requests
where project_id = $project and change_request_id in (select unnest($ids))
"""
GRID = (
    "display:grid;gap:1.3rem 2rem;"
    "grid-template-columns:repeat(auto-fit,minmax(min(22rem,100%),1fr))"
)
HIGH, SOME = 0.5, 0.25
"""Probabilities from which a build probably fails, and from which it is worth a look."""


def risks(scope: Scope) -> Rows:
    """Return the forecasts of builds that may come next, the riskiest first; none without model."""
    found = optional.rows(RISKS, TABLE, project=scope.project.id, shown=SHOWN)
    needed = {"subject_kind", "subject_id", "probability"}
    if found.is_empty or not needed <= set(found.frame.columns):
        return data.none(RISKS, project=scope.project.id, shown=SHOWN)
    return found


def draw(found: Rows, scope: Scope) -> None:
    """Draw what may be built next by how probably it fails, with reasons."""
    note = (
        "P(its next build fails), told before it starts, with its 90 % interval where one is told, "
        "and what speaks for it. A forecast of the model or, where that does not win, of the rule."
    )
    with charts.figure("Open changes by risk", found, key="changes", note=note):
        if found.is_empty:
            st.html(
                theme.aside(
                    "No branch and no change request has a forecast yet. It takes builds of some "
                    "weeks, and is made by: golive run"
                )
            )
            return
        rows = found.frame
        requests = _requests(rows, scope)
        cells = "".join(_risk(row, requests.get(row["subject_id"], {})) for row in rows.to_dicts())
        st.html(f"<div style='{GRID}'>{cells}</div>")
    _review(rows, requests, scope)


def _review(rows: pl.DataFrame, requests: Mapping[str, Mapping[str, Any]], scope: Scope) -> None:
    """Let a person choose a change, and draw what is risky in it; it stands in the URL."""
    known = {row["subject_id"]: row for row in rows.to_dicts() if row["commit_sha"]}
    names = {one: _title(row, requests.get(one, {})) for one, row in known.items()}
    wanted = charts.focus(CHANGE)
    ids = list(names)
    chosen = st.selectbox(
        "What is risky in", ids, index=ids.index(wanted) if wanted in ids else None,
        format_func=lambda one: names[one], placeholder="Choose a change to review",
        key="review-of",
    )  # fmt: skip
    if chosen is None:
        st.query_params.pop(CHANGE, None)
        return
    st.query_params[CHANGE] = chosen
    base = str(requests.get(chosen, {}).get("base_sha") or "")
    review.draw(scope, known[chosen]["commit_sha"], base, names[chosen])


def _title(row: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    if request:
        return f"#{request['number']} {request['title'] or ''}".strip()
    return str(row.get("branch") or row["subject_id"])


def _requests(rows: pl.DataFrame, scope: Scope) -> dict[str, dict[str, Any]]:
    ids = rows["subject_id"].unique().to_list()
    known = data.rows(REQUESTS, project=scope.project.id, ids=ids).dicts()
    return {row["change_request_id"]: row for row in known}


def _risk(row: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    probability = float(row["probability"])
    word = "failed" if probability >= HIGH else "degraded" if probability >= SOME else "ok"
    told: list[str] = row.get("reasons") or []
    cases: list[str] = row.get("cases") or []
    span = _span(row)
    lines = [
        f"<span class='gl-title'>{_name(row, request)}</span> "
        f"{theme.quiet(escape(_pipeline(row)))}",
        f"<b>{words.probability(probability)}</b> {theme.quiet(span)}"
        + theme.meter(
            probability, theme.HEALTH[word], f"fails with {words.probability(probability)}"
        ),
        *(escape(reason) for reason in told[:4]),
        *(theme.quiet(f"like {escape(case)}") for case in cases[:2]),
        theme.quiet(escape(_basis(row))),
    ]
    return theme.entry(word, lines)


def _name(row: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    if request:
        who = theme.quiet(f"by {escape(request['author'])}") if request["author"] else ""
        return f"#{request['number']} {escape(request['title'] or '')} {who}"
    if row["subject_kind"] == "build":
        return f"{escape(str(row['subject_id']))} {theme.quiet('waiting or running')}"
    return escape(str(row.get("branch") or row["subject_id"]))


def _basis(row: Mapping[str, Any]) -> str:
    """Return who tells it, and how much better than the rule that was on this project's past."""
    lift = row.get("lift")
    better = f", which loses {words.percent(lift)} less than the rule" if lift else ""
    again = "; a re-run of a commit that it has built" if row.get("is_built") else ""
    return f"told by {row.get('told_by') or 'the model'}{better}{again}"


def _pipeline(row: Mapping[str, Any]) -> str:
    return f"in {row['pipeline_id']}" if row.get("pipeline_id") else ""


def _span(row: Mapping[str, Any]) -> str:
    low, high = row.get("low"), row.get("high")
    return words.interval(low, high) if low is not None and high is not None else ""
