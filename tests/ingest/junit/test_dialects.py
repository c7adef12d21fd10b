"""Retries, statuses, times and names as reporters write them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl
import pytest

Read = Callable[..., pl.DataFrame]
Tables = Callable[..., dict[str, pl.DataFrame]]


def suite(*cases: str, **said: str) -> str:
    words = "".join(f' {key}="{value}"' for key, value in said.items())
    return f'<testsuite name="s"{words}>{"".join(cases)}</testsuite>'


def case(inner: str = "", **said: str) -> str:
    words = "".join(f' {key}="{value}"' for key, value in said.items())
    return f'<testcase name="t" classname="c"{words}>{inner}</testcase>'


FAIL = '<failure type="T" message="m{0}">stack {0}</failure>'


def test_reruns_of_a_failed_test_come_after_its_first_failure(tables: Tables) -> None:
    reruns = '<rerunFailure message="m1"/><rerunError message="m2"/>'
    found = tables(suite(case(FAIL.format(0) + reruns, time="1.5")))
    results = found["core.test_results"].join(found["core.failures"], on="failure_id")
    rows = results.select("attempt", "status", "message", "duration_s").rows()
    assert rows == [(1, "failed", "m0", 1.5), (2, "failed", "m1", None), (3, "error", "m2", None)]


def test_flaky_failures_come_before_the_run_that_passed(tables: Tables) -> None:
    flaky = "<flakyFailure/><flakyError><stackTrace>at x</stackTrace></flakyError>"
    results = tables(suite(case(flaky, time="2")))["core.test_results"]
    rows = results.select("attempt", "status", "duration_s").rows()
    assert rows == [(1, "failed", None), (2, "error", None), (3, "passed", 2.0)]


def test_a_rerun_failure_without_a_failure_was_flaky(read: Read) -> None:
    assert read(suite(case("<rerunFailure/>")))["status"].to_list() == ["failed", "passed"]


def test_a_repeated_case_is_another_attempt_in_document_order(tables: Tables) -> None:
    found = tables(suite(case(FAIL.format(1)), case(), case()))["core.test_results"]
    assert found.select("attempt", "status").rows() == [(1, "failed"), (2, "passed"), (3, "passed")]


def test_the_first_of_several_failures_names_it_and_all_texts_are_kept(tables: Tables) -> None:
    body = FAIL.format(1) + '<error message="m2">stack 2</error><system-out>said</system-out>'
    found = tables(suite(case(body)))
    assert found["core.test_results"]["status"].to_list() == ["failed"]
    row = found["core.failures"].row(0, named=True)
    assert (row["type"], row["message"]) == ("T", "m1")
    assert row["details"] == "stack 1\nm2\nstack 2\n[system-out]\nsaid"


def test_a_failure_without_message_is_called_by_its_first_line(read: Read) -> None:
    found = read(suite(case("<failure>\n\nBoom: 1\nat x</failure>")))
    assert found["message"].to_list() == ["Boom: 1"]


def test_the_output_of_a_passed_case_is_no_failure(tables: Tables) -> None:
    found = tables(suite(case("<system-out>&lt;failure&gt;</system-out>")))
    assert found["core.failures"].height == 0
    assert found["core.test_results"]["status"].to_list() == ["passed"]


@pytest.mark.parametrize(
    ("inner", "said", "status", "reason"),
    [
        ('<skipped message="later"/>', {}, "skipped", "later"),
        ("<skipped>since Monday</skipped>", {}, "skipped", "since Monday"),
        ("", {"status": "notrun"}, "skipped", None),
        ("", {"result": "suppressed"}, "skipped", None),
        ("", {"status": "failed"}, "failed", None),
        ("", {"status": "errored"}, "error", None),
        ("<failure/>", {"status": "disabled"}, "skipped", None),
        ("<skipped/><failure/>", {}, "failed", None),
        ("<error/>", {"status": "failed"}, "error", None),
        ("", {"status": "run", "result": "completed"}, "passed", None),
    ],
)
def test_a_status_is_told_from_children_and_attributes(
    inner: str, said: dict[str, str], status: str, reason: str | None, read: Read
) -> None:
    row = read(suite(case(inner, **said))).row(0, named=True)
    assert (row["status"], row["skip_reason"]) == (status, reason)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0.5", 0.5), ("1,234.5", 1234.5), ("1,234", 1234.0), ("1,234,567", 1234567.0),
        ("0,123", 0.123), ("12,5", 12.5), (" 1.5 ", 1.5), ("2s", 2.0), ("4.5e-05", 4.5e-05),
        ("-1", None), ("NaN", None), ("inf", None), ("1e300", None), ("soon", None), ("", None),
    ],
)  # fmt: skip
def test_a_duration_is_read_as_it_was_meant(text: str, seconds: float | None, read: Read) -> None:
    assert read(suite(case(time=text)))["duration_s"].to_list() == [seconds]
    assert read(suite(case(time="1"), case(time=text)))["duration_s"].to_list() == [1.0, seconds]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2024-04-30T08:00:00", datetime(2024, 4, 30, 8, tzinfo=UTC)),
        ("2024-04-30T08:00:00+02:00", datetime(2024, 4, 30, 6, tzinfo=UTC)),
        ("2024-04-30 08:00:00Z", datetime(2024, 4, 30, 8, tzinfo=UTC)),
        ("2024-04-30T 08:00:00,5", datetime(2024, 4, 30, 8, 0, 0, 500_000, tzinfo=UTC)),
        ("0001-01-01T00:00:00", None),
        ("1970-01-01T00:00:00Z", None),
        ("2099-01-01T00:00:00Z", None),
        ("yesterday", None),
    ],
)
def test_a_time_that_cannot_be_true_gives_way_to_that_of_the_run(
    text: str, at: datetime | None, read: Read
) -> None:
    found = read(suite(case(), timestamp=text))["started_at"].to_list()
    assert found == [at or datetime(2024, 5, 1, 10, tzinfo=UTC)]


def test_times_without_a_zone_are_in_the_one_configured(read: Read) -> None:
    found = read(suite(case(), timestamp="2024-04-30T08:00:00"), zone="Europe/Berlin")
    assert found["started_at"].to_list() == [datetime(2024, 4, 30, 6, tzinfo=UTC)]


def test_the_time_of_a_case_beats_that_of_its_suite(read: Read) -> None:
    body = suite(case(timestamp="2024-04-30T09:00:00"), case(), timestamp="2024-04-30T08:00:00")
    assert [at.hour for at in read(body)["started_at"]] == [9, 8]


def test_a_suite_that_broke_in_its_set_up_is_a_failure_of_its_own(read: Read) -> None:
    row = read(suite(case(), '<error message="no database"/>')).row(1, named=True)
    assert (row["name"], row["status"], row["message"]) == ("(suite)", "error", "no database")


def test_cases_behind_an_inner_suite_belong_to_the_outer_one(read: Read) -> None:
    body = f"<testsuites>{suite(case(), suite(case()), case(), file='a.py')}</testsuites>"
    found = read(body)
    assert found["suite"].to_list() == ["s", "s > s", "s"]
    assert found["file"].to_list() == ["a.py"] * 3


def test_parameters_are_split_off_the_name(tables: Tables) -> None:
    body = '<testsuite><testcase name="add[1-2]"/><testcase name="add[3]"/></testsuite>'
    found = tables(body)["core.tests"].select("name", "parameters").rows()
    assert found == [("add", "1-2"), ("add", "3")]


def test_prefixes_of_names_make_no_difference(read: Read) -> None:
    body = (
        '<j:testsuite xmlns:j="urn:j" name="s"><j:testcase name="t">'
        "<j:failure/></j:testcase></j:testsuite>"
    )
    assert read(body)["status"].to_list() == ["failed"]


def test_uneven_attributes_lose_nothing(read: Read) -> None:
    body = (
        '<testsuite><testcase name="a" time="1"/><testcase classname="k" name="b"/>'
        '<testcase time="2" name="c" file="f"/></testsuite>'
    )
    rows = read(body).select("name", "class_name", "duration_s", "file").rows()
    assert rows == [("a", "", 1.0, None), ("b", "k", None, None), ("c", "", 2.0, "f")]


def test_a_name_of_any_length_stays_apart_from_its_neighbour(read: Read) -> None:
    names = [f'<testcase name="{"x" * 100_000}{end}"/>' for end in "ab"]
    found = read(suite(*names))["name"]
    assert found.n_unique() == 2
    assert found.str.len_chars().max() < 3_000
