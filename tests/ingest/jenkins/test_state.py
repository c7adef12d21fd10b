"""Runners, queue and artifacts: what they say, that they are not asked for in vain, what goes."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
from jenkins_reader import Reader
from jenkins_server import Jenkins, agent, build, item

from golive_core import schema
from golive_core.errors import SourceAuthError

Make = Callable[..., Reader]


def reading(make: Make, stream: str, **options: object) -> Reader:
    reader = make(state_minutes=0, **options)
    reader.stream = stream
    return reader


def last(reader: Reader, table: str) -> list[dict]:
    """Return the newest row of each key."""
    rows, key = reader.core()[table], list(schema.find(table).key)
    assert not reader.rejects
    return rows.unique(key, keep="last").sort(key).to_dicts()


def test_an_agent_is_online_or_says_why_not(fake: Jenkins, reader: Make) -> None:
    fake.agents = [agent("Built-In Node"), agent("one", 1), agent("two", 0, "disk is full")]
    ci = reading(reader, "runners")
    ci.pull()
    names = ("name", "labels", "is_online", "executors", "busy", "offline_reason", "is_deleted")
    assert [tuple(row[name] for name in names) for row in last(ci, "core.runners")] == [
        ("Built-In Node", ["linux"], True, 2, 0, None, False),
        ("one", ["linux"], True, 2, 1, None, False),
        ("two", ["linux"], False, 2, 0, "disk is full", False),
    ]


def test_an_agent_that_is_gone_is_deleted_and_comes_back(fake: Jenkins, reader: Make) -> None:
    fake.agents = [agent("one"), agent("two", 2)]
    ci = reading(reader, "runners")
    ci.pull()
    gone = fake.agents.pop()
    ci.pull()
    row = last(ci, "core.runners")[1]
    assert (row["name"], row["is_deleted"], row["is_online"], row["busy"]) == (
        "two", True, False, 0,
    )  # fmt: skip
    assert row["labels"] == ["linux"]
    fake.agents.append(gone)
    ci.pull()
    assert not last(ci, "core.runners")[1]["is_deleted"]


def test_what_waits_is_of_its_job_and_is_seen_to_leave(fake: Jenkins, reader: Make) -> None:
    fake.waiting = [item(5, "shop/a b"), item(6, "shop/x", "In the quiet period")]
    fake.waiting[0]["stuck"] = True
    ci = reading(reader, "queue")
    ci.pull()
    first = last(ci, "core.queue_items")
    names = ("queue_item_id", "pipeline_id", "waiting_reason", "is_stuck", "left_at")
    assert [tuple(row[name] for name in names) for row in first] == [
        ("ci:5", "ci:shop/a b", "Waiting for next available executor", True, None),
        ("ci:6", "ci:shop/x", "In the quiet period", False, None),
    ]
    assert first[0]["queued_at"] < first[0]["seen_at"]
    del fake.waiting[0]
    ci.pull()
    left, stays = last(ci, "core.queue_items")
    assert left["left_at"] > left["seen_at"] == first[0]["seen_at"]
    assert left["is_stuck"]
    assert stays["left_at"] is None


def test_a_step_that_waits_is_of_the_job_of_its_build(fake: Jenkins, reader: Make) -> None:
    fake.waiting = [item(5, "shop/x")]
    fake.waiting[0]["task"]["url"] += "12/"
    ci = reading(reader, "queue")
    ci.pull()
    assert last(ci, "core.queue_items")[0]["pipeline_id"] == "ci:shop/x"


def test_items_of_jobs_that_are_not_read_are_left_out(fake: Jenkins, reader: Make) -> None:
    fake.waiting = [item(5, "shop/x"), item(6, "other/x")]
    ci = reading(reader, "queue", include=["shop/*"])
    ci.pull()
    assert [row["queue_item_id"] for row in last(ci, "core.queue_items")] == ["ci:5"]


def test_state_is_not_asked_for_again_within_minutes_and_is_never_news(
    fake: Jenkins, reader: Make
) -> None:
    for stream in ("runners", "queue"):
        fake.agents, fake.waiting = [], []
        fake.seen.clear()
        ci = reader()
        ci.stream = stream
        assert ci.source.has_news(stream, None)
        ci.pull()
        fake.agents, fake.waiting = [agent("one")], [item(1, "x")]
        assert ci.pull() == 0
        assert len(fake.seen) == 1
        assert not ci.source.has_news(stream, ci.cursor)
        ci.source.options.state_minutes = 0
        assert ci.pull() == 1


def test_state_that_is_not_wanted_is_not_asked_for(fake: Jenkins, reader: Make) -> None:
    for stream in ("runners", "queue"):
        ci = reading(reader, stream, runners=False, queue=False)
        assert not ci.source.has_news(stream, None)
        assert ci.pull() == 0
    assert fake.seen == []


def test_state_that_is_forbidden_is_an_error_that_names_itself(fake: Jenkins, reader: Make) -> None:
    fake.fault("computer/api", "403", times=9)
    ci = reading(reader, "runners")
    ci.pull()
    assert isinstance(ci.error, SourceAuthError)
    assert "computer/api/json" in ci.error.where
    found = {one.check: one for one in ci.source.check()}
    assert found["runners"].state == "warning"
    assert "runners = false" in found["runners"].hint
    assert (found["queue"].state, found["queue"].detail) == ("ok", "0 seen")


def test_artifacts_come_with_the_builds_and_cost_no_request(fake: Jenkins, reader: Make) -> None:
    kept = [{"relativePath": "dist/shop.zip"}, {"relativePath": "a b.txt"}]
    fake.job("shop/x", build(1, artifacts=kept), build(2))
    ci = reader()
    ci.pull()
    rows = ci.core()["core.artifacts"]
    builds = ci.builds()
    assert rows.select("artifact_id", "path", "url").rows() == [
        ("ci:shop/x#1/dist/shop.zip", "dist/shop.zip",
         "https://ci.example.org/job/x/1/artifact/dist/shop.zip"),
        ("ci:shop/x#1/a b.txt", "a b.txt", "https://ci.example.org/job/x/1/artifact/a%20b.txt"),
    ]  # fmt: skip
    assert set(rows["created_at"]) == {builds["finished_at"][0]}
    assert set(rows["day"]) == {builds["day"][0]}
    assert ci.requests == 2
    assert "artifacts[relativePath]" in fake.seen[-1]
    assert rows.schema == pl.Schema({name: schema.ARTIFACTS.schema[name] for name in rows.columns})
