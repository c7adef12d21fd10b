"""What is unusual is marked on the charts of Logs and Incidents, and listed beside the usual."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import demo
import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from golive_core import schema

Draw = Callable[..., AppTest]


def html(board: AppTest) -> str:
    return " ".join(one.proto.body for one in board.get("html"))


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with two unusual hours of a metric in a row, and an unusual day of a log."""
    home = tmp_path_factory.mktemp("odd") / ".golive"
    lake = demo.fill(home, builds=40, tests=12)
    day = lake.query("select max(day) from marts.log_template_rates").item() - timedelta(days=1)
    start = datetime.combine(day, datetime.min.time(), UTC)
    common = {
        "project_id": "demo", "day": day, "service": "checkout", "p_value": 1e-9,
        "reasons": ["because"], "model_id": "m", "as_of": start, "made_at": start,
    }  # fmt: skip
    series = lake.query("select min(series) from marts.metric_hourly").item()
    rows = [
        common | {"subject_kind": "metric", "instance": "demo-metrics", "subject": series,
                  "began_at": start + timedelta(hours=hour),
                  "ended_at": start + timedelta(hours=hour + 1), "observed": 0.5 + hour / 100,
                  "expected": 0.1, "low": 0.08, "high": 0.12}
        for hour in (3, 4)
    ] + [
        common | {"subject_kind": "log", "instance": "", "subject": "log checkout 1",
                  "template_id": 1, "template": "disk <*> is <full>", "began_at": start,
                  "ended_at": start + timedelta(days=1), "observed": 900.0, "expected": 3.0,
                  "low": 0.0, "high": 8.0}
    ]  # fmt: skip
    frame = pl.DataFrame(rows, infer_schema_length=None)
    lake.overwrite(schema.ANOMALIES.name, schema.conform(schema.ANOMALIES, frame))
    return home


def test_logs_mark_unusual_days_and_say_what_was_expected(draw: Draw, odd: Path) -> None:
    board = draw(odd, "logs")
    assert not board.exception
    assert "disk &lt;*&gt; is &lt;full&gt;" in html(board)
    assert "more than usual, 0 to 8 expected" in html(board)
    assert any("A diamond is a day" in one.value for one in board.caption)
    other = draw(odd, "logs", service="storefront")
    assert "more than usual" not in html(other)


def test_incidents_join_unusual_hours_to_one_episode(draw: Draw, odd: Path) -> None:
    board = draw(odd, "incidents")
    assert not board.exception
    told = html(board)
    assert told.count("higher than usual, expected 0.1 (0.08 to 0.12)") == 1
    assert "for 2 h" in told
