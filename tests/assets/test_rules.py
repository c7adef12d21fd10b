"""Row rules keep bad rows out with every reason; rows of one key are settled by declared policy."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_source import AT, build, case, frame_of, result

from assets import rules
from golive_core import schema


def shaped(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return schema.conform(schema.find(table), frame_of(rows))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "exploded"}, "status is not one of STATUSES"),
        ({"duration_s": -1.0}, "finished before it started"),
        ({"day": "2026-03-09"}, "day is not the date of queued_at"),
        ({"build_id": None}, "build_id is missing"),
        ({"day": None}, "day is missing"),
    ],
)
def test_a_bad_build_is_kept_out_for_its_reason(change: dict[str, Any], reason: str) -> None:
    frame = shaped("core.builds", [build(1), build(2) | change])
    good, bad = rules.split(schema.BUILDS, frame)
    assert good["build_id"].to_list() == ["ci#1"]
    assert bad["reason"].to_list() == [reason]


def test_what_is_unknown_breaks_no_rule() -> None:
    frame = shaped("core.builds", [build(1) | {"duration_s": None, "commit_sha": None}])
    assert rules.split(schema.BUILDS, frame)[1].is_empty()


def test_a_second_result_of_one_key_is_kept_out_unless_it_says_the_same() -> None:
    same, other = result(1, 1), result(1, 1, status="failed")
    frame = shaped("core.test_results", [same, same, other, result(1, 2)])
    good, bad = rules.split(schema.TEST_RESULTS, frame)
    assert good["status"].to_list() == ["passed", "passed"]
    assert bad["reason"].to_list() == [
        "another row has the same build_id, test_id, environment, attempt"
    ]


@given(st.permutations(range(5)))
def test_settled_tests_do_not_depend_on_the_order(order: list[int]) -> None:
    frames = [shaped("core.tests", [case(number, 1)]) for number in order]
    row = rules.combine(schema.TESTS, frames).row(0, named=True)
    assert (row["first_seen_at"], row["last_seen_at"]) == (AT, AT + timedelta(hours=4))


def test_the_last_row_of_an_entity_wins() -> None:
    frames = [shaped("core.builds", [build(1, status=word)]) for word in ("running", "passed")]
    assert rules.combine(schema.BUILDS, frames)["status"].to_list() == ["passed"]


def test_known_times_widen_new_ones() -> None:
    new = shaped("core.tests", [case(5, 1), case(5, 2)])
    known = shaped("core.tests", [case(1, 1)]).select("test_id", "first_seen_at", "last_seen_at")
    settled = rules.settle(schema.TESTS, new, known).sort("test_id")
    assert settled["first_seen_at"].to_list() == [AT + timedelta(hours=1), AT + timedelta(hours=5)]
    assert settled["last_seen_at"].to_list() == [AT + timedelta(hours=5)] * 2
    assert settled.columns == new.columns


def test_only_facts_that_never_change_are_written_by_workers() -> None:
    assert not rules.is_gathered(schema.TEST_RESULTS)
    assert rules.is_gathered(schema.FAILURES)
    assert rules.is_gathered(schema.BUILDS)


@pytest.mark.parametrize("table", [name for name in schema.TABLES if name.startswith("core.")])
def test_every_core_table_has_rules_that_an_empty_frame_passes(table: str) -> None:
    spec = schema.find(table)
    good, bad = rules.split(spec, pl.DataFrame(schema=spec.schema))
    assert good.is_empty()
    assert bad.columns == [*spec.schema, "reason"]
