"""Quarantine: which flaky tests are set aside until when, and which could go in or must leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import boards, charts, data, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope
from golive_core import quarantine as file
from models import quarantine as rules

TITLE = "Quarantine"
ICON = ":material/shield:"
SECTION = "Tests"
ORDER = 34
QUESTION = "Which flaky tests are set aside, until when, and which should go in or come out?"
READS = ("marts.test_health", "marts.test_owners", "predictions.flaky")
HAS_PERIOD = False
EXPORT = "golive quarantine export"
SOON_DAYS = 3
DRAWN = 40
"""Entries whose spans are drawn; the table has them all."""

KNOWN = """
select
    verdict.test_id, health.suite, health.class_name, health.name, health.parameters,
    verdict.verdict, verdict.probability, verdict.rate, verdict.rate_low, verdict.rate_high,
    verdict.attempts, verdict.flakes, verdict.attempts as trials,
    health.consecutive_failures as broken_attempts, health.mixed_commits, health.retry_passes,
    health.flips, owner.owner_name, verdict.as_of
from predictions.flaky as verdict
inner join marts.test_health as health
    on verdict.project_id = health.project_id and verdict.test_id = health.test_id
left join marts.test_owners as owner
    on verdict.project_id = owner.project_id and verdict.test_id = owner.test_id
where
    verdict.project_id = $project
    and (verdict.verdict = 'flaky' or health.name in (select unnest($names)))
