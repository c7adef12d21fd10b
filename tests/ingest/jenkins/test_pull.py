"""What is asked of a Jenkins, in how many requests, and that nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from jenkins_reader import Reader
from jenkins_server import SHA, T0, Jenkins, build, pipeline_build
from loopback import Asked, Reply

from golive_core.window import Window

Make = Callable[..., Reader]


def many(count: int, first: int = 1) -> list[dict]:
    return [build(number) for number in range(first, first + count)]


def numbers(reader: Reader) -> list[int]:
    return reader.builds()["number"].to_list()


def test_a_first_job_costs_a_request_a_thousand_builds(fake: Jenkins, reader: Make) -> None:
    fake.job("shop", *many(2500))
    ci = reader()
    ci.pull()
    assert numbers(ci) == list(range(1, 2501))
    assert ci.core()["core.builds"].height == 2500
    assert ci.requests == len(fake.seen) == 4


def test_a_second_pull_without_news_costs_one_request_and_brings_nothing(
    fake: Jenkins, reader: Make
) -> None:
    fake.job("a/b/c", *many(30))
    fake.job("d", *many(3))
    fake.job("never built")
    ci = reader()
    ci.pull()
    before = ci.cursor
    assert ci.pull() == 0
    assert ci.requests == 1
    assert ci.cursor == before
    assert not ci.source.has_news("builds", ci.cursor)


def test_only_new_builds_are_asked_for(fake: Jenkins, reader: Make) -> None:
    job = fake.job("shop", *many(1200))
    ci = reader()
    ci.pull()
    job.add(*many(7, first=1201))
    assert ci.source.has_news("builds", ci.cursor)
    ci.pull()
    assert ci.requests == 2
    assert "{0,9}" in fake.seen[-1]
    assert numbers(ci) == list(range(1, 1208))


def test_folders_of_any_depth_are_walked(fake: Jenkins, reader: Make) -> None:
    deep = "/".join("abcdefgh")
    for name in ("top", "f/inner", deep):
        fake.job(name, build(1))
    ci = reader(depth=3)
    ci.pull()
    assert set(ci.core()["core.pipelines"]["name"]) == {"top", "f/inner", deep}
    assert set(ci.builds()["pipeline_id"]) == {"ci:top", "ci:f/inner", f"ci:{deep}"}


def test_names_with_odd_characters_are_found(fake: Jenkins, reader: Make) -> None:
    for name in ("a b/ü&c#1", "multi/feature%2Fcart", "50%/x"):
        fake.job(name, build(1))
    fake.multibranch.add("multi")
    ci = reader()
    ci.pull()
    assert ci.builds().height == 3
    branches = dict(ci.builds().select("pipeline_id", "branch").iter_rows())
    assert branches["ci:multi/feature%2Fcart"] == "feature/cart"


def test_running_builds_are_looked_at_again_until_they_end(fake: Jenkins, reader: Make) -> None:
    job = fake.job("shop", *many(3), build(4, None))
    ci = reader()
    ci.pull()
    assert ci.builds()["status"].to_list() == ["passed"] * 3 + ["running"]
    assert ci.pull() == 0
    assert ci.requests == 1
    job.finish(4, "FAILURE")
    ci.pull()
    assert ci.builds()["status"].to_list() == ["passed"] * 3 + ["failed"]
    assert ci.pull() == 0
    assert ci.requests == 1


def test_a_build_that_never_ends_blocks_nothing(fake: Jenkins, reader: Make) -> None:
    job = fake.job("shop", build(1, None), *many(1500, first=2))
    ci = reader()
    ci.pull()
    job.add(*many(5, first=1502))
    ci.pull()
    assert ci.requests == 3
    assert ci.pull() == 0
    assert ci.requests == 2
    assert ci.builds()["status"].value_counts(sort=True).rows() == [
        ("passed", 1505),
        ("running", 1),
    ]


def test_a_running_build_that_is_deleted_did_not_end(fake: Jenkins, reader: Make) -> None:
    job = fake.job("shop", build(1), build(2, None), build(3, None), build(4))
    ci = reader()
    ci.pull()
    job.delete(2)
    ci.pull()
    job.delete(3)
    job.add(build(5))
    ci.pull()
    assert ci.builds()["status"].to_list() == [
        "passed",
        "cancelled",
        "cancelled",
        "passed",
        "passed",
    ]
    assert ci.builds()["commit_sha"][1] == f"{2:040x}"
    assert ci.pull() == 0
    assert ci.requests == 1


def test_builds_deleted_on_the_server_are_kept(fake: Jenkins, reader: Make) -> None:
    job = fake.job("shop", *many(10))
    ci = reader()
    ci.pull()
    job.builds = job.builds[:2]
    job.add(build(11))
    ci.pull()
    assert numbers(ci) == list(range(1, 12))


def test_a_build_deleted_while_pages_are_walked_loses_no_other(fake: Jenkins, reader: Make) -> None:
    job = fake.job("shop", *many(2500))
    answer, asked = fake.answer, []

    def deleting(request: Asked) -> Reply:
        told = answer(request)
        asked.append(request)
        if len(asked) == 2:
            for number in range(2300, 2400):
                job.delete(number)
        return told

    fake.answer = deleting
    ci = reader(in_flight=1)
    ci.pull()
    assert numbers(ci) == list(range(1, 2501))


def test_builds_that_begin_while_pages_are_walked_come_with_the_next_pull(
    fake: Jenkins, reader: Make
) -> None:
    job = fake.job("shop", *many(2500))
    answer, asked = fake.answer, []

    def adding(request: Asked) -> Reply:
        told = answer(request)
        asked.append(request)
        if len(asked) == 2:
            job.add(*many(40, first=2501))
        return told

    fake.answer = adding
    ci = reader(in_flight=1)
    ci.pull()
    assert ci.core()["core.builds"].height == len(numbers(ci)) == 2500
    ci.pull()
    assert numbers(ci) == list(range(1, 2541))


def test_a_deleted_job_is_marked_and_a_renamed_one_is_a_new_one(
    fake: Jenkins, reader: Make
) -> None:
    fake.job("old", *many(3))
    fake.job("other", *many(3))
    ci = reader()
    ci.pull()
    fake.jobs["new"] = fake.jobs.pop("old")
    ci.pull()
    rows = ci.core()["core.pipelines"].unique("pipeline_id", keep="last")
    assert dict(rows.select("name", "is_deleted").iter_rows()) == {
        "old": True, "new": False, "other": False,
    }  # fmt: skip
    assert ci.builds().height == 9
    assert ci.pull() == 0


def test_a_job_made_anew_under_its_name_does_not_overwrite_the_old_builds(
    fake: Jenkins, reader: Make
) -> None:
    fake.job("shop", *many(5))
    ci = reader()
    ci.pull()
    again = [build(n, "FAILURE", timestamp=T0 + 10**10 + n) for n in (1, 2)]
    fake.jobs.clear()
    fake.job("shop", *again)
    ci.pull()
    rows = ci.builds().filter(number=1).sort("attempt")
    assert rows["build_id"].to_list() == ["ci:shop#1", "ci:shop#1@2"]
    assert rows["status"].to_list() == ["passed", "failed"]


def test_the_newest_build_may_be_deleted(fake: Jenkins, reader: Make) -> None:
    job = fake.job("shop", *many(5))
    ci = reader()
    ci.pull()
    job.delete(5)
    assert ci.pull() == 0
    job.add(build(6))
    ci.pull()
    assert numbers(ci) == [1, 2, 3, 4, 5, 6]


def test_a_window_brings_what_lies_in_it_and_moves_no_cursor(fake: Jenkins, reader: Make) -> None:
    fake.job("shop", *many(3000))
    start = datetime.fromtimestamp(T0 / 1000 + 60 * 500, UTC)
    ci = reader()
    ci.pull(window=Window(start, datetime.fromtimestamp(T0 / 1000 + 60 * 600, UTC)))
    assert set(range(500, 600)) <= set(numbers(ci))
    assert ci.builds().height <= 1000
    assert ci.cursor is None


def test_include_and_exclude_choose_jobs(fake: Jenkins, reader: Make) -> None:
    for name in ("shop/build", "shop/nightly", "other/build"):
        fake.job(name, build(1))
    ci = reader(include=["shop/*"], exclude=["*/nightly"])
    ci.pull()
    assert ci.builds()["pipeline_id"].to_list() == ["ci:shop/build"]
    assert ci.core()["core.pipelines"]["name"].to_list() == ["shop/build"]
    assert ci.pull() == 0


@pytest.mark.parametrize("kill_after", [1, 2, 3])
def test_a_pull_broken_off_goes_on_where_it_was(
    fake: Jenkins, reader: Make, kill_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.batch.FULL_PAYLOADS", 1)
    job = fake.job("shop", *many(3500))
    fake.job("zoo", *many(10))
    ci = reader()
    ci.pull(batches=kill_after)
    job.add(*many(3, first=3501))
    job.delete(3490)
    ci.pull()
    ci.pull()
    assert ci.core()["core.builds"].height == ci.builds().height
    assert set(numbers(ci)) >= set(range(1, 3504)) - {3490}
    assert ci.pull() == 0
    assert ci.requests == 1


def test_many_jobs_are_asked_at_once(fake: Jenkins, reader: Make) -> None:
    fake.latency_s = 0.05
    for number in range(20):
        fake.job(f"job-{number}", pipeline_build(1, "SUCCESS"))
    ci = reader(stages=False)
    began = datetime.now(UTC)
    ci.pull()
    assert ci.requests == 21
    assert (datetime.now(UTC) - began).total_seconds() < 0.05 * 21 / 2
    assert SHA not in ci.builds()["commit_sha"].to_list()
