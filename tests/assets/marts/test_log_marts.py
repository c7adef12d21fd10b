"""Log marts: how often each template comes, and what is new in the log of a failed build."""

from __future__ import annotations

from datetime import timedelta

import pytest
from story import START, Story, at

from assets.log_templates import mine_lines


def log(
    story: Story, *messages: str, build: str | None = None, day: float = 0, **cells: str
) -> None:
    """Add lines of a build's log, or of a service's without one."""
    for number, message in enumerate(messages, 1):
        when = at(day) + timedelta(seconds=number)
        row = {
            "source": "jenkins", "instance": "ci", "service": "main", "project_id": "shop",
            "build_id": build, "line": number, "at": when, "day": when.date(), "message": message,
            "level": "error" if "ERROR" in message else "info",
        } | cells  # fmt: skip
        story.add("core.log_lines", **row)


def mart(story: Story, name: str) -> list[dict[str, object]]:
    """Write what was told, mine its lines, and return the rows of a mart."""
    story.told()
    mine_lines(story.lake)
    return story.mart(name)


def new(story: Story) -> list[tuple[object, object]]:
    rows = mart(story, "new_templates_by_build")
    return sorted((row["build_id"], row["template"]) for row in rows)


def test_rates_count_lines_by_template_service_and_day(story: Story) -> None:
    log(story, "took 1 ms", "took 2 ms", "ERROR no disk", build="b")
    log(story, "took 3 ms", service="shop", day=1)
    rows = mart(story, "log_template_rates")
    told = {(r["service"], r["day"], r["template"]): r for r in rows}
    first = told["main", START.date(), "took <*> ms"]
    counted = (first["log_lines"], first["errors"], first["builds"], first["is_new"])
    assert counted == (2, 0, 1, True)
    assert told["main", START.date(), "ERROR no disk"]["errors"] == 1
    later = told["shop", at(1).date(), "took <*> ms"]
    assert (later["log_lines"], later["builds"], later["is_new"]) == (1, 0, False)
    assert later["first_seen_at"] == START + timedelta(seconds=1)
    assert len(rows) == 3


def test_what_the_failed_build_alone_says_is_new_in_it(story: Story) -> None:
    build = ""
    for number, status in enumerate(("passed", "passed", "failed"), 1):
        build = story.build(number, status, day=number / 10)
        log(story, f"step {number} began", "cleaning", build=build, day=number / 10)
    log(story, "", "", "", "ERROR disk 7 is full", build=build, day=0.4, service="x")
    assert new(story)[-1] == ("ci:main#3", "ERROR disk <*> is full")
    (row, *_) = [r for r in story.mart("new_templates_by_build") if r["errors"]]
    assert (row["log_lines"], row["first_line"], row["example"]) == (1, 4, "ERROR disk 7 is full")
    assert row["last_good_build_id"] == "ci:main#2"


def test_what_tells_most_is_rare_loud_and_near_the_rarest_error(story: Story) -> None:
    log(story, "hello", build=story.build(1, "passed", day=0), day=0)
    for number in (2, 3, 4):  # fails for long in the same way
        build = story.build(number, "failed", day=number / 10)
        log(story, "hello", "ERROR proxy is old", build=build, day=number / 10)
    said = ["hello", "ERROR proxy is old", *["hello"] * 30, "loading schema of tenants",
            "ERROR column tax is missing", *["hello"] * 60, "ERROR teardown is incomplete",
            "goodbye"]  # fmt: skip
    log(story, *said, build=story.build(5, "failed", day=1), day=1)
    rows = [r for r in mart(story, "new_templates_by_build") if r["build_id"] == "ci:main#5"]
    ranked = [row["template"] for row in sorted(rows, key=lambda row: -float(str(row["telling"])))]
    assert set(ranked[-2:]) == {"ERROR proxy is old", "goodbye"}
    assert ranked[0] == "ERROR column tax is missing"
    old = next(row for row in rows if row["template"] == "ERROR proxy is old")
    assert (old["builds"], old["seen_builds"]) == (4, 3)


@pytest.mark.parametrize(
    ("status", "day", "pipeline", "is_known"),
    [
        ("passed", 1, "ci:main", True),
        ("failed", 1, "ci:main", False),
        ("passed", 1, "ci:other", False),
        ("passed", 3, "ci:main", False),
        ("passed", -40, "ci:main", False),
    ],
)
def test_known_is_what_an_earlier_good_build_of_the_pipeline_said_lately(
    story: Story, status: str, day: float, pipeline: str, is_known: bool
) -> None:
    log(story, "hello", build=story.build(1, "passed", day=0), day=0)
    log(story, "retry", build=story.build(2, status, day=day, pipeline=pipeline), day=day)
    log(story, "retry", build=story.build(3, "failed", day=2), day=2)
    found = [one for one in new(story) if one[0] == "ci:main#3"]
    assert found == ([] if is_known else [("ci:main#3", "retry")])


def test_without_a_good_build_before_there_is_nothing_to_compare(story: Story) -> None:
    log(story, "hello", build=story.build(1, "failed", day=0), day=0)
    story.build(2, "passed", day=1)
    log(story, "other", build=story.build(3, "failed", day=2), day=2)
    assert new(story) == []


def test_a_good_build_that_comes_late_changes_later_days(story: Story) -> None:
    log(story, "hello", build=story.build(1, "passed", day=0), day=0)
    log(story, "retry", build=story.build(3, "failed", day=9), day=9)
    assert new(story) == [("ci:main#3", "retry")]
    log(story, "retry", build=story.build(2, "passed", day=1), day=1)
    assert new(story) == []


def test_templates_that_became_one_count_as_one(story: Story) -> None:
    good = story.build(1, "passed", day=0)
    log(story, *["session of root is open"] * 20, build=good)
    mart(story, "new_templates_by_build")
    users = [f"session of {name} is open" for name in ("amy", "bob", "cid", "dan", "eve")]
    log(story, *users, build=story.build(2, "failed", day=1), day=1)
    assert new(story) == []
    rates = story.mart("log_template_rates")
    assert len({row["template_id"] for row in rates}) == 1


def test_traces_are_counted_by_signature_service_and_day(story: Story) -> None:
    trace = "failed\njava.io.IOException: no disk {0}\n\tat com.shop.Cart.save(Cart.java:{0})"
    log(story, *(trace.format(number) for number in range(3)), "fine", build="b")
    log(story, trace.format(9), day=1, service="shop")
    first, later = sorted(mart(story, "log_failures_daily"), key=lambda row: str(row["day"]))
    assert (first["log_lines"], first["builds"], first["is_new"]) == (3, 1, True)
    assert (first["failure_type"], first["example"]) == ("java.io.IOException", "no disk 0")
    assert (later["log_lines"], later["is_new"]) == (1, False)
    assert first["signature_id"] == later["signature_id"]
