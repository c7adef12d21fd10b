"""Stress and fixes: what runs again and again said of new tests, and of the fixes of flaky ones."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import boards, charts, data, theme, words
from dashboards.behind import Drawn
from dashboards.data import Rows
from dashboards.scope import Scope

TITLE = "Stress and fixes"
ICON = ":material/repeat:"
SECTION = "Tests"
ORDER = 36
QUESTION = "Are the tests that a change brings flaky, and do the fixes of flaky tests hold?"
READS = ("ops.reruns", "core.tests")
DRAWN = 25
"""Tests in the picture, those that fail most."""
LISTED = 300
TONES = {
    "stable": theme.VERDICT["healthy"],
    "flaky": theme.VERDICT["flaky"],
    "broken": theme.VERDICT["broken"],
    "unsure": theme.STATUS["cancelled"],
    "skipped": theme.STATUS["skipped"],
}
SYMBOL = {"stable": "✓", "flaky": "≈", "broken": "✕", "unsure": "?", "skipped": "\u2013"}
SAID = {
    "stable": "holds", "flaky": "does not hold", "broken": "fails every time",
    "unsure": "is not sure yet", "skipped": "was skipped",
}  # fmt: skip
"""Of a fix, by verdict."""
DOT = {"stable": "passed", "flaky": "failed", "broken": "failed", "unsure": "queued"}

NEWEST = """
select
    rerun.test, rerun.test_id, known.test_id is not null as is_known, rerun.change,
    rerun.commit_sha, rerun.fix_sha, rerun.judged_at, rerun.verdict, rerun.failed, rerun.runs,
    rerun.probability, rerun.rate, rerun.rate_low, rerun.rate_high, rerun.messages,
    rerun.before_failed, rerun.before_runs, rerun.known_failed, rerun.known_runs
from ops.reruns as rerun
left join core.tests as known
    on rerun.project_id = known.project_id and rerun.test_id = known.test_id
where
    rerun.project_id = $project and rerun.kind = $kind and rerun.day between $first and $last
