"""Forecasts follow the state of a test, know the past alone and are humble where it is short."""

from __future__ import annotations

import polars as pl
from daily import at, failing, frame, passing, row

from golive_core import schema
from models import next_failure

NOW = at(30)


def score(*rows: dict[str, object]) -> dict[int, dict[str, object]]:
    found, _ = next_failure.score(frame(*rows), as_of=NOW, made_at=NOW)
    return {one["test_id"]: one for one in found.to_dicts()}


def week(test: int, **cells: object) -> list[dict[str, object]]:
    return [passing(test, day, **cells) for day in range(7)]


def test_a_test_that_passes_will_pass() -> None:
    found = score(*week(1), *week(2), *week(3))[1]
    assert found["probability"] < 0.02
    assert found["low"] <= found["probability"] <= found["high"]
    assert found["reasons"][0] == "its last run on the default branch passed"


def test_a_test_that_fails_since_days_will_fail_on() -> None:
    rows = [*week(1), *week(2), failing(1, 8), failing(1, 9), failing(1, 10)]
    found = score(*rows)
    assert found[1]["probability"] > 0.7
    assert found[2]["probability"] < 0.05
    assert found[1]["reasons"][1] == "failed 12 of 82 attempts in all, outages left out"


def test_the_longer_it_fails_the_surer_it_fails_again() -> None:
    rows = [failing(test, 20, runs=test) for test in (1, 2, 4)]
    found = score(*rows, *week(9))
    assert found[1]["probability"] < found[2]["probability"] < found[4]["probability"]


def test_a_pass_ends_the_run_of_failures() -> None:
    assert score(failing(1, 8), failing(1, 9), *week(2), passing(1, 10))[1]["probability"] < 0.5


def test_recent_failures_weigh_more_than_old_ones() -> None:
    early = [passing(1, 0, failed=5), *(passing(1, day) for day in range(1, 29))]
    late = [*(passing(2, day) for day in range(28)), passing(2, 28, failed=5)]
    found = score(*early, *late)
    assert found[2]["probability"] > 1.3 * found[1]["probability"]


def test_an_outage_raises_the_forecast_of_all_alike() -> None:
    calm = score(*week(1), *week(2))
    ill = score(*week(1), *week(2, errored=2, outage_failures=2))
    rise = ill[1]["probability"] - calm[1]["probability"]
    assert rise > 0.05
    assert ill[1]["probability"] == ill[2]["probability"] or rise > 0
    assert abs(ill[1]["probability"] - ill[2]["probability"]) < 0.01


def test_a_short_history_gives_a_wide_interval() -> None:
    found = score(failing(1, 20), *week(2))
    assert found[1]["high"] - found[1]["low"] > 0.3


def test_a_thousand_tests_broken_by_one_commit_teach_as_much_as_one() -> None:
    """Otherwise one wide regression would fix the forecast of every later one."""
    many = [one for test in range(500) for one in (failing(test, 3), passing(test, 4))]
    few = [one for test in range(5) for one in (failing(test, 3), passing(test, 4))]
    after = failing(999, 20)
    assert (
        abs(score(*many, after)[999]["probability"] - score(*few, after)[999]["probability"]) < 0.05
    )


def test_what_comes_later_changes_nothing() -> None:
    rows = [*week(1), failing(1, 8), *week(2)]
    later = [failing(2, 40), passing(1, 41)]
    before, _ = next_failure.score(frame(*rows), as_of=NOW, made_at=NOW)
    after, _ = next_failure.score(frame(*later, *reversed(rows)), as_of=NOW, made_at=NOW)
    assert before.equals(after)


def test_rows_are_those_of_the_table_and_none_for_no_history() -> None:
    found, parameters = next_failure.score(frame(*week(1)), as_of=NOW)
    assert found.schema == schema.NEXT_FAILURE.schema
    assert set(parameters) == {"shop"}
    empty, none = next_failure.score(frame(), as_of=NOW)
    assert empty.schema == schema.NEXT_FAILURE.schema
    assert (empty.height, none) == (0, {})


def test_days_know_the_state_in_which_they_began() -> None:
    rows = frame(
        passing(1, 0), failing(1, 1, runs=1), failing(1, 2, runs=2), failing(1, 3), passing(1, 4),
        failing(1, 5.2, runs=1, last_passed_at=at(5.1)), row(2, 0, runs=1),
    )  # fmt: skip
    found = next_failure.days(rows).filter(pl.col("test_id") == 1)
    assert found["state"].to_list() == [0, 0, 1, 2, 3, 0]
    assert found["now"].to_list() == [0, 1, 2, 3, 0, 1]
