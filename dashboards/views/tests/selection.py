"""Selection: what part of the tests would have caught what part of the failures, on own history."""

from __future__ import annotations

import altair as alt
import polars as pl
import streamlit as st

from dashboards import boards, charts, data, filters, optional, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope

TITLE = "Selection"
ICON = ":material/filter_alt:"
SECTION = "Tests"
ORDER = 36
QUESTION = "How much would a part of the tests have caught, and what would it have missed?"
READS = ("marts.test_health", "predictions.next_failure")
HAS_PERIOD = False
USUAL_SHARE = 0.5
GOAL = 0.95
"""Share of failures that a selection should catch."""
LISTED = 200
LINES = {"failures": theme.SERIES[0], "failing builds": theme.SERIES[2]}
EXPECTED = {"failures, as expected": theme.SERIES[0]}
POINTS = 120
"""Points of the expected curve."""

CURVE = """
select *
from predictions.selection_curve
where project_id = $project
"""
MISSES = """
select missed.*, health.name, health.parameters, health.class_name
from predictions.selection_misses as missed
left join marts.test_health as health
    on missed.project_id = health.project_id and missed.test_id = health.test_id
where missed.project_id = $project
"""
NEXT = """
select
    forecast.test_id, health.name, health.parameters, health.class_name, forecast.probability,
    health.median_duration_s, forecast.reasons
from predictions.next_failure as forecast
inner join marts.test_health as health
    on forecast.project_id = health.project_id and forecast.test_id = health.test_id
where forecast.project_id = $project
order by forecast.probability desc, health.median_duration_s, forecast.test_id
"""


def render(scope: Scope) -> None:
    """Draw the page."""
    order = data.rows(NEXT, project=scope.project.id)
    if order.is_empty:
        charts.empty(
            "No test can be ranked yet",
            "A selection needs forecasts, and these need test results of some builds.",
            f"golive ingest junit PATH --project {scope.project.id}",
        )
        return
    curve = curve_of(optional.rows(
        CURVE, "predictions.selection_curve", project=scope.project.id
    ))  # fmt: skip
    frame = ranked(order.frame)
    share = _chosen(scope, frame, curve)
    if curve.is_empty:
        _expected(order, frame, share)
    else:
        _curve(curve, share)
    _misses(scope, share)
    _order(order, frame, share)


def curve_of(found: Rows) -> Rows:
    """Return the curve by rising share, if it has what a curve needs, else nothing."""
    if found.is_empty or not {"share", "failures", "builds"} <= set(found.frame.columns):
        return data.none(CURVE, project="")
    return boards.with_frame(found, found.frame.sort("share"))


def ranked(order: pl.DataFrame) -> pl.DataFrame:
    """Return the tests with `time_s`, the time up to and with each, `share` of all and `caught`.

    `caught` is the part of the failures that are expected in tests up to this one. A test whose
    duration is not known counts as the median one.
    """
    usual = order["median_duration_s"].median()
    time_s = pl.col("median_duration_s").fill_null(pl.lit(usual).cast(pl.Float64)).fill_null(1.0)
    return order.with_columns(time_s=time_s).with_columns(
        share=pl.col("time_s").cum_sum() / pl.col("time_s").sum(),
        caught=pl.col("probability").cum_sum() / pl.col("probability").sum(),
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
    told, basis = _told(frame, curve, share)
    total = float(frame["time_s"].sum())
    with place:
        charts.headline(
            f"{words.percent(share)} of the test time catches {words.percent(told)} of failures",
            f"{words.plural(frame.height, 'test')} of {scope.project.name}; {basis}.",
        )
        charts.metrics(
            [
                ("Failures caught", words.percent(told, digits=1), basis),
                ("Tests that run", words.number(inside.height),
                 f"of {words.number(frame.height)}, likeliest to fail first"),
                ("Time spent", words.duration(float(inside["time_s"].sum())),
                 f"of {words.duration(total)} of single tests, one after the other"),
                ("Time saved a build", words.duration(total - float(inside["time_s"].sum())),
                 "machine time"),
            ]
        )  # fmt: skip
    return share


def _told(frame: pl.DataFrame, curve: Rows, share: float) -> tuple[float, str]:
    """Return the share of failures caught and what it rests on: the past, else the forecasts."""
    if curve.is_empty:
        enough = frame.filter(fits(share))["caught"]
        # A sum of floats may miss 1 by a hair.
        return round(
            float(enough[-1]), 9
        ) if enough.len() else 0.0, "expected by the forecasts of the tests"
    near = curve.frame.filter(fits(share))
    return (float(near["failures"][-1]) if near.height else 0.0), "measured on its own past builds"


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
        charts.plain(
            _curve_chart(long, share, LINES), key="curve", alternative="Caught by share of time"
        )
        st.html(theme.legend(LINES))


def _expected(order: Rows, frame: pl.DataFrame, share: float) -> None:
    note = (
        "Expected from the forecasts of the tests: this project's past was not walked through yet. "
        "That takes twenty builds, five of them with failures, and is done by golive run. Dashed: "
        "an order by chance. Dotted: the chosen share."
    )
    with charts.figure("What a share of the time catches", order, key="curve", note=note):
        step = max(1, frame.height // POINTS)
        (what,) = EXPECTED
        long = frame.gather_every(step).select("share", "caught", pl.lit(what).alias("what"))
        charts.plain(
            _curve_chart(long, share, EXPECTED), key="curve", alternative="Caught by share of time"
        )
        st.html(theme.legend(EXPECTED))


def _curve_chart(long: pl.DataFrame, share: float, tones: dict[str, str]) -> charts.Drawn:
    unit = alt.Scale(domain=[0, 1])
    lines = (
        alt.Chart(long)
        .mark_line(point=alt.OverlayMarkDef(size=22), strokeWidth=2)
        .encode(
            x=alt.X("share:Q", title="share of the test time", scale=unit,
                    axis=alt.Axis(format="%", tickCount=6)),
            y=alt.Y("caught:Q", title="caught", scale=unit, axis=alt.Axis(format="%", tickCount=6)),
            color=alt.Color("what:N", legend=None,
                            scale=alt.Scale(domain=list(tones), range=list(tones.values()))),
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
    found = optional.rows(MISSES, "predictions.selection_misses", project=scope.project.id)
    if found.is_empty:
        return
    rows = found.frame
    if "share" in rows.columns:
        rows = rows.filter(pl.col("share") > share)
    note = f"Failures of past builds that {words.percent(share)} of the time would have missed."
    with charts.figure("What it would have missed", found, key="misses", note=note):
        if rows.is_empty():
            st.html(theme.aside("Nothing: every failure of these builds would have been caught."))
            return
        hidden = ["project_id", "name", "parameters", "made_at", "as_of", "model_id"]
        rest = [name for name in rows.columns if name not in (*hidden, "test_id", "class_name")]
        shown = rows.head(LISTED).select(boards.test_title(), "class_name", *rest)
        row = boards.board(shown, MISS_COLUMNS, key="misses-board", most=10)
        if row >= 0:
            boards.go("tests", test=rows["test_id"][row])


MISS_COLUMNS = {
    "test": st.column_config.TextColumn("Test", width=300),
    "class_name": st.column_config.TextColumn("Class", width=220),
    "builds_ago": st.column_config.NumberColumn("Builds ago", width=90),
    "share": st.column_config.NumberColumn("Caught from", format="percent", width=95),
    "probability": st.column_config.NumberColumn("P(fail) told", format="percent", width=95),
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
