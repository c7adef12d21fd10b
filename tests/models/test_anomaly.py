"""Unusual hours and days are told, the usual ones of a week are not, and no day judges itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from models import anomaly
from models.simulate import Shape, simulate

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 40
END = START.date() + timedelta(days=DAYS - 1)
Changes = dict[tuple[int, int], float]


def hours(changes: Changes | None = None, *, series: int = 1, heavy: bool = False) -> pl.DataFrame:
    """Return metrics with nights and quiet weekends; `changes` are factors by day and hour."""
    rng = np.random.default_rng(3)
    at = [START + timedelta(hours=hour) for hour in range(24 * DAYS)]
    busy = np.array([(0.3 if one.weekday() >= 5 else 1) * (2 + np.sin(one.hour / 4)) for one in at])
    frames = []
    for number in range(series):
        noise = rng.standard_t(4, len(at)) if heavy else rng.standard_normal(len(at))
        value = busy * np.exp(0.08 * noise)
        if number == 0:
            for (day, hour), factor in (changes or {}).items():
                value[24 * day + hour] *= factor
        frames.append(pl.DataFrame({
            "project_id": "shop", "instance": "prom", "series": f"m{number}", "hour_at": at,
            "value": value,
        }))  # fmt: skip
    return pl.concat(frames)


def days(first: int, last: int) -> list[date]:
    return [START.date() + timedelta(days=day) for day in range(first, last + 1)]


def test_a_spike_and_a_dip_are_told_with_what_was_expected() -> None:
    found = anomaly.metrics(hours({(35, 14): 3.0, (36, 3): 0.25}), days(30, 38))
    spike, dip = found.sort("hour_at").to_dicts()
    assert spike["hour_at"] == START + timedelta(days=35, hours=14)
    assert spike["observed"] / spike["expected"] == pytest.approx(3, rel=0.25)
    assert spike["low"] < spike["expected"] < spike["high"] < spike["observed"]
    assert dip["hour_at"] == START + timedelta(days=36, hours=3)
    assert dip["observed"] < dip["low"]


def test_nights_and_weekends_are_no_anomalies_and_heavy_tails_make_few_false_alarms() -> None:
    assert anomaly.metrics(hours(series=20), days(20, 39)).is_empty()
    told = anomaly.metrics(hours(series=20, heavy=True), days(20, 39))
    assert told.height <= 9  # of 9,600 hours, some of them truly far off


def test_a_lasting_shift_is_news_for_days_not_for_weeks() -> None:
    shift = {(day, hour): 2.5 for day in range(25, DAYS) for hour in range(24)}
    found = anomaly.metrics(hours(shift), days(25, 38))
    told = set(found["day"].to_list())
    assert START.date() + timedelta(days=25) in told
    assert max(told) <= START.date() + timedelta(days=28)


def test_a_short_history_and_one_that_is_always_the_same_are_not_judged_wrongly() -> None:
    assert anomaly.metrics(hours({(2, 5): 9.0}), days(2, 2)).is_empty()
    flat = hours().with_columns(value=pl.lit(0.0))
    assert anomaly.metrics(flat, days(30, 38)).is_empty()
    assert anomaly.metrics(hours().clear(), days(1, 2)).is_empty()


def test_a_day_is_not_in_its_own_baseline_and_later_ones_are_unknown() -> None:
    frame = hours({(30, 4): 3.0})
    later = frame.with_columns(
        value=pl.when(pl.col("hour_at").dt.date() > days(30, 30)[0]).then(99.0).otherwise("value")
    )
    ours, theirs = (anomaly.metrics(one, days(30, 30)) for one in (frame, later))
    assert ours.height == 1
    assert ours.equals(theirs)


def lines(changes: dict[tuple[int, int], tuple[int, int]] | None = None) -> pl.DataFrame:
    """Return three templates of a service; `changes`: (lines, errors) by template and day."""
    rng = np.random.default_rng(5)
    rows = []
    for template, rate in ((1, 200), (2, 20), (3, 0)):
        for day in range(DAYS):
            said = int(rng.negative_binomial(5, 5 / (5 + rate))) if rate else 0
            said, errors = (changes or {}).get((template, day), (said, 0))
            if said:
                at = START.date() + timedelta(days=day)
                rows.append(("shop", "cart", template, at, said, errors, 0))
    columns = [*anomaly.LOG, "day", "lines", "errors", "warnings"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def test_bursts_silence_and_new_errors_are_told_and_usual_bursts_are_not() -> None:
    assert anomaly.log_rates(lines(), days(20, 39), END).height <= 1
    changes = {(1, 30): (4000, 0), (2, 33): (400, 0), (3, 35): (60, 60), (1, 37): (0, 0)}
    found = anomaly.log_rates(lines(changes), days(29, 39), END)
    told = {(row["template_id"], (row["day"] - START.date()).days) for row in found.to_dicts()}
    assert told >= {(1, 30), (2, 33), (3, 35), (None, 35), (1, 37)}
    assert len(told) <= 6
    fresh = anomaly.log_rates(lines({(3, 35): (60, 0)}), days(35, 35), END)
    assert fresh.is_empty()  # a new line without an error is new, not unusual


def test_a_day_that_is_not_over_cannot_be_too_quiet() -> None:
    quiet = {(1, DAYS - 1): (0, 0)}
    assert anomaly.log_rates(lines(quiet), [END], END).is_empty()
    assert anomaly.log_rates(lines(quiet), [END], END + timedelta(days=1)).height == 1


def test_sentences_can_be_checked() -> None:
    first, second = anomaly.sentences("errors", 38, 0.9, 0, 2, 1e-30, "such days")
    assert first == "errors: 38, more than the 0.9 expected (0 to 2 in 9 of 10 cases)"
    assert "less than 1e-12" in second


def test_oddities_are_planted_only_where_they_are_asked_for() -> None:
    end = datetime(2026, 5, 1, tzinfo=UTC)
    plain = simulate(seed=4, builds=60, tests=10, days=30, end=end)
    odd = simulate(seed=4, builds=60, tests=10, days=30, end=end, shape=Shape(oddities=4))
    assert plain.truth["oddities"].is_empty()
    planted = odd.truth["oddities"]
    assert set(planted["kind"]) == {"high", "low", "burst", "silence"}
    for name in ("core.builds", "core.test_results", "core.alerts", "core.incidents"):
        assert plain.tables[name].equals(odd.tables[name])
    metric = planted.filter(kind="high").to_dicts()[0]
    during = pl.col("at").is_between(metric["began_at"], metric["ended_at"], closed="left") & (
        pl.col("series") == f'{metric["what"]}{{service="{metric["service"]}"}}'
    )
    before, after = (one.tables["core.metric_points"].filter(during) for one in (plain, odd))
    assert (after["value"] / before["value"]).to_list() == pytest.approx(
        [metric["factor"]] * before.height
    )
    quiet = planted.filter(kind="silence").to_dicts()[0]
    gone = pl.col("at").is_between(quiet["began_at"], quiet["ended_at"], closed="left") & (
        pl.col("service") == quiet["service"]
    ) & pl.col("message").str.starts_with(quiet["what"]) & (pl.col("level") != "error")  # fmt: skip
    assert plain.tables["core.log_lines"].filter(gone).height > 0
    assert odd.tables["core.log_lines"].filter(gone).is_empty()
