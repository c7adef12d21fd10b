"""Words for time are the days that people mean by them."""

from __future__ import annotations

from datetime import date

import pytest

from golive_agents import periods

TUESDAY = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("text", "first", "end"),
    [
        ("builds yesterday", "2026-03-30", "2026-03-31"),
        ("builds today", "2026-03-31", "2026-04-01"),
        ("builds last week", "2026-03-23", "2026-03-30"),
        ("builds this week", "2026-03-30", "2026-04-01"),
        ("builds in the last 7 days", "2026-03-25", "2026-04-01"),
        ("builds of the past two weeks", "2026-03-18", "2026-04-01"),
        ("builds over the past week", "2026-03-25", "2026-04-01"),
        ("builds last month", "2026-02-01", "2026-03-01"),
        ("builds last quarter", "2025-10-01", "2026-01-01"),
        ("builds this year", "2026-01-01", "2026-04-01"),
        ("builds last year", "2025-01-01", "2026-01-01"),
        ("builds since 2026-03-03", "2026-03-03", "2026-04-01"),
        ("builds since monday", "2026-03-30", "2026-04-01"),
        ("builds since tuesday", "2026-03-24", "2026-04-01"),
        ("builds between 2026-01-30 and 2026-02-02", "2026-01-30", "2026-02-03"),
        ("builds before 2026-02-01", None, "2026-02-01"),
        ("builds on friday", "2026-03-27", "2026-03-28"),
        ("builds on 2024-02-29", "2024-02-29", "2024-03-01"),
        ("builds in december", "2025-12-01", "2026-01-01"),
        ("builds in february 2024", "2024-02-01", "2024-03-01"),
        ("builds in 2025", "2025-01-01", "2026-01-01"),
        ("builds of all time", None, None),
    ],
)
def test_days_of_a_period(text: str, first: str | None, end: str | None) -> None:
    found, rest = periods.find(text, TUESDAY)
    assert found is not None
    assert (found.first, found.end) == tuple(
        one and date.fromisoformat(one) for one in (first, end)
    )
    assert rest.startswith("builds")
    assert not any(one.isdigit() for one in rest)


def test_a_question_without_a_period_has_none_and_keeps_its_words() -> None:
    assert periods.find("the last 5 builds", TUESDAY) == (None, "the last 5 builds")
    assert periods.find("tests that may fail", TUESDAY) == (None, "tests that may fail")


def test_a_day_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="day"):
        periods.find("builds on 2026-02-30", TUESDAY)


def test_the_period_before_is_as_long() -> None:
    before = periods.last_days(7, TUESDAY).before()
    assert before is not None
    assert (before.first, before.end, before.days) == (date(2026, 3, 18), date(2026, 3, 25), 7)
    assert periods.Period(None, TUESDAY, "").before() is None
