"""Selection in the lake: ranks, curve and misses of own past builds, walked anew when it pays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from assets import test_builds
from assets.predictions import selection
from golive_core import schema
from golive_core.lake import Lake

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
TESTS = 12
RARE, OFTEN = 7, 3
OFFSET = {"shop": 0, "till": 100}


def rows(project: str, first: int, builds: int) -> pl.DataFrame:
    """Return builds of twelve tests: OFTEN fails in every second one, RARE in every tenth."""
    found = []
    for number in range(first, first + builds):
        at = START + timedelta(hours=6 * number)
        for test in range(TESTS):
            bad = (test == OFTEN and number % 2 == 0) or (test == RARE and number % 10 == 9)
            found.append({
                "project_id": project, "build_id": f"{project}#{number:03}",
                "test_id": test + OFFSET[project],
                "attempt": 1, "day": at.date(), "status": "failed" if bad else "passed",
                "duration_s": 1.0, "started_at": at, "commit_sha": f"{number:040}",
                "environment": "", "report_id": f"r{number}",
            })  # fmt: skip
    return schema.conform(schema.TEST_RESULTS, pl.DataFrame(found, infer_schema_length=None))


@pytest.fixture
def shop(lake: Lake) -> Lake:
    named = [
        {"test_id": test + offset, "project_id": name, "suite": "unit", "name": f"test_{test}",
         "class_name": "shop", "file": f"tests/test_{test}.py"}
        for test in range(TESTS) for name, offset in OFFSET.items()
    ]  # fmt: skip
    lake.append("core.tests", schema.conform(schema.TESTS, pl.DataFrame(named)))
    lake.append("core.test_results", rows("shop", 0, 60))
    return lake


def test_the_curve_rises_to_everything_and_names_what_it_rests_on(shop: Lake) -> None:
    selection.update(shop)
    curve = shop.query("select * from predictions.selection_curve order by share")
    assert curve["failures"].is_sorted()
    assert curve["failures"][-1] == pytest.approx(1.0)
    assert curve["builds_count"].unique().to_list() == [60]
    assert curve["failing_count"].unique().to_list() == [36]
    assert not curve["is_humble"].any()
    first = shop.query("select * from predictions.test_failure order by rank").head(1)
    assert first["test_id"].to_list() == [OFTEN]
    assert first["reasons"].list.len().item() > 0


def test_a_miss_names_its_build_and_the_share_that_would_have_caught_it(shop: Lake) -> None:
    selection.update(shop)
    missed = shop.query("select * from predictions.selection_misses order by builds_ago")
    failed = shop.query(
        "select build_id, test_id from core.test_results where status = 'failed'"
    ).rows()
    assert set(missed.select("build_id", "test_id").rows()) <= set(failed)
    assert RARE in missed["test_id"].to_list()
    newest = missed.filter(test_id=RARE).row(0, named=True)
    assert newest["build_id"] == f"shop#{60 - newest['builds_ago']:03}"
    curve = shop.query("select share, failures from predictions.selection_curve")
    for share, caught in curve.iter_rows():
        beyond = missed.filter(pl.col("share") > share).height
        assert beyond == round((1 - caught) * len(failed))


def test_a_project_is_walked_again_after_enough_new_builds(shop: Lake) -> None:
    made_at = datetime(2026, 6, 1, tzinfo=UTC)
    assert selection.update(shop, made_at=made_at).tests == TESTS
    assert selection.update(shop).written is None
    shop.append("core.test_results", rows("shop", 60, selection.EVERY - 1))
    assert selection.update(shop).written is None
    shop.append("core.test_results", rows("shop", 60 + selection.EVERY - 1, 1))
    assert selection.update(shop).tests == TESTS
    count = shop.query("select any_value(builds_count) from predictions.selection_curve").item()
    assert count == 60 + selection.EVERY


def test_another_project_keeps_its_rows(shop: Lake) -> None:
    selection.update(shop)
    before = shop.query("select * from predictions.selection_curve order by share")
    shop.append("core.test_results", rows("till", 0, 3))
    selection.update(shop)
    after = shop.query(
        "select * from predictions.selection_curve where project_id = 'shop' order by share"
    )
    assert after.equals(before)
    humble = shop.query(
        "select bool_and(is_humble) from predictions.selection_curve where project_id = 'till'"
    )
    assert humble.item()


def test_only_the_newest_builds_are_opened(shop: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_builds, "BUILDS", 10)
    as_of = START + timedelta(hours=6 * 59, minutes=1)
    found = test_builds.past(shop, "shop", as_of=as_of).results
    assert found["build_id"].unique().sort().to_list() == [f"shop#{n:03}" for n in range(50, 60)]
    monkeypatch.setattr(test_builds, "MOST_RESULTS", 3 * TESTS)
    found = test_builds.past(shop, "shop", as_of=as_of).results
    assert found["build_id"].unique().sort().to_list() == [f"shop#{n:03}" for n in range(57, 60)]


def test_taking_in_rounds_is_taking_one_by_one() -> None:
    from models import ordering

    dice = np.random.default_rng(4)
    for _ in range(200):
        value, duration = dice.random(30), dice.integers(1, 20, 30).astype(float)
        budget = float(dice.uniform(0, duration.sum()))
        left, expected = budget, np.zeros(30, dtype=bool)
        for at in np.lexsort((duration, -value)):
            if duration[at] <= left:
                expected[at], left = True, left - duration[at]
        assert (ordering.chosen(value, duration, budget) == expected).all()
