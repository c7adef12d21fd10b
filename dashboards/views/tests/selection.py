"""Selection: what part of the tests would have caught what part of the failures, on own history."""

from __future__ import annotations

import altair as alt
import polars as pl
import streamlit as st

from dashboards import boards, charts, data, filters, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope

TITLE = "Selection"
ICON = ":material/filter_alt:"
SECTION = "Tests"
ORDER = 36
QUESTION = "How much would a part of the tests have caught, and what would it have missed?"
READS = (
    "marts.test_health", "predictions.test_failure", "predictions.selection_curve",
    "predictions.selection_misses",
)  # fmt: skip
HAS_PERIOD = False
USUAL_SHARE = 0.5
GOAL = 0.95
"""Share of failures that a selection should catch."""
LISTED = 200
LINES = {"failures": theme.SERIES[0], "failing builds": theme.SERIES[2]}

CURVE = """
select share, failures, builds, builds_count, failing_count, ranked_by, is_humble
from predictions.selection_curve
where project_id = $project
order by share
"""
MISSES = """
select
    missed.builds_ago, missed.build_id, missed.test_id, missed.share, missed.probability,
    health.name, health.parameters, health.class_name
from predictions.selection_misses as missed
left join marts.test_health as health
    on missed.project_id = health.project_id and missed.test_id = health.test_id
where missed.project_id = $project and missed.share > $share
order by missed.builds_ago, missed.probability desc, missed.test_id
"""
ORDER_OF_TESTS = """
select
    ranked.test_id, health.name, health.parameters, health.class_name, ranked.probability,
    ranked.duration_s, ranked.reasons
from predictions.test_failure as ranked
inner join marts.test_health as health
    on ranked.project_id = health.project_id and ranked.test_id = health.test_id
where ranked.project_id = $project
order by ranked.rank
"""


def render(scope: Scope) -> None:
    """Draw the page."""
    order = data.rows(ORDER_OF_TESTS, project=scope.project.id)
    if order.is_empty:
        charts.empty(
            "No test can be ranked yet",
            "A selection needs test results of some builds, and a run that learns from them.",
            f"golive ingest junit PATH --project {scope.project.id}",
        )
        return
    curve = data.rows(CURVE, project=scope.project.id)
    frame = ranked(order.frame)
    share = _chosen(scope, frame, curve)
    _curve(curve, share)
    _misses(scope, share)
    _order(order, frame, share)


def ranked(order: pl.DataFrame) -> pl.DataFrame:
    """Return the tests with `time_s` and `share`, that of the time up to and with each.

    A test whose duration is not known counts as the median one.
    """
    usual = order["duration_s"].median()
    time_s = pl.col("duration_s").fill_null(pl.lit(usual).cast(pl.Float64)).fill_null(1.0)
    return order.with_columns(time_s=time_s).with_columns(
        share=pl.col("time_s").cum_sum() / pl.col("time_s").sum()
    )


def fits(share: float) -> pl.Expr:
    """Tell which rows lie within a share of the time; sums of floats may miss 1 by a hair."""
    return pl.col("share") <= share + 1e-9


def _chosen(scope: Scope, frame: pl.DataFrame, curve: Rows) -> float:
    """Draw headline, slider and numbers; return the share of time that the reader chose."""
    place = st.container()
    share = filters.number(
        "share", 0.05, 1.0, USUAL_SHARE, step=0.05, label="Share of the test time that may be spent"
    )
    inside = frame.filter(fits(share))
    caught = at_share(curve.frame, share)
    first = curve.frame.row(0, named=True)
    basis = (
        f"in {words.plural(first['builds_count'], 'past build')}, "
        f"{words.number(first['failing_count'])} of them failing"
    )
    total = float(frame["time_s"].sum())
    with place:
        charts.headline(
            f"{words.percent(share)} of the test time catches "
            f"{words.percent(caught['failures'])} of failures",
            f"{words.plural(frame.height, 'test')} of {scope.project.name}, ranked by "
            f"{first['ranked_by']}; measured {basis}.",
        )
        if first["is_humble"]:
            st.html(theme.aside(
                "This past is too short to leave any test out: golive select runs them all, "
                "until there are twenty builds and five that failed."
            ))  # fmt: skip
        charts.metrics(
            [
                ("Failures caught", words.percent(caught["failures"], digits=1), basis),
                ("Failing builds caught", words.percent(caught["builds"], digits=1),
                 "with one of their failures at least"),
                ("Tests that run", words.number(inside.height),
                 f"of {words.number(frame.height)}, by rank"),
                ("Time saved a build", words.duration(total - float(inside["time_s"].sum())),
                 f"of {words.duration(total)} of single tests, one after the other"),
            ]
        )  # fmt: skip
    return share


def at_share(curve: pl.DataFrame, share: float) -> dict[str, float]:
    """Return what the nearest measured share below caught: failures and builds, 0 to 1."""
    near = curve.filter(fits(share))
    row = near.row(-1, named=True) if near.height else {"failures": None, "builds": None}
    return {name: row[name] or 0.0 for name in ("failures", "builds")}


