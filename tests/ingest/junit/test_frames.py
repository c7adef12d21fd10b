"""Ids, attempts and failures from columns, whatever format they came from."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golive_core import schema
from golive_core.ids import content_id, content_ids
from ingest.parse import tests as parse
from ingest.parse.tests import frames, split_name

TEXTS = st.none() | st.text(st.characters(codec="utf-8"), max_size=6)
AT = 1_714_557_600_000_000


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=8))
def test_ids_by_column_are_those_by_value(rows: list[tuple[str | None, str | None]]) -> None:
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String}, orient="row")
    assert content_ids(frame, ["a", "b"]).to_list() == [content_id(*row) for row in rows]


def test_the_rows_fit_their_tables() -> None:
    found = frames({"name": ["t"], "status": "failed", "started_at": [AT], "build_id": "b"}, "p")
    for name, frame in found.items():
        assert schema.conform(schema.find(name), frame).height == 1


def test_no_rows_are_no_rows() -> None:
    found = frames({"name": [], "status": []}, "p")
    assert [frame.height for frame in found.values()] == [0, 0, 0]


def test_a_test_is_its_project_suite_class_name_and_parameters() -> None:
    found = frames({"suite": "s", "class_name": "c", "name": ["t[1]", "t"]}, "p")["core.tests"]
    ids = [content_id("p", "s", "c", "t", "1"), content_id("p", "s", "c", "t", None)]
    assert found["test_id"].to_list() == ids
    other = frames({"suite": "s", "class_name": "c", "name": ["t"]}, "q")["core.tests"]
    assert other["test_id"][0] not in ids


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("t[a-1]", ("t", "a-1")), ("t[a[0]]", ("t", "a[0]")), ("t(int)[2]", ("t(int)", "2")),
        ("[only]", ("[only]", None)), ("t]", ("t]", None)), ("t[]", ("t", "")), ("t", ("t", None)),
    ],
)  # fmt: skip
def test_parameters_stand_in_brackets_at_the_end(name: str, split: tuple[str, str | None]) -> None:
    assert split_name(name) == split


def test_attempts_count_by_build_test_and_environment_after_those_seen() -> None:
    columns = {
        "name": ["t"] * 5,
        "status": ["passed"] * 5,
        "build_id": ["a", "a", "b", "a", "a"],
        "environment": [None, "", None, "linux", "linux"],
    }
    found = frames(columns, "p")["core.test_results"]
    assert found["attempt"].to_list() == [1, 2, 1, 1, 2]
    seen = found.group_by(parse.ATTEMPT_KEY).agg(pl.col("attempt").max())
    again = frames(columns, "p", seen=seen)["core.test_results"]
    assert again["attempt"].to_list() == [3, 4, 2, 3, 4]


def test_an_attempt_that_is_given_stays() -> None:
    columns = {"name": ["t", "t"], "status": "passed", "attempt": [7, None]}
    assert frames(columns, "p")["core.test_results"]["attempt"].to_list() == [7, 2]


def test_a_test_was_seen_from_its_first_to_its_last_result() -> None:
    columns = {"name": ["t", "t", "u"], "started_at": [AT + 5, AT, AT], "file": [None, "f", None]}
    rows = frames(columns, "p")["core.tests"].sort("name")
    assert (rows["last_seen_at"] - rows["first_seen_at"]).dt.total_microseconds().to_list() == [
        5,
        0,
    ]
    assert rows["file"].to_list() == ["f", None]


def test_equal_failures_are_one_and_other_texts_of_one_problem_share_a_signature() -> None:
    columns = {
        "name": list("abcd"),
        "status": ["failed", "error", "failed", "passed"],
        "type": "E",
        "message": ["took 3 s", "took 3 s", "took 14.5 s", "took 3 s"],
        "started_at": [AT, AT - 1, AT, AT],
    }
    found = frames(columns, "p")
    failures, results = found["core.failures"], found["core.test_results"]
    assert results["failure_id"].is_null().to_list() == [False, False, False, True]
    assert failures["message"].to_list() == ["took 3 s", "took 14.5 s"]
    assert failures["signature_id"].n_unique() == 1
    assert failures["first_seen_at"].dt.epoch("us").to_list() == [AT - 1, AT]


def test_ids_forgotten_are_learnt_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = frames({"name": ["a", "b"]}, "p")["core.tests"]["test_id"].to_list()
    monkeypatch.setattr(parse, "REMEMBERED", 0)
    assert frames({"name": ["a", "b"]}, "p")["core.tests"]["test_id"].to_list() == first
