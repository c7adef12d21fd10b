"""The lists of the page Incidents: every incident and every alert of the period."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboards import charts, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope


def board(scope: Scope, incidents: Rows) -> None:
    """Draw the incidents with their likeliest cause; a selected one goes into the URL."""
    with charts.figure(
        "Incidents",
        incidents,
        key="incidents",
        note=("Select an incident for its causes and its timeline." if incidents.height else ""),
    ):
        if incidents.is_empty:
            st.html(theme.aside("None in this period."))
            return
        shown = incidents.frame.select(
            "title",
            "service",
            "severity",
            "status",
            pl.col("started_at").dt.convert_time_zone(str(scope.zone)),
            (pl.col("resolved_at") - pl.col("started_at"))
            .dt.total_seconds()
            .cast(pl.Float64)
            .map_elements(words.duration, pl.String)
            .fill_null("open")
            .alias("length"),
            pl.when(pl.col("deployment_id") != "")
            .then(
                pl.format(
                    "{} {}",
                    pl.col("cause_service").fill_null("deployment"),
                    pl.col("commit_sha").str.head(7),
                )
            )
            .otherwise(pl.lit("no deployment"))
            .alias("cause"),
            (pl.col("probability") * 100).clip(0.1, 99.9),
        )
        picked = st.dataframe(
            shown,
            hide_index=True,
            on_select="rerun",
            selection_mode="single-row",
            key="incident-board",
            height=charts.table_height(shown.height),
            column_config={
                "title": st.column_config.TextColumn("Incident", width=230),
                "service": st.column_config.TextColumn("Service", width=100),
                "severity": st.column_config.TextColumn("Severity", width=75),
                "status": st.column_config.TextColumn("Status", width=90),
                "started_at": st.column_config.DatetimeColumn(
                    "Began", format="D MMM, HH:mm", width=105
                ),
                "length": st.column_config.TextColumn("Length", alignment="right", width=90),
                "cause": st.column_config.TextColumn("Most likely", width=150),
                "probability": st.column_config.ProgressColumn(
                    "P", min_value=0, max_value=100, format="%.0f %%", width=100
                ),
            },
        )
        chosen: list[int] = picked["selection"]["rows"]
        if chosen:
            st.query_params["incident"] = incidents.frame["incident_id"][chosen[0]]
            st.rerun()


def alerts_board(scope: Scope, alerts: Rows) -> None:
    """Draw the alerts, and whether they led to an incident."""
    with charts.figure("Alerts", alerts, key="alerts", note=""):
        if alerts.is_empty:
            st.html(theme.aside("None in this period."))
            return
        shown = alerts.frame.select(
            "name",
            "service",
            "severity",
            "status",
            "summary",
            pl.col("started_at").dt.convert_time_zone(str(scope.zone)),
            pl.when(pl.col("incident_id").is_null())
            .then(pl.lit("none"))
            .otherwise(pl.lit("yes"))
            .alias("led to an incident"),
        )
        st.dataframe(
            shown,
            hide_index=True,
            key="alert-board",
            height=charts.table_height(shown.height, 8),
            column_config={
                "name": st.column_config.TextColumn("Alert", width=150),
                "service": st.column_config.TextColumn("Service", width=100),
                "severity": st.column_config.TextColumn("Severity", width=75),
                "status": st.column_config.TextColumn("Status", width=85),
                "summary": st.column_config.TextColumn("What it says", width=290),
                "started_at": st.column_config.DatetimeColumn(
                    "Began", format="D MMM, HH:mm", width=110
                ),
                "led to an incident": st.column_config.TextColumn("Incident", width=75),
            },
        )
