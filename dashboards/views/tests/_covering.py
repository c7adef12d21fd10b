"""One file: the tests that run it, the lines that each runs, and how sure each test is."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboards import boards, charts, data, words
from dashboards.scope import Scope

TESTS = """
select
    ran.test_id, ran.lines, ran.lines_covered, ran.measured_at, ran.commit_sha, test.class_name,
    test.name, test.parameters, health.median_duration_s, flaky.verdict, flaky.probability
from marts.test_files as ran
left join core.tests as test on ran.test_id = test.test_id
left join marts.test_health as health
    on ran.project_id = health.project_id and ran.test_id = health.test_id
left join predictions.flaky as flaky
    on ran.project_id = flaky.project_id and ran.test_id = flaky.test_id
where ran.project_id = $project and ran.path = $path
order by ran.lines_covered desc, test.class_name, test.name, test.parameters
"""


def draw(scope: Scope, wanted: str) -> None:
    """Draw the file that the URL names."""
    boards.back("All files", "file")
    missing = data.missing(("marts.test_files",))
    found = (data.none if missing else data.rows)(TESTS, project=scope.project.id, path=wanted)
    if found.is_empty:
        charts.empty(
            "No test runs this file",
            f"{wanted} is in no measurement of the project, as far as tests ran it.",
        )
        return
    frame = found.frame
    lines = _union(frame["lines"].to_list())
    charts.headline(
        wanted,
        f"{words.plural(frame.height, 'test')} run {words.plural(lines, 'line')} of it, measured "
        f"{words.ago(found.first()['measured_at'], scope.now)}.",
    )
    with charts.figure("Tests that run it", found, key="covering",
                       note="Select a test to see its history."):  # fmt: skip
        shown = frame.select(
            boards.test_title(), "class_name", "lines_covered", "lines",
            (pl.col("probability") * 100).clip(0.1, 99.9), boards.told("median_duration_s"),
        )  # fmt: skip
        row = boards.board(shown, COLUMNS, key="covering-board", most=20)
        if row >= 0:
            boards.go("tests", test=frame["test_id"][row])


def _union(told: list[str]) -> int:
    """Return how many lines are in any of the ranges: 3-7,9."""
    found: set[int] = set()
    for part in {part for said in told for part in said.split(",") if part}:
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return len(found)


COLUMNS = {
    "test": st.column_config.TextColumn("Test", width=260),
    "class_name": st.column_config.TextColumn("Of", width=220),
    "lines_covered": st.column_config.NumberColumn("Lines", width=70),
    "lines": st.column_config.TextColumn("Which", width=200),
    "probability": st.column_config.ProgressColumn(
        "P(flaky)", min_value=0, max_value=100, format="%.1f %%", width=110
    ),
    "median_duration_s": st.column_config.TextColumn("Takes", width=80),
}