qualify row_number() over (
    partition by rerun.test_id, coalesce(rerun.fix_sha, '') order by rerun.judged_at desc
) = 1
order by rerun.rate desc, rerun.judged_at desc, rerun.test
"""


def render(scope: Scope) -> None:
    """Draw the page."""
    new, fixes = _of(scope, "stress"), _of(scope, "verify")
    if new.is_empty and fixes.is_empty:
        charts.empty(
            "No test was run again and again in this period",
            "golive test stress runs the tests that a change adds or touches until each is surely "
            "stable or flaky; golive test verify does so with a test whose fix has to be proved.",
            f"golive test stress main...HEAD --project {scope.project.id}\n"
            f"golive test verify TEST --since-fix SHA --project {scope.project.id}",
        )
        return
    _summary(new, fixes)
    _stressed(new, scope)
    _fixes(fixes, scope)


def _of(scope: Scope, kind: str) -> Rows:
    return data.rows(
        NEWEST, project=scope.project.id, kind=kind, first=scope.first_day, last=scope.last_day
    )


def _counts(rows: Rows) -> dict[str, int]:
    return dict(rows.frame["verdict"].value_counts().rows()) if rows.height else {}


def _summary(new: Rows, fixes: Rows) -> None:
    told, fixed = _counts(new), _counts(fixes)
    bad = told.get("flaky", 0) + told.get("broken", 0)
    lost = fixed.get("flaky", 0) + fixed.get("broken", 0)
    runs = int(new.frame["runs"].sum()) + int(fixes.frame["runs"].sum())
    charts.headline(
        _said(new, bad, fixes, lost),
        f"From {words.plural(runs, 'run')}, each round shuffled and in a process of its own. These "
        "runs count for no other verdict.",
    )
    charts.metrics(
        [
            ("New or changed tests", words.number(new.height), "newest verdict of each"),
            ("Flaky", words.number(told.get("flaky", 0)), "seen before the merge"),
            ("Broken", words.number(told.get("broken", 0)), "fail every time"),
            ("Fixes that hold", words.number(fixed.get("stable", 0)),
             f"of {words.plural(fixes.height, 'fix', 'fixes')}"),
        ]
    )  # fmt: skip


def _said(new: Rows, bad: int, fixes: Rows, lost: int) -> str:
    """Return the answer: what needs a person first, else that all is well as far as is known."""
    if bad:
        return f"{bad} of {words.plural(new.height, 'new or changed test')} " + (
            "is flaky or broken" if bad == 1 else "are flaky or broken"
        )
    if lost:
        return f"{words.plural(lost, 'fix does', 'fixes do')} not hold"
    sure = all(
        word in ("stable", "skipped") for rows in (new, fixes) for word in _counts(rows)
    )  # fmt: skip
    if not sure:
        return "None is flaky as far as is known, and some are not sure yet"
    return "Every new test is stable" if new.height else "Every fix holds"


# ---------------------------------------------------------------- new tests


def _stressed(new: Rows, scope: Scope) -> None:
    if new.is_empty:
        return
    ran = new.frame.filter(pl.col("runs") > 0)
    note = charts.basis(
        words.plural(ran.height, "test"), "failures per run, dot and 90 % interval",
        f"The {DRAWN} that fail most" if ran.height > DRAWN else "",
    )  # fmt: skip
    if ran.height:
        with charts.figure("How often each fails", new, key="rates", note=note):
            charts.plain(
                _rates(ran.head(DRAWN)), key="rates",
                alternative="Failures per run of each new or changed test, with 90 % interval",
            )  # fmt: skip
            seen = set(ran["verdict"])
            st.html(theme.legend({word: TONES[word] for word in TONES if word in seen}))
    with charts.figure(
        "New and changed tests", new, key="stressed", note="Select one to see its history."
    ):
        listed = new.frame.head(LISTED)
        row = boards.board(_shown(listed, scope), COLUMNS, key="stressed-board", most=15)
        if row >= 0 and listed["is_known"][row]:
            boards.go("tests", test=listed["test_id"][row])
        if row >= 0:
            st.info("No report has named this test yet: its history begins with its first build.")


def _rates(frame: pl.DataFrame) -> Drawn:
    short = pl.col("test").str.split("::").list.slice(1).list.join("::")
    shown = frame.with_columns(label=pl.format("{}. {}", pl.int_range(pl.len()) + 1, short))
    order = shown["label"].to_list()
    base = alt.Chart(shown).encode(
        y=alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=320)),
        color=alt.Color(
            "verdict:N", legend=None,
            scale=alt.Scale(domain=list(TONES), range=list(TONES.values())),
        ),
        tooltip=[
            alt.Tooltip("test:N"), alt.Tooltip("verdict:N"), alt.Tooltip("failed:Q"),
            alt.Tooltip("runs:Q"), alt.Tooltip("rate:Q", format=".1%"),
        ],
    )  # fmt: skip
    share = alt.Axis(format="%", tickCount=6)
    scale = alt.Scale(domain=[0, 1])
    spans = base.mark_rule(strokeWidth=6, opacity=0.4, strokeCap="round").encode(
        x=alt.X("rate_low:Q", title="failures per run", axis=share, scale=scale), x2="rate_high:Q"
    )
    dots = base.mark_circle(size=90, opacity=1).encode(x=alt.X("rate:Q", scale=scale))
    return alt.layer(spans, dots).properties(height=24 * len(order) + 62)


def _shown(frame: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    return frame.select(
        (pl.col("verdict").replace_strict(SYMBOL, default="") + " " + pl.col("verdict")).alias(
            "verdict"
        ),
        "test",
        pl.when(pl.col("runs") > 0)
        .then(pl.format("{} of {}", "failed", "runs"))
        .otherwise(pl.lit(words.NOTHING))
        .alias("failures"),
        pl.when(pl.col("runs") > 0).then((pl.col("probability") * 100).clip(0.1, 99.9)),
        pl.col("messages").list.first().fill_null("").alias("says"),
        pl.col("change").fill_null("tests by name"),
        pl.col("commit_sha").str.head(7).fill_null(words.NOTHING),
        pl.col("judged_at").map_elements(lambda at: words.ago(at, scope.now), pl.String),
    )


COLUMNS = {
    "verdict": st.column_config.TextColumn("Verdict", width=85),
    "test": st.column_config.TextColumn("Test", width=270),
    "failures": st.column_config.TextColumn("Failed", width=80),
    "probability": st.column_config.ProgressColumn(
        "P(flaky)", min_value=0, max_value=100, format="%.1f %%", width=95
    ),
    "says": st.column_config.TextColumn("A failure says", width=190),
    "change": st.column_config.TextColumn("Change", width=120),
    "commit_sha": st.column_config.TextColumn("Commit", width=75),
    "judged_at": st.column_config.TextColumn("Ran", width=110),
}


# ---------------------------------------------------------------- fixes


def _fixes(fixes: Rows, scope: Scope) -> None:
    if fixes.is_empty:
        return
    note = "A fix holds once the runs since, here and in the lake, make that 95 % probable."
    with charts.figure("Fixes of flaky tests", fixes, key="fixes", note=note):
        newest = fixes.frame.sort("judged_at", descending=True).head(LISTED)
        charts.narrow(newest)
        st.html(theme.listed(_fix(row, scope) for row in newest.to_dicts()))


def _fix(row: Mapping[str, Any], scope: Scope) -> str:
    verdict = row["verdict"]
    before = _of_runs(row["before_failed"], row["before_runs"])
    known = row["known_runs"] or 0
    since = _of_runs(row["failed"] + (row["known_failed"] or 0), row["runs"] + known)
    said = row["messages"][0] if row["messages"] else ""
    lines = [
        f"The fix {theme.code(words.short(row['fix_sha']))} of {theme.code(row['test'])} "
        f"<b>{SAID[verdict]}</b>",
        theme.quiet(
            f"P(it holds): {words.probability(row['probability'])} · failed {before} before it, "
            f"{since} since ({words.plural(row['runs'], 'run')} for this verdict) · "
            f"{escape(words.ago(row['judged_at'], scope.now))}"
        ),
        *([theme.quiet(f"a failure says: {escape(words.first_line(said, 200))}")] if said else []),
    ]
    return theme.entry(DOT.get(verdict, "skipped"), lines)


def _of_runs(failed: int | None, runs: int | None) -> str:
    return f"{words.number(failed)} of {words.number(runs)}" if runs else "in no known run"
