"""What one build kept: its artifacts, how large they are and until when they can be had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from dashboards import charts, data, theme, words
from dashboards.scope import Scope

ARTIFACTS = """
select path, size_bytes, created_at, expires_at, sha256, url
from core.artifacts
where build_id = $build and project_id = $project and day = $day
order by size_bytes desc nulls last, path
"""


def draw(scope: Scope, build: Mapping[str, Any]) -> None:
    """Draw the artifacts of a build, or that it kept none."""
    kept = data.rows(ARTIFACTS, build=build["build_id"], project=scope.project.id, day=build["day"])
    total = kept.frame["size_bytes"].sum() if kept.height else 0
    note = f"n = {words.plural(kept.height, 'file')}, {words.size(float(total))} in all"
    with charts.figure("Artifacts", kept, key="artifacts", note=note if kept.height else ""):
        if kept.is_empty:
            st.html(theme.aside("Its CI tells of no file that this build kept."))
            return
        gone = pl.col("expires_at") < scope.now
        shown = kept.frame.select(
            "path",
            pl.col("size_bytes").map_elements(words.size, pl.String, skip_nulls=False),
            pl.when(gone)
            .then(pl.lit("gone"))
            .otherwise(pl.col("expires_at").dt.strftime("until %-d %b %Y"))
            .fill_null("kept")
            .alias("kept"),
            pl.col("sha256").str.head(12).fill_null(words.NOTHING),
            "url",
        )
        st.dataframe(
            shown,
            hide_index=True,
            height=charts.table_height(shown.height, 8),
            column_config={
                "path": st.column_config.TextColumn("File", width=360),
                "size_bytes": st.column_config.TextColumn("Size", alignment="right", width=80),
                "kept": st.column_config.TextColumn("Kept", width=140),
                "sha256": st.column_config.TextColumn("SHA-256", width=120),
                "url": st.column_config.LinkColumn("Get it", display_text="open", width=70),
            },
        )
