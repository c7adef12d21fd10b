"""Rows of marts.test_daily by hand: one day a row, what is not said is zero."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from models.features import DAILY

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at(day: float) -> datetime:
    """Return the instant so many days after the start."""
    return START + timedelta(days=day)


def row(test: int, day: float, *, project: str = "shop", **cells: object) -> dict[str, object]:
    """Return one row; `known_at` is noon of its day."""
    counts = {name: 0 for name, dtype in DAILY.items() if dtype == pl.Int64()}
    said = {"project_id": project, "test_id": test, "day": at(day).date()}
    return {**counts, **said, "known_at": at(int(day) + 0.1), **cells}


def passing(test: int, day: float, runs: int = 10, **cells: object) -> dict[str, object]:
    """Return a day on which a test ran and passed, all of it judged."""
    said = {"runs": runs, "trials": runs, "last_passed_at": at(day), "first_status": "passed"}
    return row(test, day, **(said | cells))


def failing(test: int, day: float, runs: int = 4, **cells: object) -> dict[str, object]:
    """Return a day on which a test ran and failed on the default branch, lastingly."""
    said = {
        "runs": runs, "failed": runs, "lasting_failures": runs, "failing_since_at": at(day),
        "failing_since_sha": f"c{day}", "failing_attempts": runs, "first_status": "failed",
    }  # fmt: skip
    return row(test, day, **(said | cells))


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    """Return the rows as the models get them."""
    return pl.DataFrame(list(rows), schema=DAILY)