def _curve(curve: Rows, share: float) -> None:
    note = (
        "Measured on past builds, each ranked from the builds before it. Dashed: an order by "
        f"chance. Dotted: the chosen share. A build is caught with one of its failures; asked are "
        f"{words.percent(GOAL)} of failures."
    )
    with charts.figure("What a share of the time catches", curve, key="curve", note=note):
        long = curve.frame.rename({"builds": "failing builds"}).unpivot(
            list(LINES), index="share", variable_name="what", value_name="caught"
        )
        charts.plain(_curve_chart(long, share), key="curve", alternative="Caught by share of time")
        st.html(theme.legend(LINES))


def _curve_chart(long: pl.DataFrame, share: float) -> charts.Drawn:
    unit = alt.Scale(domain=[0, 1])
    lines = (
        alt.Chart(long)
        .mark_line(point=alt.OverlayMarkDef(size=22), strokeWidth=2)
        .encode(
            x=alt.X("share:Q", title="share of the test time", scale=unit,
                    axis=alt.Axis(format="%", tickCount=6)),
            y=alt.Y("caught:Q", title="caught", scale=unit, axis=alt.Axis(format="%", tickCount=6)),
            color=alt.Color("what:N", legend=None,
                            scale=alt.Scale(domain=list(LINES), range=list(LINES.values()))),
            tooltip=["what:N", alt.Tooltip("share:Q", format=".0%"),
                     alt.Tooltip("caught:Q", format=".1%")],
        )
    )  # fmt: skip
    chance = (
        alt.Chart(pl.DataFrame({"share": [0.0, 1.0], "caught": [0.0, 1.0]}))
        .mark_line(strokeDash=[4, 4], color=theme.STATUS["cancelled"])
        .encode(x="share:Q", y="caught:Q")
    )
    chosen = (
        alt.Chart(pl.DataFrame({"share": [share]}))
        .mark_rule(strokeDash=[2, 3], color=theme.STATUS["cancelled"])
        .encode(x="share:Q")
    )
    return alt.layer(chance, lines, chosen).properties(height=300)


def _misses(scope: Scope, share: float) -> None:
    found = data.rows(MISSES, project=scope.project.id, share=share)
    note = (
        f"Failures of past builds that {words.percent(share)} of the time would have missed. "
        "Caught from: the least share of the time that takes the test in. Select one for its "
        "history."
    )
    with charts.figure("What it would have missed", found, key="misses", note=note):
        if found.is_empty:
            st.html(theme.aside("Nothing: every failure of these builds would have been caught."))
            return
        rows = found.frame.head(LISTED)
        shown = rows.select(
            "builds_ago", boards.test_title(), "class_name", pl.col("share") * 100,
            pl.col("probability") * 100, "build_id",
        )  # fmt: skip
        row = boards.board(shown, MISS_COLUMNS, key="misses-board", most=10)
        if row >= 0:
            boards.go("tests", test=rows["test_id"][row])


MISS_COLUMNS = {
    "test": st.column_config.TextColumn("Test", width=300),
    "class_name": st.column_config.TextColumn("Class", width=220),
    "builds_ago": st.column_config.NumberColumn("Builds ago", width=90),
    "share": st.column_config.NumberColumn("Caught from", format="%.0f %%", width=95),
    "probability": st.column_config.NumberColumn("P(fails) told", format="%.1f %%", width=95),
    "build_id": st.column_config.TextColumn("Build", width=160),
}


def _order(order: Rows, frame: pl.DataFrame, share: float) -> None:
    note = (
        "Likeliest to fail first; the cheaper of two that are equally likely first. golive select "
        "prints a selection as arguments for a runner. Select a test for its history."
    )
    with charts.figure("Which tests run", order, key="order", note=note):
        rows = frame.head(LISTED)
        shown = rows.select(
            pl.when(fits(share))
            .then(pl.lit("✓ runs"))
            .otherwise(pl.lit("\u2013 left out"))
            .alias("picked"),
            boards.test_title(),
            (pl.col("probability") * 100).clip(0.1, 99.9),
            boards.told("time_s"),
            pl.col("share") * 100,
            pl.col("reasons").list.join("; ").alias("why"),
        )
        row = boards.board(shown, ORDER_COLUMNS, key="order-board", most=12)
        if row >= 0:
            boards.go("tests", test=rows["test_id"][row])


ORDER_COLUMNS = {
    "picked": st.column_config.TextColumn("In the run", width=90),
    "test": st.column_config.TextColumn("Test", width=300),
    "probability": st.column_config.ProgressColumn(
        "P(fails)", min_value=0, max_value=100, format="%.1f %%", width=110
    ),
    "time_s": st.column_config.TextColumn("Takes", alignment="right", width=80),
    "share": st.column_config.NumberColumn("Time so far", format="%.1f %%", width=90),
    "why": st.column_config.TextColumn("Because", width=300),
}
