"""How good are the models: calibration and lift on the project's own past, and their cards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import charts, data, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope

CARDS = Path(__file__).parents[3] / "docs" / "models"
"""Where each model says in words what it does and what it cannot do."""
KEPT = 500
RUNS = """
select *
from ops.model_runs
order by "at" desc
limit $kept
"""
MEASURES = ("brier", "brier_heuristic", "brier_constant", "ece", "ece_heuristic", "precision",
            "precision_heuristic", "lift", "lift_low", "lift_high", "win", "rows",
            "events")  # fmt: skip
"""What an evaluation tells; see models/walk_forward.py."""
TURNS = {"promote": "took over", "rollback": "was rolled back"}
GOOD_ECE = 0.05
"""Expected calibration error that is asked of every model."""


def runs(scope: Scope) -> Rows:
    """Return the newest steps in the lives of the models, of this project and of all at once."""
    found = data.rows(RUNS, kept=KEPT)
    if found.is_empty:
        return found
    frame = found.frame
    for name in ("project_id", "reason"):
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(name))
    mine = pl.col("project_id").is_null() | (pl.col("project_id") == scope.project.id)
    return replace(found, frame=frame.filter(mine))


def evaluations(found: Rows) -> pl.DataFrame:
    """Return the newest evaluation of each model, a column a measure, null where it tells none."""
    if found.is_empty:
        return pl.DataFrame()
    told = found.frame.filter(pl.col("kind") == "evaluate").unique(
        ["name", "project_id"], keep="first", maintain_order=True
    )
    cells = [_cells(row) for row in told.to_dicts()]
    kinds: dict[str, pl.DataType] = {name: pl.Float64() for name in MEASURES}
    return pl.DataFrame(cells, schema_overrides=kinds) if cells else pl.DataFrame()


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    metrics: dict[str, Any] = json.loads(row["metrics"] or "{}")
    numbers = {name: metrics.get(name) for name in MEASURES}
    return {"name": row["name"], "at": row["at"], "reason": row["reason"] or ""} | numbers


def draw(found: Rows, scope: Scope) -> None:
    """Draw lift and calibration of every model that was evaluated, then a card each."""
    measured = evaluations(found)
    _lift(measured, found)
    _calibration(measured, found)
    _cards(found, measured, scope)


def _lift(measured: pl.DataFrame, found: Rows) -> None:
    note = (
        "Share of the plain rule's loss that the learned model saves on the project's own past, "
        "walk-forward, with its 90 % interval by the bootstrap over days. A model scores only "
        "where it wins; otherwise the rule does."
    )
    with charts.figure("Lift over the plain rule", found, key="lift", note=note):
        shown = measured.drop_nulls("lift") if measured.height else measured
        if shown.is_empty():
            st.html(
                theme.aside(
                    "No learned model was compared on this project's past yet; it needs some "
                    "hundred cases, and is done by: golive run"
                )
            )
            return
        charts.plain(_lift_chart(shown), key="lift", alternative="Lift by model, with interval")


def _lift_chart(shown: pl.DataFrame) -> charts.Drawn:
    base = alt.Chart(shown).encode(
        y=alt.Y("name:N", title=None, axis=alt.Axis(labelLimit=220, grid=False)),
        tooltip=[
            "name:N",
            alt.Tooltip("lift:Q", format="+.1%"),
            alt.Tooltip("lift_low:Q", title="from", format="+.1%"),
            alt.Tooltip("lift_high:Q", title="to", format="+.1%"),
            alt.Tooltip("win:Q", title="better in", format=".0%"),
            alt.Tooltip("rows:Q", title="cases", format=","),
        ],
    )
    axis = alt.Axis(format="+%", tickCount=6)
    span = base.mark_bar(height=9, cornerRadius=5, opacity=0.5, color=theme.SERIES[0]).encode(
        x=alt.X("lift_low:Q", title=None, axis=axis), x2="lift_high:Q"
    )
    mark = base.mark_tick(thickness=3, size=18, color=theme.SERIES[0]).encode(x="lift:Q")
    zero = (
        alt.Chart(pl.DataFrame({"x": [0.0]}))
        .mark_rule(strokeDash=[3, 3], color=theme.STATUS["cancelled"])
        .encode(x="x:Q")
    )
    return alt.layer(span, mark, zero).properties(height=34 * shown.height + 20)


def _calibration(measured: pl.DataFrame, found: Rows) -> None:
    note = (
        "Expected calibration error in ten bins: how far a stated probability is from what came "
        f"true, on average; asked is {GOOD_ECE:g} or less. Brier score: mean squared error, lower "
        "is better; a constant forecast is the bar to beat. n: cases that were forecast as then."
    )
    with charts.figure("Calibration", found, key="calibration", note=note):
        if measured.is_empty():
            st.html(theme.aside("Nothing was evaluated yet."))
            return
        shown = measured.select(
            "name",
            pl.when(pl.col("ece") <= GOOD_ECE)
            .then(pl.lit("✓ says what it means"))
            .when(pl.col("ece").is_null())
            .then(pl.lit("not measured"))
            .otherwise(pl.lit("! off"))
            .alias("verdict"),
            "ece", "ece_heuristic", "brier", "brier_heuristic", "brier_constant", "precision",
            "rows",
        )  # fmt: skip
        st.dataframe(
            shown,
            hide_index=True,
            height=charts.table_height(shown.height),
            column_config=CALIBRATION,
        )


CALIBRATION = {
    "name": st.column_config.TextColumn("Model", width=160),
    "verdict": st.column_config.TextColumn("Calibration", width=160),
    "ece": st.column_config.NumberColumn("ECE", format="%.3f", width=75),
    "ece_heuristic": st.column_config.NumberColumn("ECE of the rule", format="%.3f", width=110),
    "brier": st.column_config.NumberColumn("Brier", format="%.4f", width=80),
    "brier_heuristic": st.column_config.NumberColumn("Brier, rule", format="%.4f", width=90),
    "brier_constant": st.column_config.NumberColumn("Brier, constant", format="%.4f", width=110),
    "precision": st.column_config.NumberColumn("Average precision", format="%.2f", width=120),
    "rows": st.column_config.NumberColumn("n", width=70),
}


# ---------------------------------------------------------------- cards


def _cards(found: Rows, measured: pl.DataFrame, scope: Scope) -> None:
    note = "What each model learned from, when, and which code; the text is docs/models."
    with charts.figure("Model cards", found, key="cards", note=note):
        if found.is_empty:
            st.html(theme.aside("No model has run yet; they run with: golive run"))
            return
        names: list[str] = found.frame["name"].unique(maintain_order=True).sort().to_list()
        for name in names:
            steps = found.frame.filter(pl.col("name") == name).to_dicts()
            with st.expander(_title(name, steps, scope), icon=":material/model_training:"):
                _card(name, steps, scope)


def _title(name: str, steps: list[dict[str, Any]], scope: Scope) -> str:
    newest = steps[0]
    turn = next((step for step in steps if step["kind"] in TURNS), None)
    state = f", {TURNS[turn['kind']]} {words.ago(turn['at'], scope.now)}" if turn else ""
    return f"{name}  ·  {newest['kind']} {words.ago(newest['at'], scope.now)}{state}"


def _card(name: str, steps: list[dict[str, Any]], scope: Scope) -> None:
    learned = next((step for step in steps if step["rows"] is not None), steps[0])
    facts = [
        ("Learned from", f"{words.number(learned['rows'])} rows"),
        ("Newest run", words.moment(steps[0]["at"], scope.zone)),
        ("Code", learned["code_version"] or words.NOTHING),
        ("Data", learned["data_hash"] or words.NOTHING),
        ("Steps kept", words.number(len(steps))),
    ]
    cells = "".join(
        f"<div class='gl-item gl-keep'><span class='gl-quiet'>{escape(label)}</span>"
        f"<span class='gl-mono'>{escape(value)}</span></div>"
        for label, value in facts
    )
    st.html(f"<div class='gl-list'>{cells}</div>")
    reasons = [step for step in steps if step["reason"]][:5]
    if reasons:
        st.html(theme.listed(_step(step, scope) for step in reasons))
    text = CARDS / f"{name}.md"
    if text.is_file():
        st.markdown(_below_title(text.read_text(encoding="utf-8")))
    told = {word: learned[word] for word in ("parameters", "metrics") if learned[word]}
    st.json({word: json.loads(value) for word, value in told.items()}, expanded=1)


def _step(step: Mapping[str, Any], scope: Scope) -> str:
    at = theme.quiet(words.ago(step["at"], scope.now))
    return (
        f"<div class='gl-item'><span class='gl-line'><b>{escape(step['kind'])}</b> "
        f"{escape(step['reason'])}</span>{at}</div>"
    )


def _below_title(text: str) -> str:
    """Return the text with its headings small enough for a card, without its own title."""
    lines = text.splitlines()[1:] if text.startswith("# ") else text.splitlines()
    return "\n".join(f"##{line}" if line.startswith("## ") else line for line in lines)
