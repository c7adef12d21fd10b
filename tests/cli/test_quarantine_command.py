"""`golive quarantine export` as people run it: a lake, CODEOWNERS, a file that they edit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from golive_core.lake import Lake
from models.features import DAILY

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
FLAKES = {1: {"flakes": 12, "mixed_commits": 3}, 2: {"flakes": 12, "flips": 1}}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return a judged lake: test 1 flaky, 2 flaky by one flip only, 98 others healthy."""
    from assets import predictions

    zeros = {name: 0 for name, dtype in DAILY.items() if dtype == pl.Int64()}
    rows = [
        zeros | {"project_id": "shop", "test_id": test, "day": AT.date(), "known_at": AT,
                 "runs": 200, "trials": 206, "last_passed_at": AT} | FLAKES.get(test, {})
        for test in range(1, 101)
    ]  # fmt: skip
    found = Lake(tmp_path / ".golive" / "lake")
    daily = pl.DataFrame(rows, schema=DAILY)
    untimed = pl.lit(None, pl.Float64()).alias("duration_median_s")
    found.overwrite("marts.test_daily", daily.with_columns(untimed))
    found.merge("core.projects", pl.DataFrame({"project_id": ["shop"], "owner": ["Ada"]}))
    named = {"project_id": "shop", "class_name": "cart", "file": "tests/cart.py"}
    found.merge("core.tests", pl.DataFrame([{"test_id": n, "name": f"test_{n}", **named}
                                            for n in (1, 2)]))  # fmt: skip
    build = {
        "build_id": "ci#7", "pipeline_id": "ci", "project_id": "shop", "day": AT.date(),
        "number": 7, "attempt": 1, "commit_sha": "c0ffee", "url": "https://ci.example.org/7",
        "queued_at": AT,
    }  # fmt: skip
    found.merge("core.builds", pl.DataFrame([build]))
    tries = [
        {"project_id": "shop", "build_id": "ci#7", "test_id": 1, "attempt": attempt,
         "day": AT.date(), "status": status, "environment": "",
         "started_at": AT + timedelta(minutes=attempt)}
        for attempt, status in ((1, "failed"), (2, "passed"))
    ]  # fmt: skip
    found.append("core.test_results", pl.DataFrame(tries))
    total = {"build_id": "ci#7", "day": AT.date(), "is_outage": False}
    found.overwrite("marts.build_tests", pl.DataFrame([total]))
    predictions.score(found)
    return found


def test_the_file_is_written_reviewed_and_merged(
    golive: Callable[..., Any], lake: Lake, tmp_path: Path
) -> None:
    assert lake.rows("predictions.flaky") == 100
    (tmp_path / "CODEOWNERS").write_text("tests/ @cart-team\n")
    done = golive("quarantine", "export")
    assert done.code == 0, done.err
    assert "cart::test_2 is flaky but held back" in done.err
    path = tmp_path / "golive-quarantine.yaml"
    (found,) = yaml.safe_load(path.read_text())["tests"]
    assert (found["test"]["name"], found["owner"]) == ("test_1", "@cart-team")
    (flake,) = found["evidence"]["last_flakes"]
    assert (flake["url"], flake["commit"]) == ("https://ci.example.org/7", "c0ffee")
    path.write_text(path.read_text().replace("'@cart-team'", "'@ada'"))
    before = path.read_text()
    golive("quarantine", "export", "--days", "30")
    assert "@ada" in before
    assert path.read_text() == before
    path.write_text("other: []\n")
    refused = golive("quarantine", "export")
    assert (refused.code, path.read_text()) == (2, "other: []\n")
    told = golive("quarantine", "export", "--format", "json", "--out", "-")
    assert told.json["tests"][0]["test"]["name"] == "test_1"
