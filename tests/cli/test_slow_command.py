"""`golive slow` as people meet it: kinds, since when, and nothing found."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from golive_core import schema
from golive_core.lake import Lake
from tests.cli.conftest import Run

NOW = datetime(2026, 3, 9, tzinfo=UTC)


@pytest.fixture
def changed(lake: Lake) -> Lake:
    """Return a lake with a slower test, a slower pipeline and a faster stage."""
    common = {
        "project_id": "shop", "before_s": 10.0, "p_value": 1e-5, "days_before": 9,
        "days_after": 9, "runs_a_week": 7.0, "since_sha": "c" * 40, "since_at": NOW,
        "last_good_sha": None, "reasons": ["because"], "model_id": "m", "as_of": NOW,
        "made_at": NOW,
    }  # fmt: skip
    rows = [
        common | {"subject_kind": "test", "subject_id": "7", "test_id": 7, "day": date(2026, 3, 1),
                  "after_s": 20.0, "ratio": 2.0, "cost_s_week": 70.0},
        common | {"subject_kind": "build", "subject_id": "ci", "pipeline_id": "ci",
                  "day": date(2026, 3, 5), "after_s": 15.0, "ratio": 1.5, "cost_s_week": 350.0},
        common | {"subject_kind": "stage", "subject_id": "ci / unit", "pipeline_id": "ci",
                  "day": date(2026, 3, 5), "after_s": 5.0, "ratio": 0.5, "cost_s_week": -35.0},
    ]  # fmt: skip
    frame = pl.DataFrame(rows, infer_schema_length=None)
    lake.merge(schema.CHANGE_POINTS.name, schema.conform(schema.CHANGE_POINTS, frame))
    return lake


@pytest.mark.usefixtures("changed")
def test_every_kind_is_listed_by_cost_and_each_can_be_asked_for(golive: Run) -> None:
    done = golive("slow", "--json")
    assert [row["subject_id"] for row in done.json] == ["ci", "7"], done.err
    assert [row["subject_id"] for row in golive("slow", "--tests", "--json").json] == ["7"]
    assert [
        row["subject_id"] for row in golive("slow", "--since", "2026-03-02", "--json").json
    ] == ["ci"]
    faster = golive("slow", "--faster", "--stages", "--json").json
    assert [row["subject_id"] for row in faster] == ["ci / unit"]
    assert "+50 %" in golive("slow", "--builds").out


@pytest.mark.usefixtures("changed")
def test_nothing_found_is_said(golive: Run) -> None:
    done = golive("slow", "--stages")
    assert (done.code, "No stage got slower for good" in done.err) == (0, True), done.err


def test_without_builds_or_tests_it_says_what_to_do(golive: Run) -> None:
    done = golive("slow")
    assert (done.code, "golive ingest" in done.err) == (2, True), done.err
