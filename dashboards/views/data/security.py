"""Security: who was turned away, what is odd about it, and whether the record of actions holds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from html import escape

import altair as alt
import polars as pl
import streamlit as st

from dashboards import boards, charts, data, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope
from golive_core import settings
from golive_core.tokens import Tokens

TITLE = "Security"
ICON = ":material/shield:"
SECTION = "Data"
ORDER = 93
QUESTION = "Who tried to come in, who was turned away, and is anything odd about it?"
READS = ("ops.security_events", "ops.security_alerts")
NEEDS_PROJECT = False
LISTED = 100
WORDS = {"critical": "failed", "warning": "error", "info": "queued"}
"""Severity to the status whose colour it has."""
KINDS = {
    "signed in": theme.STATUS["passed"], "sign-in refused": theme.STATUS["failed"],
    "not permitted": theme.STATUS["error"], "beyond a limit": theme.STATUS["skipped"],
}  # fmt: skip
ALERTS = """
select severity, rule, subject, reason, "at", until_at, events, size_bytes, usual
from ops.security_alerts
where "at" >= $first
order by case severity when 'critical' then 0 when 'warning' then 1 else 2 end, "at" desc
"""
EVENTS = """
select
    day,
    case
        when kind = 'authentication' and outcome = 'ok' then 'signed in'
        when kind = 'authentication' then 'sign-in refused'
        when kind = 'authorisation' then 'not permitted'
        else 'beyond a limit'
    end as what,
    sum(events) as events
from ops.security_events
where day >= $first and kind <> 'data_access'
group by day, what
order by day, what
"""
CALLERS = """
select
    case when actor = '' then 'nobody known' else actor end as who, address,
    coalesce(sum(events) filter (outcome = 'refused'), 0) as refused,
    coalesce(sum(events) filter (outcome = 'ok'), 0) as answered,
    sum(size_bytes) as size_bytes, max(until_at) as last_at
from ops.security_events
where day >= $first
group by who, address
order by refused desc, size_bytes desc, last_at desc
"""


def render(scope: Scope) -> None:
    """Draw the page."""
    first = scope.now.date() - timedelta(days=scope.days - 1)
    alerts, callers = data.rows(ALERTS, first=first), data.rows(CALLERS, first=first)
    _summary(alerts, callers, scope)
    _alerts(alerts, scope)
    _events(first)
    _callers(callers, scope)
    _tokens(scope)


def _summary(alerts: Rows, callers: Rows, scope: Scope) -> None:
    bad = alerts.frame.filter(pl.col("severity") != "info").height if alerts.height else 0
    refused = int(callers.frame["refused"].sum()) if callers.height else 0
    charts.headline(
        f"{words.plural(bad, 'finding wants', 'findings want')} a look" if bad
        else "Nothing is odd",
        f"{words.plural(refused, 'request')} turned away in {words.plural(scope.days, 'day')}. "
        "golive audit verify tells whether the record of actions was edited.",
    )  # fmt: skip


def _alerts(alerts: Rows, scope: Scope) -> None:
    note = "Guessing, abuse, access from a new address and unusual amounts; hour by hour, by rule."
    with charts.figure("What is odd", alerts, key="alerts", note=note):
        if alerts.is_empty:
            st.html(theme.aside("Nothing: no rule found anything in this time."))
            return
        rows = (
            theme.entry(WORDS[row["severity"]], [
                f"<b>{escape(row['reason'])}</b>",
                theme.quiet(f"{escape(row['severity'])} · {words.ago(row['until_at'], scope.now)}"),
            ])
            for row in alerts.dicts()[:LISTED]
        )  # fmt: skip
        st.html(theme.listed(rows))


def _events(first: date) -> None:
    found = data.rows(EVENTS, first=first)
    with charts.figure("Sign-ins and refusals by day", found, key="events"):
        if found.is_empty:
            charts.empty(
                "No event yet",
                "The gateway notes sign-ins and whoever it turns away; here they are a minute old.",
                "golive up",
            )
            return
        drawn = (
            alt.Chart(found.frame)
            .mark_bar()
            .encode(
                x=alt.X("utcyearmonthdate(day):T", title=None, axis=alt.Axis(format="%-d %b")),
                y=alt.Y("events:Q", title="events", stack=True),
                color=alt.Color("what:N", legend=None,
                                scale=alt.Scale(domain=list(KINDS), range=list(KINDS.values()))),
                tooltip=["day:T", "what:N", "events:Q"],
            )
            .properties(height=220)
        )  # fmt: skip
        charts.plain(drawn, key="events", alternative="Sign-ins and refusals by day")
        st.html(theme.legend(KINDS))


def _callers(callers: Rows, scope: Scope) -> None:
    with charts.figure("Who called", callers, key="callers", note="Most refused first."):
        if callers.is_empty:
            st.html(theme.aside("Nobody called the gateway in this time."))
            return
        rows = callers.frame.head(LISTED)
        last = [words.ago(at, scope.now) for at in rows["last_at"]]
        shown = rows.drop("last_at").with_columns(last=pl.Series(last))
        boards.board(shown, CALLER_COLUMNS, key="callers-board", most=10)


CALLER_COLUMNS = {
    "who": st.column_config.TextColumn("Who", width=160),
    "address": st.column_config.TextColumn("Address", width=130),
    "refused": st.column_config.NumberColumn("Refused", width=80),
    "answered": st.column_config.NumberColumn("Answered", width=80),
    "size_bytes": st.column_config.NumberColumn("Handed out", format="bytes", width=100),
    "last": st.column_config.TextColumn("Last", width=130),
}


def _tokens(scope: Scope) -> None:
    """List the API tokens: names and dates, never what opens anything."""
    found = Tokens(settings.home()).all()
    with st.expander(words.plural(len(found), "API token"), expanded=bool(found)):
        if not found:
            st.html(theme.aside("CI jobs and scripts get one from golive token create NAME."))
            return
        rows = [
            {"token": one.name, "may": ", ".join(one.scopes), "project": one.project_id or "all",
             "state": one.state(), "ends": words.day(_instant(one.ends_at)),
             "used": words.ago(_instant(one.used_at), scope.now) if one.used_at else "never"}
            for one in found
        ]  # fmt: skip
        boards.board(pl.DataFrame(rows), {}, key="tokens-board", most=10)


def _instant(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