order by verdict.probability desc
"""
STATES = {
    "holds": theme.VERDICT["flaky"],
    "ends soon": theme.STATUS["running"],
    "expired": theme.STATUS["cancelled"],
    "healed": theme.VERDICT["healthy"],
    "broken": theme.VERDICT["broken"],
}
MARKS = {
    "holds": "≈ still flaky", "ends soon": "… ends soon", "expired": "○ expired",
    "healed": "✓ healed: take it out", "broken": "✕ broken: mend it",
}  # fmt: skip


def render(scope: Scope) -> None:
    """Draw the page."""
    entries = [one for one in data.set_aside() if one["project"] == scope.project.id]
    known = data.rows(
        KNOWN, project=scope.project.id, names=[one["test"]["name"] for one in entries]
    )
    if known.is_empty and not entries:
        _none(scope)
        return
    aside = set_aside(entries, known.frame, scope.now.date())
    _summary(scope, aside, known)
    _entries(aside, known)
    _candidates(known, aside)


def _none(scope: Scope) -> None:
    judged = data.rows(
        "select count(*) as tests from predictions.flaky where project_id = $project",
        project=scope.project.id,
    ).first()
    if judged.get("tests"):
        charts.headline(
            "No test needs to be set aside",
            f"{words.plural(judged['tests'], 'test')} of {scope.project.name} were judged; none "
            "is flaky.",
        )
        return
    charts.empty(
        "No test has been judged yet",
        "Verdicts need test results of builds that tested a commit twice, or retries.",
        f"golive ingest junit PATH --project {scope.project.id}",
    )


def set_aside(entries: Sequence[file.Entry], known: pl.DataFrame, today: date) -> pl.DataFrame:
    """Return a row an entry: names, owner, dates, its state today and what is known of the test."""
    tests = {_key(row): row for row in known.to_dicts()}
    rows = [_row(one, tests.get(file.key(one)[1:], {}), today) for one in entries]
    return pl.DataFrame(rows, schema_overrides={"probability": pl.Float64}).sort("expires") if (
        rows
    ) else pl.DataFrame()  # fmt: skip


def _key(row: dict[str, Any]) -> file.Key:
    names = ("suite", "class_name", "name", "parameters")
    return tuple(str(row[name] or "") for name in names)


def _row(one: file.Entry, test: dict[str, Any], today: date) -> dict[str, Any]:
    left = (one["expires"] - today).days
    return {
        "test_id": test.get("test_id"),
        "test": words.test_title(one["test"]["name"], one["test"].get("parameters")),
        "state": state(test.get("verdict"), left),
        "owner": one.get("owner") or test.get("owner_name") or "nobody",
        "since": one.get("since"),
        "expires": one["expires"],
        "left": left,
        "ticket": one.get("ticket") or "",
        "reason": one.get("reason") or "",
        "probability": test.get("probability"),
    }


def state(verdict: str | None, days_left: int) -> str:
    """Return what is to be said of an entry: a broken or healed test comes before its dates."""
    if verdict == "broken":
        return "broken"
    if days_left <= 0:
        return "expired"
    if verdict == "healthy":
        return "healed"
    return "ends soon" if days_left <= SOON_DAYS else "holds"


def _summary(scope: Scope, aside: pl.DataFrame, known: Rows) -> None:
    leaving = aside.filter(pl.col("state").is_in(["broken", "healed", "expired"])).height if (
        aside.height
    ) else 0  # fmt: skip
    title = (
        f"{words.plural(aside.height, 'test is', 'tests are')} set aside"
        if aside.height
        else "No test is set aside"
    )
    charts.headline(
        f"{title}, {words.number(leaving)} should come out" if leaving else title,
        "A test in quarantine still runs and is recorded; its failures do not break a build. "
        f"Every entry ends. Judged {words.ago(known.first().get('as_of'), scope.now)}.",
    )


def _entries(aside: pl.DataFrame, known: Rows) -> None:
    told = f"-- The file {file.FILES[0]}, beside what is known of its tests:\n{known.sql}"
    rows = replace(known, frame=aside, sql=told)
    note = (
        "From since to expiry, one line a test. A broken test is never held: its failures are real."
    )
    with charts.figure("Set aside", rows, key="entries", note=note if aside.height else ""):
        if aside.is_empty():
            st.html(
                theme.aside(
                    f"There is no {file.FILES[0]} beside golive.toml, or it names no test of this "
                    "project. This proposes the tests below, to be reviewed like code:"
                )
            )
            st.code(EXPORT, language="bash", width=440)
            return
        charts.plain(_spans(aside), key="entries", alternative="Time in quarantine by test")
        st.html(theme.legend({MARKS[word]: tone for word, tone in STATES.items()
                              if word in set(aside["state"])}))  # fmt: skip
        _entries_board(aside)


def _spans(aside: pl.DataFrame) -> charts.Drawn:
    shown = aside.head(DRAWN).with_columns(pl.col("since").fill_null(pl.col("expires")))
    order = shown["test"].to_list()
    bars = (
        alt.Chart(shown)
        .mark_bar(cornerRadius=4, height=14)
        .encode(
            x=alt.X("since:T", title=None, axis=alt.Axis(format="%-d %b", tickCount=6, grid=True)),
            x2="expires:T",
            y=alt.Y("test:N", sort=order, title=None, axis=alt.Axis(labelLimit=300, grid=False)),
            color=alt.Color(
                "state:N",
                scale=alt.Scale(domain=list(STATES), range=list(STATES.values())),
                legend=None,
            ),
            tooltip=["test:N", "owner:N", "state:N", alt.Tooltip("left:Q", title="days left")],
        )
    )
    today = (
        alt.Chart(pl.DataFrame({"today": [date.today()]}))  # noqa: DTZ011 - the reader's day
        .mark_rule(strokeDash=[3, 3], color=theme.STATUS["cancelled"])
        .encode(x="today:T", tooltip=alt.value("today"))
    )
    return alt.layer(bars, today).properties(height=26 + 24 * shown.height)


def _entries_board(aside: pl.DataFrame) -> None:
    shown = aside.select(
        "test",
        pl.col("state").replace_strict(MARKS),
        "owner",
        "expires",
        pl.when(pl.col("left") > 0)
        .then(pl.format("{} d", "left"))
        .otherwise(pl.lit("over"))
        .alias("left"),
        (pl.col("probability") * 100).clip(0.1, 99.9),
        "reason",
        "ticket",
    )
    row = boards.board(shown, COLUMNS, key="entries-board", most=10)
    if row >= 0 and aside["test_id"][row] is not None:
        boards.go("tests", test=aside["test_id"][row])


COLUMNS = {
    "test": st.column_config.TextColumn("Test", width=270),
    "state": st.column_config.TextColumn("Now", width=150),
    "owner": st.column_config.TextColumn("Owner", width=125),
    "expires": st.column_config.DateColumn("Expires", format="D MMM YYYY", width=95),
    "left": st.column_config.TextColumn("Left", width=55, alignment="right"),
    "probability": st.column_config.ProgressColumn(
        "P(flaky)", min_value=0, max_value=100, format="%.1f %%", width=110
    ),
    "reason": st.column_config.TextColumn("Reason", width=245),
    "ticket": st.column_config.TextColumn("Ticket", width=80),
}


# ---------------------------------------------------------------- what could go in


def _candidates(known: Rows, aside: pl.DataFrame) -> None:
    inside = aside["test_id"].drop_nulls().to_list() if aside.height else []
    judged = decided(known.frame).filter(~pl.col("test_id").is_in(inside)) if known.height else (
        pl.DataFrame()
    )  # fmt: skip
    note = (
        f"{EXPORT} decides on the evidence of 120 days, this list on that of 30. Held back: what "
        "could be a regression is never set aside."
    )
    with charts.figure("Could be set aside", known, key="candidates", note=note):
        if judged.is_empty():
            st.html(theme.aside("Every test that is known to be flaky is set aside, or none is."))
            return
        shown = judged.select(
            boards.test_title(),
            pl.when(pl.col("hold").is_null())
            .then(pl.lit("✓ may go in"))
            .otherwise(pl.format("✕ held back: {}", "hold"))
            .alias("decision"),
            pl.col("owner_name").fill_null("nobody known"),
            (pl.col("probability") * 100).clip(0.1, 99.9),
            pl.struct("rate_low", "rate_high")
            .map_elements(lambda row: words.interval(row["rate_low"], row["rate_high"]), pl.String)
            .alias("rate"),
            pl.format("{} in {}", "flakes", "attempts").alias("evidence"),
        )
        row = boards.board(shown, CANDIDATES, key="candidates-board", most=12)
        if row >= 0:
            boards.go("tests", test=judged["test_id"][row])


def decided(known: pl.DataFrame) -> pl.DataFrame:
    """Return the flaky tests with `doubt` and `hold`, those that may go in first."""
    flaky = known.filter(pl.col("verdict") == "flaky")
    held = flaky.with_columns(doubt=rules.doubt()).with_columns(hold=rules.hold())
    return held.sort(pl.col("hold").is_not_null(), -pl.col("probability"))


CANDIDATES = {
    "test": st.column_config.TextColumn("Test", width=320),
    "decision": st.column_config.TextColumn("Decision", width=240),
    "owner_name": st.column_config.TextColumn("Owner", width=120),
    "probability": st.column_config.ProgressColumn(
        "P(flaky)", min_value=0, max_value=100, format="%.1f %%", width=110
    ),
    "rate": st.column_config.TextColumn("Flake rate", alignment="right", width=90),
    "evidence": st.column_config.TextColumn("Evidence", alignment="right", width=90),
}
