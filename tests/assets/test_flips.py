"""The ranking by flips is that of counting all tests, whatever the results are."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assets import flips, refresh
from assets.flips import bounds, ranking, walk
from golive_core.errors import UsageError
from golive_core.lake import Lake

START = datetime(2026, 1, 1, tzinfo=UTC)
STATUSES = ("passed", "failed", "error", "skipped")
SUITES = st.lists(st.text("pfes", max_size=12), max_size=30)
"""One text a test: the first letters of its statuses in the order of time."""


def flips_of(run: str) -> int:
    """Count by the definition, one attempt after the other."""
    verdicts = [letter == "p" for letter in run if letter != "s"]
    return sum(one != other for one, other in pairwise(verdicts))


def brute(suite: Sequence[str], count: int) -> list[tuple[int, int]]:
    """Return (test, flips) of the leading tests by counting all."""
    found = [(test, flips_of(run)) for test, run in enumerate(suite)]
    return sorted((one for one in found if one[1]), key=lambda one: (-one[1], one[0]))[:count]


def walked(suite: Sequence[str], count: int, *, head: int = flips.HEAD) -> flips.Ranked:
    """Rank by the pruned walk."""
    counts = pl.DataFrame(
        [(test, run.count("p"), run.count("f") + run.count("e")) for test, run in enumerate(suite)],
        schema={"test_id": pl.Int64, "passes": pl.Int64, "failures": pl.Int64},
        orient="row",
    )

    def count_flips(tests: Sequence[int]) -> pl.DataFrame:
        rows = [(test, len(suite[test]), flips_of(suite[test])) for test in tests]
        return pl.DataFrame(rows, schema=flips.SCHEMA, orient="row")

    return walk(bounds([counts]), count_flips, count, head=head)


@given(SUITES, st.integers(1, 4))
@example(["pfpf", "ffpp", "pf"], 1)
@example(["fp", "pf", "fp"], 2)
@example(["ffffpffff", "pppfppp"], 1)
def test_walk_equals_counting_every_test(suite: list[str], count: int) -> None:
    found = walked(suite, count, head=1)  # small steps: many chances to stop too early
    assert found.rows.select("test_id", "flips").rows() == brute(suite, count)


@given(st.text("pf", min_size=1, max_size=40))
def test_no_test_has_more_flips_than_its_bound(run: str) -> None:
    passes, failures = run.count("p"), run.count("f")
    counts = pl.DataFrame({"test_id": [1], "passes": [passes], "failures": [failures]})
    bound = next(iter(bounds([counts])["bound"]), 0)
    assert flips_of(run) <= bound


def test_walk_stops_where_no_other_test_can_lead() -> None:
    found = walked(["pf" * 6] * 10 + ["pppf"] * 500, 10)
    assert (found.counted, found.tests) == (20, 510)


def results(suite: Sequence[str], days: int) -> pl.DataFrame:
    """Return rows of core.test_results: one attempt an hour, `days` days long at most."""
    times = [START + timedelta(hours=hour) for hour in range(24 * days)]
    rows = [
        {
            "project_id": "shop", "build_id": f"b{at:%dT%H}", "test_id": test, "attempt": 1,
            "day": at.date(), "started_at": at,
            "status": next(name for name in STATUSES if name[0] == letter), "environment": "",
        }
        for test, run in enumerate(suite)
        for at, letter in zip(times, run, strict=False)
    ]  # fmt: skip
    return pl.DataFrame(rows)


@pytest.mark.parametrize("count", [1, 7, 200])
def test_ranking_of_a_lake_equals_brute_force_with_the_mart_behind(
    tmp_path: Path, count: int
) -> None:
    luck = random.Random(5)
    weights = [(luck.randint(5, 99), luck.randint(0, 9), luck.randint(0, 3), 2) for _ in range(60)]
    suite = ["".join(luck.choices("pfes", odds, k=72)) for odds in weights]
    lake = Lake(tmp_path / "lake")
    lake.insert("core.test_results", results(suite, 2))
    bare = ranking(lake, "shop", count)
    for mart in refresh.marts():
        if mart.table in {"marts.main_branches", "marts.build_tests", "marts.test_daily"}:
            refresh.refresh(lake, mart)
    assert ranking(lake, "shop", count).rows.equals(bare.rows)
    lake.insert("core.test_results", results(suite, 3))
    found = ranking(lake, "shop", count).rows.select("test_id", "flips").rows()
    assert found == brute(suite, count)


def test_ranking_keeps_to_the_project_and_the_days(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.insert("core.test_results", results(["pf" * 36, "p" * 24 + "pf" * 24], 3))
    second = date(2026, 1, 2)
    assert ranking(lake, "shop", first=second, last=second).rows["flips"].to_list() == [23, 23]
    assert ranking(lake, "other").rows.height == 0
    assert ranking(Lake(tmp_path / "none"), "shop").rows.height == 0


def test_a_ranking_without_places_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one place"):
        walked(["pf"], 0)
