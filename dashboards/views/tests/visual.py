"""Visual review: looks of pages that differ from what was approved; a person decides about each."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import polars as pl
import streamlit as st

from assets import baselines
from dashboards import boards, charts, data, moment, reader, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope
from dashboards.views.tests import _judged, _look
from golive_core.errors import GoLiveError, UsageError

TITLE = "Visual review"
ICON = ":material/compare:"
SECTION = "Tests"
ORDER = 38
QUESTION = "What looks different, is it meant, and which looks change by themselves?"
READS = ("core.visual_checks", "core.test_results", "core.tests", "ops.baselines")
HAS_PERIOD = False
SHOWN = 8
"""Waiting looks that are drawn with their pictures; the others follow once these are decided."""
DECIDED = 20
STRIP = 16
SAID = "visual_said"
"""Session key of what became of the last decision."""
MARKS = {"same": "✓", "changed": "✕", "rejected": "✕", "new": "+"}

HEALTH = """
with
strips as (
    select
        look.look_id,
        list(look.verdict order by result.started_at, look.attempt) as verdicts
    from core.visual_checks as look
    inner join core.test_results as result
        on
            look.build_id = result.build_id and look.test_id = result.test_id
            and look.environment = result.environment and look.attempt = result.attempt
    where look.project_id = $project
    group by look.look_id
)

