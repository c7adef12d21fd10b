"""Tests that fail together beyond chance: one cause to mend, several tests better."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from dashboards import charts, optional, theme, words
from dashboards.scope import Scope

SHOWN = 8
CLUSTERS = """
select cluster_id, tests, together, lift, jaccard, by_chance, cause, cause_confidence, shared
from predictions.flaky_clusters
where project_id = $project
order by tests desc, lift desc
limit $shown
"""


def draw(scope: Scope) -> None:
    """Draw the clusters of flaky tests, where the model that finds them has run."""
    found = optional.rows(
        CLUSTERS, "predictions.flaky_clusters", project=scope.project.id, shown=SHOWN
    )
    if found.is_empty:
        return
    note = (
        "Tests that fail in the same builds more often than chance would have it; lift: how many "
        "times as often. Mend what they share first."
    )
    with charts.figure("Flaky together", found, key="together", note=note):
        st.html(theme.listed(_cluster(row) for row in found.dicts()))


def _cluster(row: Mapping[str, Any]) -> str:
    cause = row["cause"] or "unknown"
    sure = words.probability(row["cause_confidence"])
    told: list[str] = row["shared"] or []
    lines = [
        f"<b>{words.plural(row['tests'], 'test')}</b> "
        f"{theme.chip(cause, theme.VERDICT['flaky'])} {theme.quiet(f'with {sure}')}",
        *(escape(sentence) for sentence in told),
        theme.quiet(
            f"together in {words.plural(row['together'], 'build')}, lift {row['lift']:.1f}, "
            f"by chance {words.percent(row['by_chance'], digits=1)}"
        ),
    ]
    return theme.entry("flaky", lines)
