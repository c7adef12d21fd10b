"""Tests that fail together: found beyond chance, not for a common break, bounded by build."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from models import co_failures


def failed(*cells: tuple[int, int]) -> pl.DataFrame:
    """Return rows for (test, build)."""
    rows = [{"project_id": "shop", "test_id": t, "build_id": f"b{b}"} for t, b in cells]
    return pl.DataFrame(rows)


def runs(tests: int, each: int = 300) -> pl.DataFrame:
    return pl.DataFrame({"test_id": range(tests), "runs": [each] * tests}).with_columns(
        project_id=pl.lit("shop")
    )


def draw(seed: int, tests: int = 30, builds: int = 300) -> list[tuple[int, int]]:
    """Return failures at 5 %: tests 0 to 3 share a trigger, the others fail alone."""
    rng = np.random.default_rng(seed)
    hit = rng.random((tests, builds)) < 0.05
    trigger = rng.random(builds) < 0.06
    hit[:4] = trigger & (rng.random((4, builds)) < 0.8)
    return [(int(test), int(build)) for test, build in zip(*np.nonzero(hit), strict=True)]


@pytest.mark.parametrize("seed", range(5))
def test_a_group_is_found_and_chance_is_not(seed: int) -> None:
    found = co_failures.pairs(failed(*draw(seed)), runs(30))
    members = co_failures.clusters(found)
    assert sorted(members["test_id"].to_list()) == [0, 1, 2, 3]
    assert members["cluster_id"].n_unique() == 1
    assert found["lift"].min() > 3


def test_builds_in_which_very_many_fail_say_nothing() -> None:
    wide = [(test, build) for build in range(9) for test in range(co_failures.MOST_IN_BUILD + 1)]
    assert co_failures.pairs(failed(*wide), runs(50)).height == 0


def test_what_fails_build_after_build_was_broken_not_flaky() -> None:
    builds = pl.DataFrame(
        {"build_id": [f"b{n}" for n in range(10)], "number": range(10)}
    ).with_columns(pipeline_id=pl.lit("ci"), branch=pl.lit("main"), attempt=pl.lit(1))
    rows = failed((1, 2), (1, 3), (1, 4), (1, 8), (2, 3), (2, 6)).with_columns(
        has_passed=pl.lit(value=False)
    )
    left = co_failures.isolated(rows, builds).select("test_id", "build_id").rows()
    assert sorted(left) == [(1, "b8"), (2, "b3"), (2, "b6")]
    retried = rows.with_columns(has_passed=pl.lit(value=True))
    assert co_failures.isolated(retried, builds).height == 6


def test_a_cluster_says_what_its_tests_have_in_common() -> None:
    found = co_failures.pairs(failed(*draw(1)), runs(30))
    members = co_failures.clusters(found).with_columns(
        suite=pl.lit("api"), class_name=pl.lit("cart"), file=pl.lit(None, dtype=pl.String),
        cause=pl.lit("network"), cause_confidence=pl.lit(0.9), cause_evidence=pl.lit("reset"),
    )  # fmt: skip
    [row] = co_failures.told(members, found).to_dicts()
    assert (row["tests"], row["cause"]) == (4, "network")
    assert row["cause_confidence"] == pytest.approx(0.9)
    assert row["shared"][1:] == ["likely cause network: reset", "in common: class cart, suite api"]


def test_the_id_stands_while_the_smallest_test_is_in() -> None:
    first = co_failures.clusters(co_failures.pairs(failed(*draw(1)), runs(30)))
    later = co_failures.clusters(co_failures.pairs(failed(*draw(2)), runs(30)))
    assert first["cluster_id"].unique().to_list() == later["cluster_id"].unique().to_list()
