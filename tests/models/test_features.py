"""Evidence knows the past alone, adds up days and finds the present run of failures."""

from __future__ import annotations

import polars as pl
import pytest
from daily import at, failing, frame, passing, row
from hypothesis import given, settings
from hypothesis import strategies as st

from golive_core.errors import UsageError
from models import features

DAYS = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 12), st.integers(0, 5), st.sampled_from("pfo")),
    max_size=25,
    unique_by=lambda cell: cell[:2],
)


def told(cells: list[tuple[int, int, int, str]]) -> pl.DataFrame:
    makers = {"p": passing, "f": failing, "o": row}
    return frame(*(makers[kind](test, day, runs=runs) for test, day, runs, kind in cells))


@settings(max_examples=60, deadline=None)
@given(DAYS, st.integers(0, 12), st.randoms(use_true_random=False))
def test_nothing_of_the_future_changes_the_evidence(cells, day, random) -> None:
    whole = told(cells)
    as_of = at(day + 0.5)
    before = features.evidence(whole, as_of=as_of)
    past, future = [c for c in cells if c[1] <= day], [c for c in cells if c[1] > day]
    random.shuffle(past)
    invented = [(test, when, runs + 7, "f") for test, when, runs, _ in future]
    assert before.equals(features.evidence(told(past), as_of=as_of))
    assert before.equals(features.evidence(told([*invented, *past]), as_of=as_of))


def test_a_row_counts_only_once_all_that_it_knows_has_happened() -> None:
    daily = frame(passing(1, 0), passing(1, 1))
    assert features.evidence(daily, as_of=at(1))["runs"].to_list() == [10]
    assert features.evidence(daily, as_of=at(1.1))["runs"].to_list() == [20]


def test_evidence_adds_up_the_days_of_a_test() -> None:
    daily = frame(passing(1, 0, flakes=1), passing(1, 1, flakes=2), passing(2, 1))
    found = features.evidence(daily, as_of=at(5))
    assert found.select("test_id", "trials", "flakes").rows() == [(1, 20, 3), (2, 10, 0)]


def test_a_run_of_failures_begins_after_the_last_pass() -> None:
    daily = frame(failing(1, 0), passing(1, 1), failing(1, 2), failing(1, 3))
    found = features.evidence(daily, as_of=at(5)).row(0, named=True)
    assert (found["broken_since_at"], found["broken_since_sha"]) == (at(2), "c2")
    assert found["broken_attempts"] == 8


def test_a_test_that_passed_last_has_no_run_of_failures() -> None:
    found = features.evidence(frame(failing(1, 0), passing(1, 1)), as_of=at(5)).row(0, named=True)
    assert found["broken_since_at"] is None
    assert found["broken_attempts"] == 0


def test_a_day_that_passed_and_then_failed_begins_the_run() -> None:
    daily = frame(failing(1, 2.2, last_passed_at=at(2.1)))
    found = features.evidence(daily, as_of=at(5)).row(0, named=True)
    assert found["broken_since_at"] == at(2.2)


def test_a_test_that_never_passed_fails_since_its_first_run() -> None:
    daily = frame(failing(1, 0), failing(1, 1))
    found = features.evidence(daily, as_of=at(5)).row(0, named=True)
    assert (found["broken_since_at"], found["broken_attempts"]) == (at(0), 8)


def test_projects_are_kept_apart() -> None:
    daily = frame(passing(1, 0), passing(1, 0, project="till"))
    assert features.evidence(daily, as_of=at(5))["project_id"].to_list() == ["shop", "till"]


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="time zone"):
        features.evidence(frame(), as_of=at(1).replace(tzinfo=None))
