"""Numbers, times and names as pages write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dashboards import words

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "\u2013"), (0.0454, "45 ms"), (3.21, "3.2 s"), (60, "1 min"), (245, "4 min 5 s"),
        (3_600, "1 h"), (7_380, "2 h 3 min"), (176_400, "2 d 1 h"), (172_800, "2 d"),
    ],
)  # fmt: skip
def test_a_duration_has_two_units_at_most(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "\u2013"),
        (0, "0 %"),
        (1, "100 %"),
        (0.5, "50 %"),
        (0.999, "> 99 %"),
        (0.001, "< 1 %"),
    ],
)
def test_a_percentage_never_rounds_to_certainty(share: float | None, text: str) -> None:
    assert words.percent(share) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "> 99.9 %"), (0.0, "< 0.1 %"), (0.865, "86 %"), (0.97, "97.0 %"), (0.032, "3.2 %")],
)
def test_a_probability_is_never_certain(share: float, text: str) -> None:
    assert words.probability(share) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(seconds=20), "less than a minute"), (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=47), "47 hours"), (timedelta(days=2), "2 days"),
        (timedelta(days=90), "2 months"), (timedelta(seconds=-5), "less than a minute"),
    ],
)  # fmt: skip
def test_a_span_is_rough(length: timedelta, text: str) -> None:
    assert words.span(length) == text


def test_a_clock_ahead_of_ours_is_told() -> None:
    assert words.ago(NOW + timedelta(hours=1), NOW) == "in the future"
    assert words.ago(NOW - timedelta(hours=3), NOW) == "3 hours ago"
    assert words.ago(None, NOW) == words.NOTHING


@pytest.mark.parametrize(
    ("usd", "text"), [(None, "\u2013"), (0.001, "$0.00"), (3.456, "$3.46"), (1234.5, "$1,234")]
)
def test_money_has_cents_while_they_matter(usd: float | None, text: str) -> None:
    assert words.money(usd) == text


@pytest.mark.parametrize(
    ("count", "text"), [(None, "\u2013"), (512, "512 B"), (1_500, "1.5 kB"), (2_900_000, "2.9 MB")]
)
def test_a_size_has_the_unit_that_fits(count: float | None, text: str) -> None:
    assert words.size(count) == text


def test_names_of_what_is_unknown() -> None:
    assert words.short(None) == "unknown commit"
    assert words.branch("") == "no branch named"
    assert words.test_title("test_a", "chromium") == "test_a[chromium]"
    assert words.first_line("\n\n  boom \nmore") == "boom"
    assert words.first_line(None) == "no message"
    assert len(words.first_line("x" * 500)) == 160


def test_counts_have_a_noun() -> None:
    assert [words.plural(n, "branch", "branches") for n in (0, 1, 2)] == [
        "0 branches", "1 branch", "2 branches"
    ]  # fmt: skip
    assert words.number(12345) == "12\u2009345"
    assert words.interval(0.012, 0.065) == "1.2\u20136.5 %"
    assert words.interval(None, 0.1) == words.NOTHING
