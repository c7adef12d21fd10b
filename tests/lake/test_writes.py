"""What each kind of write does, what it reports, and how little it touches."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime

import polars as pl
import pytest

from golive_core.errors import LakeError
from golive_core.lake import Lake
from tests.lake.rows import builds, results

MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 1, 2)
RESULTS, BUILDS = "core.test_results", "core.builds"


def count(lake: Lake, table: str) -> int:
    """Return the number of rows that a reader sees."""
    return lake.query(f"select count(*) as n from {table}")["n"][0]


def files(lake: Lake) -> set[str]:
    """Return the Parquet files on disk."""
    return {path.relative_to(lake.root).as_posix() for path in lake.root.rglob("*.parquet")}


def test_nothing_exists_before_the_first_write(lake: Lake) -> None:
    assert (lake.tables(), lake.version(), lake.exists(BUILDS)) == ([], 0, False)
    assert not lake.root.exists()


def test_an_insert_leaves_known_keys_alone(lake: Lake) -> None:
    lake.insert(RESULTS, results(MONDAY, 3))
    result = lake.insert(RESULTS, results(MONDAY, 5, status="failed"))
    assert (result.new, result.unchanged, result.changed) == (2, 3, 0)
    statuses = lake.query(f"select status, count(*) n from {RESULTS} group by 1 order by 1")
    assert statuses.rows() == [("failed", 2), ("passed", 3)]


def test_an_insert_reports_the_days_of_new_rows_only(lake: Lake) -> None:
    lake.insert(RESULTS, results(MONDAY, 3))
    both = pl.concat([results(MONDAY, 3), results(TUESDAY, 1, build="ci#2")])
    assert lake.insert(RESULTS, both).days == {TUESDAY}


def test_a_key_that_comes_twice_in_one_batch_is_inserted_once(lake: Lake) -> None:
    twice = pl.concat([results(MONDAY, 2), results(MONDAY, 2, status="failed")])
    assert lake.insert(RESULTS, twice).new == 2
    assert lake.query(f"select distinct status from {RESULTS}")["status"].to_list() == ["passed"]


def test_a_raw_payload_pulled_again_next_month_is_known(lake: Lake) -> None:
    payload = pl.DataFrame({"instance": "ci", "stream": "builds", "payload_id": ["a", "b"]})
    lake.insert("raw.jenkins", payload.with_columns(day=pl.lit(date(2024, 1, 31))))
    result = lake.insert("raw.jenkins", payload.with_columns(day=pl.lit(date(2024, 2, 1))))
    assert (result.new, result.unchanged) == (0, 2)


def test_a_merge_replaces_what_differs_and_counts_the_rest_as_unchanged(lake: Lake) -> None:
    lake.merge(BUILDS, builds(MONDAY, range(4), status="running"))
    batch = pl.concat([builds(MONDAY, range(2)), builds(MONDAY, range(2, 5), status="running")])
    result = lake.merge(BUILDS, batch)
    assert (result.new, result.changed, result.unchanged) == (1, 2, 2)
    statuses = lake.query(f"select status from {BUILDS} order by number")["status"].to_list()
    assert statuses == ["passed", "passed", "running", "running", "running"]


def test_a_merge_rewrites_only_the_files_that_hold_changed_keys(lake: Lake) -> None:
    lake.merge(BUILDS, builds(date(2024, 1, 1), range(3)))
    lake.merge(BUILDS, builds(date(2024, 1, 2), range(3, 6)))
    lake.merge(BUILDS, builds(date(2024, 2, 1), range(6, 9)))
    before = files(lake)
    lake.merge(BUILDS, builds(date(2024, 1, 2), range(3, 4), status="failed"))
    fresh = files(lake) - before
    assert len(fresh) == 1
    last = lake.query(f"select count(*) n, sum(number)::bigint s from {BUILDS}").row(0)
    assert last == (9, 36)


def test_a_row_whose_day_moves_within_the_batch_s_partitions_is_moved(lake: Lake) -> None:
    lake.merge(BUILDS, builds(MONDAY, range(1)))
    result = lake.merge(BUILDS, builds(TUESDAY, range(1)))
    assert (result.changed, result.days) == (1, {MONDAY, TUESDAY})
    assert lake.query(f"select day from {BUILDS}")["day"].to_list() == [TUESDAY]


def test_overwriting_days_touches_only_days_that_differ(lake: Lake) -> None:
    mart = pl.DataFrame({"day": [MONDAY, TUESDAY], "runs": [1, 2]})
    lake.overwrite("marts.x", mart)
    result = lake.overwrite("marts.x", mart.with_columns(runs=pl.Series([1, 3])), [MONDAY, TUESDAY])
    assert (result.changed, result.unchanged, result.days) == (1, 1, {TUESDAY})


def test_overwriting_a_day_with_nothing_empties_it(lake: Lake) -> None:
    mart = pl.DataFrame({"day": [MONDAY, TUESDAY], "runs": [1, 2]})
    lake.overwrite("marts.x", mart)
    lake.overwrite("marts.x", mart.clear(), [TUESDAY])
    assert lake.query("select day from marts.x")["day"].to_list() == [MONDAY]


def test_overwriting_refuses_rows_of_other_days(lake: Lake) -> None:
    mart = pl.DataFrame({"day": [MONDAY], "runs": [1]})
    lake.overwrite("marts.x", mart)
    with pytest.raises(LakeError, match="not to be replaced"):
        lake.overwrite("marts.x", mart, [TUESDAY])


def test_an_empty_mart_exists_with_its_columns(lake: Lake) -> None:
    lake.overwrite("marts.x", pl.DataFrame(schema={"day": pl.Date, "runs": pl.Int32}), [MONDAY])
    assert lake.query("select * from marts.x").schema == {"day": pl.Date, "runs": pl.Int64}


def test_a_large_mart_is_cut_into_files_by_day(lake: Lake) -> None:
    rows = pl.DataFrame({"day": [MONDAY, TUESDAY] * 200_000, "n": range(400_000)})
    result = lake.overwrite("marts.large", rows)
    assert result.files == 2
    changed = rows.filter(day=MONDAY).with_columns(n=pl.lit(1))
    assert lake.overwrite("marts.large", changed, [MONDAY]).changed == 200_000
    assert (
        lake.query("select count(*) n from marts.large where day = date '2024-01-02'").item()
        == 200_000
    )


def test_an_append_asks_nothing(lake: Lake) -> None:
    lake.append(RESULTS, results(MONDAY, 2))
    assert lake.append(RESULTS, results(MONDAY, 2)).new == 2
    assert count(lake, RESULTS) == 4


def test_staged_files_are_invisible_until_they_are_inserted(lake: Lake) -> None:
    staged = pickle.loads(pickle.dumps(lake.stage(RESULTS, results(MONDAY, 3))))
    assert count(lake, RESULTS) == 0
    assert lake.insert(RESULTS, staged).new == 3
    assert count(lake, RESULTS) == 3


def test_two_workers_that_stage_the_same_rows_insert_them_once(lake: Lake) -> None:
    first, second = (lake.stage(RESULTS, results(MONDAY, 3)) for _ in range(2))
    result = lake.insert(RESULTS, [*first, *second])
    assert (result.new, result.unchanged, count(lake, RESULTS)) == (3, 3, 3)


def test_rows_that_arrive_between_stage_and_commit_are_not_doubled(lake: Lake) -> None:
    staged = lake.stage(RESULTS, results(MONDAY, 5))
    lake.insert(RESULTS, results(MONDAY, 3, status="failed"))
    result = lake.insert(RESULTS, staged)
    assert (result.new, result.unchanged, count(lake, RESULTS)) == (2, 3, 5)


def test_staged_known_rows_are_counted_as_unchanged(lake: Lake) -> None:
    lake.insert(RESULTS, results(MONDAY, 3))
    result = lake.insert(RESULTS, lake.stage(RESULTS, results(MONDAY, 4)))
    assert (result.new, result.unchanged) == (1, 3)


def test_staged_entities_merge(lake: Lake) -> None:
    lake.merge(BUILDS, builds(MONDAY, range(2), status="running"))
    before = files(lake)
    result = lake.merge(BUILDS, lake.stage(BUILDS, builds(MONDAY, range(3))))
    assert (result.new, result.changed) == (1, 2)
    assert len(files(lake) - before) == 1


def test_a_staged_fact_cannot_be_merged(lake: Lake) -> None:
    with pytest.raises(LakeError, match="staged fact"):
        lake.merge(RESULTS, lake.stage(RESULTS, results(MONDAY, 1)))


def test_a_file_is_sorted_as_declared(lake: Lake) -> None:
    shuffled = results(MONDAY, 1000).sample(fraction=1, shuffle=True, seed=1)
    lake.insert(RESULTS, shuffled)
    (name,) = files(lake)
    assert name.startswith("core/test_results/day=2024-01-01/")
    assert pl.read_parquet(lake.root / name)["test_id"].is_sorted()


def test_a_fact_without_its_day_is_refused(lake: Lake) -> None:
    with pytest.raises(LakeError, match="has no day"):
        lake.insert(RESULTS, results(MONDAY, 1).with_columns(day=pl.lit(None, pl.Date)))


@pytest.mark.parametrize("name", ["core.nothing", "nothing", "marts.X", "marts.a/../b", "raw."])
def test_a_table_that_cannot_be_is_refused(lake: Lake, name: str) -> None:
    with pytest.raises(LakeError):
        lake.overwrite(name, pl.DataFrame({"a": [1]}))


def test_an_unknown_column_is_refused(lake: Lake) -> None:
    with pytest.raises(LakeError, match="unknown columns"):
        lake.insert(RESULTS, results(MONDAY, 1).with_columns(mood=pl.lit("good")))


def test_a_mart_comes_back_in_the_lake_s_dtypes(lake: Lake) -> None:
    at = datetime(2024, 1, 1, 12, tzinfo=UTC)
    odd = pl.DataFrame(
        {"small": [1], "half": [0.5], "kind": ["a"], "at": [at.replace(tzinfo=None)],
         "names": [["a", "b"]], "nothing": [None], "flag": [True]},
        schema_overrides={"small": pl.UInt8, "half": pl.Float32, "kind": pl.Categorical,
                          "at": pl.Datetime("ms")},
    )  # fmt: skip
    lake.overwrite("marts.odd", odd)
    found = lake.query("select * from marts.odd")
    assert found.row(0) == (1, 0.5, "a", at, ["a", "b"], None, True)
    assert lake.columns("marts.odd") == dict(found.schema)


def test_a_mart_column_without_a_home_is_refused(lake: Lake) -> None:
    with pytest.raises(LakeError, match="Cast it"):
        lake.overwrite("marts.odd", pl.DataFrame({"s": [{"a": 1}]}))


def test_rows_and_existence_are_known_from_the_log(lake: Lake) -> None:
    lake.insert(RESULTS, results(MONDAY, 3))
    assert (lake.rows(RESULTS), lake.rows(BUILDS), lake.exists(RESULTS)) == (3, 0, True)