select health.*, test.name as test, strips.verdicts
from marts.visual_health as health
inner join core.tests as test on health.test_id = test.test_id
inner join strips on health.look_id = strips.look_id
where health.project_id = $project
order by health.flaky_commits desc, health.unexplained desc, test.name, health.name
"""
FLAKY = """
select test_id, probability
from predictions.flaky
where project_id = $project
"""
PAST = """
select *
from ops.baselines
where project_id = $project
order by decided_at desc
limit $shown
"""


def render(scope: Scope) -> None:
    """Draw the page."""
    queue = data.rows(baselines.WAITING, projects=[scope.project.id])
    health = _if_made("marts.visual_health", HEALTH, scope)
    past = data.rows(PAST, project=scope.project.id, shown=DECIDED)
    if queue.is_empty and health.is_empty and past.is_empty:
        charts.empty(
            "No page was looked at yet",
            "A step `look: NAME` in a journey takes a picture of the page and compares it with "
            "the one that somebody approved. The first picture of each look waits here.",
            f"golive test run journeys/ --project {scope.project.id}",
        )
        return
    faults = _faults(scope)
    _headline(queue, faults.height)
    if said := st.session_state.pop(SAID, ""):
        st.info(said)
    _queue(queue, scope)
    _rejected(faults, scope)
    _health(health, _if_made("predictions.flaky", FLAKY, scope), scope)
    _past(past, scope)


def _if_made(table: str, sql: str, scope: Scope) -> Rows:
    """Return the rows of a query, none while its table has not been made."""
    return (data.none if data.missing((table,)) else data.rows)(sql, project=scope.project.id)


def _faults(scope: Scope) -> Rows:
    """Return the looks whose newest picture was rejected."""
    rows = data.rows(baselines.NOT_APPROVED, projects=[scope.project.id])
    if rows.is_empty:
        return rows
    return boards.with_frame(rows, rows.frame.filter(pl.col("state") == "rejected"))


def _headline(queue: Rows, faults: int) -> None:
    if queue.is_empty and faults:
        charts.headline(
            f"{words.plural(faults, 'rejected look is', 'rejected looks are')} not mended yet",
            "Nothing waits for a decision. What was rejected fails its test until it is mended.",
        )
        return
    if queue.is_empty:
        charts.headline("Every look is as approved", "What differs the next time waits here.")
        return
    changed = queue.frame.filter(pl.col("verdict") == "changed").height
    fresh = queue.height - changed
    told = [
        f"{words.plural(changed, 'differs', 'differ')} from the approved picture"
        if changed
        else "",
        f"{words.plural(fresh, 'has', 'have')} no approved picture yet" if fresh else "",
    ]
    charts.headline(
        f"{words.plural(queue.height, 'look waits', 'looks wait')} for you",
        f"{', '.join(filter(None, told))}. An approved picture is what the next runs are compared "
        "with; a rejected one is a fault, and the test fails until it is mended.",
    )


def _queue(queue: Rows, scope: Scope) -> None:
    with charts.figure("To be decided", queue, key="looks-open"):
        if queue.is_empty:
            st.html(theme.aside("Nothing waits for a decision."))
        for row in queue.dicts()[:SHOWN]:
            _waiting(row, scope)
        if queue.height > SHOWN:
            left = words.plural(queue.height - SHOWN, "more look follows", "more looks follow")
            st.caption(f"{left} once these are decided.")


def _rejected(faults: Rows, scope: Scope) -> None:
    """List the looks that fail because somebody said that they are wrong."""
    if faults.is_empty:
        return
    note = "Their tests fail until they are mended, or until: golive test approve NAME"
    with charts.figure("Rejected and not mended", faults, key="looks-rejected", note=note):
        st.html(theme.listed(_facts(row, scope) for row in faults.dicts()))


def _waiting(row: Mapping[str, Any], scope: Scope) -> None:
    key = row["look_id"]
    with st.container(border=True, key=f"look-{key}"):
        st.html(_facts(row, scope))
        _look.draw(row)
        _judged.draw(row)
        if moment.as_of() is not None:
            return
        if not reader.may("approve", "baselines", row["project_id"]):
            st.caption("Testers, developers and admins of the project decide about looks.")
            return
        note = st.text_input("Why (for the record)", key=f"note-{key}", max_chars=500)
        with st.container(horizontal=True):
            for label, state in (("Approve", "approved"), ("Reject", "rejected")):
                st.button(label, key=f"{state}-{key}", on_click=_decide,
                          args=(dict(row), state, note))  # fmt: skip


def _facts(row: Mapping[str, Any], scope: Scope) -> str:
    is_new = row["verdict"] == "new" and row["state"] is None
    share = f"{words.percent(row['changed_share'], digits=2)} of it changed"
    if row["verdict"] != "changed":
        share = "no approved picture yet" if is_new else "its picture was rejected"
    where = f"{row['browser']} · {row['size']} · {row['theme']}"
    seen = f"{words.ago(row['started_at'], scope.now)} on {words.branch(row['branch'])}"
    commit = f" at {words.short(row['commit_sha'])}" if row["commit_sha"] else ""
    return theme.entry(
        "queued" if is_new else "failed",
        [
            f"<b>{escape(row['name'])}</b> of {escape(row['test'])}: {share}",
            theme.quiet(escape(f"{where} · seen {seen}{commit}")),
        ],
    )


def _decide(row: Mapping[str, Any], state: str, note: str) -> None:
    try:
        if not reader.may("approve", "baselines", row["project_id"]):
            raise UsageError("you may not decide about it", where=row["name"])
        made = baselines.decide(data.lake(), row, state, by=reader.person(), note=note)
        st.session_state[SAID] = f"{made['name']} of {made['test']}: {state}"
    except GoLiveError as error:
        st.session_state[SAID] = str(error)


# ---------------------------------------------------------------- how looks have fared


def _health(health: Rows, flaky: Rows, scope: Scope) -> None:
    note = (
        "Flaky: changed and the same again on one commit, against one baseline. The attempts of "
        "such a commit are evidence of P(flaky) of the test like any other pass and fail."
    )
    with charts.figure("All looks", health, key="looks-health", note=note):
        if health.is_empty:
            st.html(theme.aside("The history of looks is made with the next update of the marts."))
            return
        known = health.frame.join(_probabilities(flaky), on="test_id", how="left")
        row = boards.board(_shown(known, scope), COLUMNS, key="looks-board", most=15)
        if row >= 0:
            boards.go("journeys", journey=health.frame["test_id"][row])


def _probabilities(flaky: Rows) -> pl.DataFrame:
    if flaky.is_empty:
        return pl.DataFrame(schema={"test_id": pl.Int64, "probability": pl.Float64})
    return flaky.frame.unique("test_id")


def _shown(frame: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    marks = pl.element().replace_strict(MARKS, default="·")
    return frame.select(
        "name",
        "test",
        pl.col("verdicts").list.tail(STRIP).list.eval(marks).list.join(" ").alias("strip"),
        "changed",
        "unexplained",
        "flaky_commits",
        (pl.col("flake_rate") * 100),
        (pl.col("probability") * 100).clip(0.1, 99.9),
        pl.format("{} {} {}", "browser", "size", "theme").alias("rendered"),
        pl.col("last_at")
        .map_elements(lambda at: words.ago(at, scope.now), pl.String)
        .alias("last"),
    )


COLUMNS = {
    "name": st.column_config.TextColumn("Look", width=150),
    "test": st.column_config.TextColumn("Test", width=180),
    "strip": st.column_config.TextColumn(
        "Looks", width=170, help="✓ same, ✕ changed or rejected, + new; the newest on the right"
    ),
    "changed": st.column_config.NumberColumn("Changed", width=75),
    "unexplained": st.column_config.NumberColumn("Not approved", width=95),
    "flaky_commits": st.column_config.NumberColumn("Flaky commits", width=100),
    "flake_rate": st.column_config.NumberColumn("Flake rate", format="%.0f %%", width=80),
    "probability": st.column_config.ProgressColumn(
        "P(flaky) of the test", min_value=0, max_value=100, format="%.1f %%", width=130
    ),
    "rendered": st.column_config.TextColumn("Rendered by", width=180),
    "last": st.column_config.TextColumn("Seen", width=110),
}


def _past(past: Rows, scope: Scope) -> None:
    with charts.figure("Decided", past, key="looks-decided"):
        if past.is_empty:
            st.html(theme.aside("Nothing was decided yet."))
            return
        st.html(theme.listed(_decided(row, scope) for row in past.dicts()))


def _decided(row: Mapping[str, Any], scope: Scope) -> str:
    note = f": {row['note']}" if row["note"] else ""
    when = words.ago(row["decided_at"], scope.now)
    who = f"{row['state']} by {row['decided_by']} {when}{note}"
    what = f"{row['name']} of {row['test']} ({row['browser']} {row['size']} {row['theme']})"
    dot = "passed" if row["state"] == "approved" else "failed"
    return theme.entry(dot, [escape(what), theme.quiet(escape(who))])
