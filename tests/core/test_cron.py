"""When a cron line fires, beside the library that Dagster brings along."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from dagster._utils.schedules import cron_string_iterator

from golive_core.cron import ticks
from golive_core.errors import SettingsError

START = datetime(2026, 1, 30, 22, 58, 30, tzinfo=UTC)
LINES = (
    "*/15 * * * *", "7-59/15 * * * *", "0 4 * * *", "30 6 1,15 * *", "0 9 * * mon-fri",
    "0 0 1 * sun", "5,35 8-18/2 * jan-mar 1-5", "0 12 29 2 *", "59 23 31 12 *", "0 0 * * 7",
)  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_the_ticks_are_those_of_dagster(line: str) -> None:
    end = START + timedelta(days=90)
    expected = []
    for at in cron_string_iterator(START.timestamp(), line, "UTC"):
        if at > end or len(expected) == 200:
            break
        expected.append(at)
    assert list(islice(ticks(line, START, end), 200)) == expected


def test_made_up_lines_fire_when_dagster_says() -> None:
    dice = random.Random(3)

    def some(low: int, high: int) -> str:
        first = dice.randint(low, high - 1)
        last = dice.randint(first + 1, high)
        return dice.choice(["*", f"{first}", f"{first}-{last}", f"*/{dice.randint(1, 7)}"])

    for _ in range(60):
        line = f"{some(0, 59)} {some(0, 23)} {dice.choice(['*', some(1, 28)])} * {some(0, 6)}"
        found = list(islice(ticks(line, START, START + timedelta(days=70)), 5))
        assert found == list(islice(cron_string_iterator(START.timestamp(), line, "UTC"), 5)), line


@pytest.mark.parametrize(
    "line", ["", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "x * * * *", "*/0 * * * *"]
)
def test_a_line_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(SettingsError, match="not a cron line"):
        list(ticks(line, START, START))
