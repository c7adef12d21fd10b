"""What is expected of builds, and what became slower for good, on the page Builds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import demo
import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from assets.predictions import duration
from golive_core import schema

Draw = Callable[..., AppTest]
RUNNING = "demo:build#9001"


def html(board: AppTest) -> str:
    return " ".join(one.proto.body for one in board.get("html"))


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a build that runs, one far too slow, and a stage slower for good."""
    home = tmp_path_factory.mktemp("busy") / ".golive"
    lake = demo.fill(home, builds=60, tests=20)
    now = datetime.now(UTC)
    one = lake.query(
        "select * from core.builds where pipeline_id = 'demo:build' and branch = 'main' limit 1"
    )
    open_ = {"status": "running", "finished_at": None, "duration_s": None}
    ended = {"status": "passed", "finished_at": now - timedelta(hours=1), "duration_s": 5400.0}
    for number, began, cells in ((9001, now, open_), (9000, now - timedelta(hours=3), ended)):
        row = one.to_dicts()[0] | cells | {
            "build_id": f"demo:build#{number}", "number": number, "attempt": 1,
            "day": began.date(), "queued_at": began, "started_at": began,
        }  # fmt: skip
        lake.merge("core.builds", pl.DataFrame([row], schema=schema.BUILDS.schema))
    duration.update(lake, made_at=now)
    change = {
        "project_id": "demo", "subject_kind": "stage", "subject_id": "demo:build / Tests",
        "pipeline_id": "demo:build", "day": now.date(), "before_s": 60.0, "after_s": 90.0,
        "ratio": 1.5, "p_value": 1e-6, "days_before": 20, "days_after": 9, "runs_a_week": 40.0,
        "cost_s_week": 1200.0, "since_sha": one["commit_sha"][0], "since_at": now,
        "last_good_sha": None, "reasons": ["slower"], "model_id": "m", "as_of": now, "made_at": now,
    }  # fmt: skip
    spec = schema.CHANGE_POINTS
    lake.merge(spec.name, schema.conform(spec, pl.DataFrame([change])))
    return home


def test_running_and_late_builds_are_held_against_what_was_told(draw: Draw, busy: Path) -> None:
    board = draw(busy, "builds")
    assert not board.exception
    told = html(board)
    assert "expected to end at" in told
    assert "took <b>1 h 30 min</b>" in told
    assert "in all, n = " in told
    latest = next(one.value for one in board.dataframe if "expected" in one.value.columns)
    assert any(str(one).startswith("ends ") for one in latest["expected"].tolist())
    assert "slower since" in told
    assert "(+50 %)" in told


def test_a_running_build_says_when_it_ends(draw: Draw, busy: Path) -> None:
    board = draw(busy, "builds", build=RUNNING)
    assert not board.exception
    assert any("ends about" in str(one.delta or one.proto) for one in board.metric)


def test_without_forecasts_the_page_says_what_is_usual(
    draw: Draw, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("usual") / ".golive"
    lake = demo.fill(home, builds=40, tests=15)
    lake.overwrite("predictions.build_duration", pl.DataFrame(schema=schema.BUILD_DURATION.schema))
    build = lake.query("select build_id from core.builds order by queued_at desc limit 1").item()
    board = draw(home, "builds", build=build)
    assert not board.exception
    assert any("usual " in str(one.delta or one.proto) for one in board.metric)
