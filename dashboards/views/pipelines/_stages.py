"""The stages of one build in time, with the wait before them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import boards, charts, data, theme, words
from dashboards.scope import Scope

STAGES = """
select ordinal, attempt, name, status, started_at, duration_s
from core.stages
where build_id = $build and project_id = $project and day = $day
order by ordinal, attempt
"""
WAIT = "waiting for a runner"


def draw(scope: Scope, build: Mapping[str, Any]) -> None:
    """Draw the stages of a build as bars over the seconds since it was queued, if it has any."""
    stages = data.rows(STAGES, build=build["build_id"], project=scope.project.id, day=build["day"])
    if stages.is_empty:
        return
    frame = placed(stages.frame, build)
    ran = frame.filter(pl.col("label") != WAIT)
    longest = ran.sort("seconds", descending=True).row(0, named=True)
    total = float(ran["seconds"].sum()) or 1.0
    note = (
        f"Seconds since the build was queued, n = {words.plural(stages.height, 'stage')}. Longest: "
        f"{longest['label']}, {words.duration(longest['seconds'])}, "
        f"{words.percent(longest['seconds'] / total)} of the running time."
    )
    with charts.figure("Stages", stages, key="stages", note=note):
        charts.plain(
            _gantt(frame), key="stages", alternative="Stages of the build in order of time"
        )
        seen = set(frame["status"])
        tones = {word: tone for word, tone in theme.STATUS.items() if word in seen}
        st.html(theme.legend(tones))


def placed(stages: pl.DataFrame, build: Mapping[str, Any]) -> pl.DataFrame:
    """Return `label`, `status`, `start_s`, `end_s` and `seconds` of each stage, and of the wait.

    Stages whose start is not known stand one after the other behind the wait.
    """
    wait = float(build["queue_s"] or 0.0)
    seconds = pl.col("duration_s").fill_null(0.0)
    again = pl.when(pl.col("attempt") > 1).then(pl.format(" ({})", "attempt")).otherwise(pl.lit(""))
    frame = stages.with_columns(label=pl.col("name") + again, seconds=seconds).with_columns(
        start_s=pl.col("seconds").cum_sum() - pl.col("seconds") + wait
    )
    if frame["started_at"].null_count() == 0 and build["queued_at"]:
        offset = (pl.col("started_at") - pl.lit(build["queued_at"])).dt.total_milliseconds() / 1000
        frame = frame.with_columns(start_s=offset.clip(0.0))
    shown = frame.select(
        "label", "status", "start_s", (pl.col("start_s") + pl.col("seconds")).alias("end_s"),
        "seconds",
    )  # fmt: skip
    if not wait:
        return shown
    first = pl.DataFrame(
        {
            "label": [WAIT],
            "status": ["queued"],
            "start_s": [0.0],
            "end_s": [wait],
            "seconds": [wait],
        }
    )
    return pl.concat([first, shown], how="vertical_relaxed")


def _gantt(frame: pl.DataFrame) -> charts.Drawn:
    shown = frame.with_columns(
        said=pl.when((pl.col("status") == "skipped") & (pl.col("seconds") == 0))
        .then(pl.lit("skipped"))
        .otherwise(pl.col("seconds").map_elements(words.duration, pl.String, skip_nulls=False))
    )
    base = alt.Chart(shown).encode(
        y=alt.Y(
            "label:N",
            sort=shown["label"].to_list(),
            title=None,
            axis=alt.Axis(labelLimit=260, grid=False),
        ),
        tooltip=["label:N", "status:N", alt.Tooltip("said:N", title="duration")],
    )
    bars = base.mark_bar(cornerRadius=4, height=16).encode(
        x=alt.X("start_s:Q", title=None, axis=alt.Axis(tickCount=6)),
        x2="end_s:Q",
        color=charts.status_colour("status"),
    )
    text = base.mark_text(align="left", dx=6, fontSize=11, color=boards.TEXT).encode(
        x="end_s:Q", text="said:N"
    )
    return alt.layer(bars, text).properties(height=24 + 28 * shown.height)
