"""Windows are half-open and aware."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from golive_core.errors import UsageError
from golive_core.window import Window

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_start_is_inside_and_the_end_is_not() -> None:
    window = Window(NOON, NOON + timedelta(hours=1))
    assert window.contains(NOON)
    assert not window.contains(NOON + timedelta(hours=1))


def test_days_are_whole_utc_days() -> None:
    window = Window.of_days(date(2026, 2, 27), date(2026, 3, 1))
    assert window.days() == [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]
    assert window.end == datetime(2026, 3, 2, tzinfo=UTC)


def test_days_are_counted_in_utc_whatever_the_zone() -> None:
    east = timezone(timedelta(hours=10))
    window = Window(datetime(2026, 3, 2, 5, tzinfo=east), datetime(2026, 3, 2, 9, tzinfo=east))
    assert window.days() == [date(2026, 3, 1)]


@pytest.mark.parametrize(
    ("start", "end"),
    [(NOON, NOON), (NOON, NOON - timedelta(days=1)), (NOON.replace(tzinfo=None), NOON)],
)
def test_an_empty_or_naive_window_is_refused(start: datetime, end: datetime) -> None:
    with pytest.raises(UsageError):
        Window(start, end)
