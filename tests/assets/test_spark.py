"""The marts on a real Spark beside DuckDB: the same rows, and refusals where there is no equal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets import refresh
from assets.spark import cluster
from assets.spark.compute import NOT_ON_SPARK, compute
from assets.spark.dialect import translate
from golive_cli.demo import write_simulation
from golive_core.errors import LakeError
from golive_core.lake import Lake

END = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_only_the_listed_marts_have_no_equal():
    refused = set()
    for mart in refresh.marts():
        try:
            translate(mart.sql, mart.name)
        except LakeError:
            refused.add(mart.name)
    assert refused == set(NOT_ON_SPARK)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("select regexp_replace(a, 'b', 'c') as d from core.x", "one replacement"),
        ("select * from core.x asof join core.y on x.a >= y.a", "ASOF"),
        ("select from where", "Spark"),
    ],
)
def test_what_would_mean_something_else_is_refused(sql: str, why: str):
    with pytest.raises(LakeError, match=why):
        translate(sql, "x")


def test_rows_without_a_value_are_left_out():
    out = translate("select arg_max(a, b) as c from core.x", "x")
    assert "MAX_BY(a, CASE WHEN NOT a IS NULL THEN b END)" in out
    assert "core__x" in out


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Return a lake with a simulated project and its marts; Spark is stopped afterwards."""
    if lack := cluster.missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(lack)
    home = tmp_path_factory.mktemp("spark") / ".golive"
    write_simulation(home, project="demo", seed=7, builds=80, tests=60, days=12, end=END)
    lake = Lake(home / "lake")
    for mart in refresh.marts():
        refresh.refresh(lake, mart)
    yield lake
    cluster.session().stop()


def in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows sorted by all but the numbers that engines add up in another order."""
    return rows.sort([name for name, dtype in rows.schema.items() if dtype != pl.Float64])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::ResourceWarning")
def test_every_mart_has_the_same_rows_on_both_engines(simulated: Lake):
    days = sorted(
        simulated.changed_days("core.test_results") | simulated.changed_days("core.builds")
    )
    compared = 0
    for mart in refresh.marts():
        if mart.name not in NOT_ON_SPARK:
            asked = None if mart.spread is None else days
            expected = refresh.compute(simulated, mart, asked)
            found = compute(simulated, mart, asked)
            assert_frame_equal(in_order(found), in_order(expected), rel_tol=1e-9)
            compared += expected.height > 0
    assert compared >= 25
