"""Evidence of one day: counted, judged, attributed; SQL and a plain reference agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from story import Story, at, case_id

from assets.refresh import FOLDER
from golive_core import schema

Rows = list[dict[str, Any]]
BAD = ("failed", "error")


def days_of(rows: Rows, test: str = "a") -> dict[int, dict[str, Any]]:
    """Return the rows of a test by days since the start."""
    start = at(0).date()
    return {(row["day"] - start).days: row for row in rows if row["test_id"] == case_id(test)}


# Cases told by hand


def test_attempts_are_counted_by_what_they_gave(story: Story) -> None:
    story.build(1, "failed", day=0, tests={"a": "failed error passed", "b": "skipped"})
    rows = story.mart("test_daily")
    found = days_of(rows)[0]
    assert [found[name] for name in ("runs", "passed", "failed", "errored")] == [3, 1, 1, 1]
    assert (found["first_status"], found["last_status"]) == ("failed", "passed")
    assert found["duration_total_s"] == 6.0
    skipped = days_of(rows, "b")[0]
    assert (skipped["runs"], skipped["skipped"], skipped["first_status"]) == (0, 1, None)


def test_a_pass_on_retry_judges_at_once(story: Story) -> None:
    story.build(1, "passed", day=0, tests={"a": "failed failed passed", "b": "passed"})
    rows = story.mart("test_daily")
    found = days_of(rows)[0]
    assert (found["retry_passes"], found["flakes"], found["trials"]) == (1, 2, 3)
    assert found["mixed_commits"] == 1
    assert days_of(rows, "b")[0]["trials"] == 1


def test_another_build_of_the_commit_judges_on_its_day(story: Story) -> None:
    story.build(1, "failed", day=0, tests={"a": "failed"})
    story.build(1, "passed", day=3, attempt=2, tests={"a": "passed"})
    found = days_of(story.mart("test_daily"))
    assert (found[0]["flakes"], found[0]["trials"]) == (0, 0)
    assert (found[3]["flakes"], found[3]["trials"], found[3]["mixed_commits"]) == (1, 2, 1)


def test_after_a_week_another_build_of_the_commit_says_nothing(story: Story) -> None:
    story.build(1, "failed", day=0, tests={"a": "failed"})
    story.build(1, "passed", day=8, attempt=2, tests={"a": "passed"})
    found = days_of(story.mart("test_daily"))
    assert found[8]["flakes"] == found[8]["mixed_commits"] == 0


def test_a_failure_between_two_passing_builds_is_a_flip(story: Story) -> None:
    for number, word in enumerate(("passed", "failed", "passed"), start=1):
        story.build(number, word, day=number, tests={"a": word})
    found = days_of(story.mart("test_daily"))
    assert (found[3]["flips"], found[3]["flakes"], found[3]["trials"]) == (1, 1, 1)
    assert found[3]["mixed_commits"] == 0


def test_a_failure_that_the_next_build_repeats_lasts(story: Story) -> None:
    for number, word in enumerate(("passed", "failed", "failed", "passed"), start=1):
        story.build(number, word, day=number, tests={"a": word})
    rows = story.mart("test_daily")
    assert sum(row["lasting_failures"] for row in rows) == 2
    assert sum(row["flakes"] for row in rows) == 0


def test_another_pipeline_does_not_contradict(story: Story) -> None:
    story.build(1, "failed", day=0, tests={"a": "failed"}, commit_sha="c")
    story.build(1, "passed", day=0.1, tests={"a": "passed"}, commit_sha="c", pipeline="ci:other")
    found = days_of(story.mart("test_daily"))[0]
    assert (found["flakes"], found["mixed_commits"]) == (0, 0)


def test_the_run_of_failures_on_the_main_line_is_followed(story: Story) -> None:
    story.build(1, "passed", day=0, tests={"a": "passed"})
    story.build(2, "failed", day=0.1, tests={"a": "failed"})
    story.build(3, "failed", day=1, tests={"a": "failed"})
    story.build(3, "passed", day=1.1, tests={"a": "passed"}, branch="feature", pipeline="ci:pr")
    found = days_of(story.mart("test_daily"))
    assert found[0]["last_passed_at"] == at(0)
    assert (found[0]["failing_since_at"], found[0]["failing_since_sha"]) == (at(0.1), "c2")
    assert (found[1]["failing_since_sha"], found[1]["failing_attempts"]) == ("c3", 1)
    assert found[1]["last_passed_at"] is None


def test_a_re_run_of_old_code_does_not_end_a_run_of_failures(story: Story) -> None:
    story.build(1, "passed", day=0, tests={"a": "passed"})
    story.build(2, "failed", day=1, tests={"a": "failed"})
    story.build(1, "passed", day=1.1, attempt=2, tests={"a": "passed"})
    found = days_of(story.mart("test_daily"))[1]
    assert found["failing_since_sha"] == "c2"
    assert found["last_passed_at"] == at(0)


def crowd(word: str, failing: int = 20) -> dict[str, str]:
    """Return results of 40 tests, the first `failing` of them as said."""
    return {f"t{n}": word if n < failing else "passed" for n in range(40)}


def classes(story: Story, size: int) -> None:
    """Put the tests of the crowd into classes of `size`."""
    for n in range(40):
        story.add(
            "core.tests", test_id=case_id(f"t{n}"), project_id="shop", suite="s",
            class_name=f"K{n // size}", name=f"t{n}", first_seen_at=at(0), last_seen_at=at(9),
        )  # fmt: skip


def test_many_unrelated_failures_at_once_are_an_outage_and_no_evidence(story: Story) -> None:
    classes(story, size=4)
    for number in range(1, 5):
        story.build(number, "passed", day=number / 10, tests=crowd("passed"))
    story.build(5, "failed", day=0.5, tests=crowd("error"))
    story.build(6, "passed", day=0.6, tests=crowd("passed"))
    rows = story.mart("test_daily")
    found = days_of(rows, "t0")[0]
    assert (found["outage_failures"], found["flakes"], found["flips"]) == (1, 0, 0)
    assert sum(row["lasting_failures"] for row in rows) == 0
    builds = {row["build_id"]: row for row in story.mart("build_tests")}
    assert builds["ci:main#5"]["is_outage"]
    assert builds["ci:main#5"]["usual_share"] == 0
    assert not builds["ci:main#6"]["is_outage"]


def test_many_failures_of_one_class_are_no_outage(story: Story) -> None:
    classes(story, size=20)
    for number in range(1, 5):
        story.build(number, "passed", day=number / 10, tests=crowd("passed"))
    story.build(5, "failed", day=0.5, tests=crowd("failed"))
    assert not any(row["is_outage"] for row in story.mart("build_tests"))


def test_wide_failures_that_last_are_a_regression(story: Story) -> None:
    classes(story, size=4)
    for number in range(1, 5):
        story.build(number, "passed", day=number / 20, tests=crowd("passed"))
    for number in range(5, 9):
        story.build(number, "failed", day=number / 20, tests=crowd("failed"))
    builds = {row["build_id"]: row for row in story.mart("build_tests")}
    assert [builds[f"ci:main#{n}"]["is_outage"] for n in range(5, 9)] == [True, True, False, False]
    found = days_of(story.mart("test_daily"), "t0")[0]
    assert (found["failing_since_sha"], found["failing_attempts"]) == ("c5", 2)


def test_without_builds_to_compare_with_nothing_is_an_outage(story: Story) -> None:
    classes(story, size=4)
    story.build(1, "failed", day=0, tests=crowd("failed"))
    assert not any(row["is_outage"] for row in story.mart("build_tests"))


# A plain reference, on random histories


@dataclass(frozen=True)
class Build:
    """One build with its results: (test, environment) to statuses, attempt by attempt."""

    name: str
    pipeline: str
    number: int
    attempt: int
    branch: str | None
    commit: str | None
    at: datetime
    is_outage: bool
    results: dict[tuple[int, str], tuple[str, ...]]

    @property
    def day(self) -> date:
        return min((when.date() for *_, when in self.attempts()), default=self.at.date())

    @property
    def has_retries(self) -> bool:
        return any(nth > 1 for _, nth, *_ in self.attempts())

    def attempts(self) -> Iterator[tuple[tuple[int, str], int, str, datetime]]:
        for place, (case, words) in enumerate(sorted(self.results.items())):
            for nth, word in enumerate(words, start=1):
                yield case, nth, word, self.at + timedelta(seconds=10 * place + nth)

    def passes(self, case: tuple[int, str], after: int = 0) -> list[date]:
        return [
            when.date()
            for found, nth, word, when in self.attempts()
            if found == case and word == "passed" and nth > after
        ]


def judged_day(build: Build, builds: list[Build]) -> date | None:
    days = [build.day] if build.has_retries else []
    days += [max(build.day, other.day) for other in siblings(build, builds)]
    if pair := neighbours(build, builds):
        days.append(max(build.day, pair[0].day, pair[1].day))
    return min(days, default=None)


def siblings(build: Build, builds: list[Build]) -> list[Build]:
    return [
        other
        for other in builds
        if other.name != build.name
        and (other.pipeline, other.commit) == (build.pipeline, build.commit)
        and build.commit is not None
        and abs((other.day - build.day).days) <= 7
    ]


def neighbours(build: Build, builds: list[Build]) -> tuple[Build, Build] | None:
    line = sorted(
        (
            b
            for b in builds
            if b.attempt == 1 and (b.pipeline, b.branch) == (build.pipeline, build.branch)
        ),
        key=lambda b: b.number,
    )
    if build not in line or not 0 < line.index(build) < len(line) - 1:
        return None
    place = line.index(build)
    before, after = line[place - 1], line[place + 1]
    return (before, after) if abs((after.day - before.day).days) <= 14 else None


def reference(builds: list[Build]) -> dict[tuple[int, date], dict[str, int]]:
    """Return the evidence by test and day, as the header of the mart defines it."""
    sound = [build for build in builds if not build.is_outage]
    found: dict[tuple[int, date], dict[str, int]] = {}
    for build in sound:
        judged = judged_day(build, sound)
        if judged is None:
            continue
        for test, day, name, number in [*passed(build, judged), *failed(build, judged, sound)]:
            row = found.setdefault((test, day), dict.fromkeys(EVIDENCE, 0))
            row[name] += number
    return found


def passed(build: Build, judged: date) -> Iterator[tuple[int, date, str, int]]:
    for (test, _), _, word, when in build.attempts():
        if word == "passed":
            yield test, max(judged, when.date()), "trials", 1


def failed(build: Build, judged: date, sound: list[Build]) -> Iterator[tuple[int, date, str, int]]:
    for case in build.results:
        bad = [
            (nth, when.date())
            for c, nth, word, when in build.attempts()
            if c == case and word in BAD
        ]
        if not bad:
            continue
        day = max(judged, *(when for _, when in bad))
        is_flip = flips(build, case, sound, day)
        if is_flip or mixes(build, case, bad[0][0], sound, day):
            yield case[0], day, "flakes", len(bad)
            yield case[0], day, "trials", len(bad)
            yield case[0], day, "flips", int(is_flip)
        else:
            yield case[0], day, "lasting_failures", len(bad)


def mixes(build: Build, case: tuple[int, str], first: int, builds: list[Build], day: date) -> bool:
    passes = build.passes(case, after=first)
    passes += [when for other in siblings(build, builds) for when in other.passes(case)]
    return any(when <= day for when in passes)


def flips(build: Build, case: tuple[int, str], builds: list[Build], day: date) -> bool:
    pair = neighbours(build, builds)
    if not pair:
        return False
    passes = [other.passes(case) for other in pair]
    return all(passes) and max(min(passes[0]), min(passes[1])) <= day


REPOSITORY = [{"project_id": "shop", "repository_id": "shop-git", "default_branch": "main"}]
EVIDENCE = ("trials", "flakes", "lasting_failures", "flips")
WORDS = st.lists(st.sampled_from(["passed", "passed", "failed", "error", "skipped"]), max_size=3)


CASES = st.tuples(st.integers(1, 2), st.sampled_from(["", "w"]))


@st.composite
def histories(draw: st.DrawFn) -> list[Build]:
    """Draw up to nine builds in three weeks: reruns, branches, outages, nights, matrix cells."""
    cell = st.tuples(
        st.sampled_from("xy"), st.sampled_from(["main", "feature", None]),
        st.sampled_from(["c1", "c2", "c3", None]), st.integers(0, 20 * 24),
        st.booleans(), st.integers(0, 9),
        st.dictionaries(CASES, WORDS, max_size=3),
    )  # fmt: skip
    builds: list[Build] = []
    for number, drawn in enumerate(draw(st.lists(cell, max_size=9)), start=1):
        pipeline, branch, commit, hour, again, ill, results = drawn
        when = at(0) + timedelta(hours=hour, minutes=59, seconds=45)
        words = {case: tuple(given) for case, given in results.items() if given}
        build = Build("", pipeline, number, 1, branch, commit, when, ill == 0, words)
        if again and builds and builds[-1].attempt == 1:
            first = builds[-1]
            build = replace(
                first, attempt=2, at=first.at + timedelta(hours=hour % 200), results=words
            )
        builds.append(replace(build, name=f"{build.pipeline}#{build.number}@{build.attempt}"))
    return [build for build in builds if build.results]


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'; create schema core; create schema marts")
    yield connection
    connection.close()


def load(engine: duckdb.DuckDBPyConnection, builds: list[Build]) -> None:
    """Put a history into the engine as core tables and the marts that test_daily reads."""
    results = [
        {
            "project_id": "shop", "build_id": b.name, "test_id": test, "attempt": nth,
            "day": when.date(), "status": word, "duration_s": 1.0, "started_at": when,
            "environment": cell,
        }
        for b in builds
        for (test, cell), nth, word, when in b.attempts()
    ]  # fmt: skip
    rows = [
        {
            "project_id": "shop", "build_id": b.name, "pipeline_id": b.pipeline, "branch": b.branch,
            "number": b.number, "attempt": b.attempt, "commit_sha": b.commit, "queued_at": b.at,
            "day": b.at.date(),
        }
        for b in builds
    ]  # fmt: skip
    totals = [
        {
            "project_id": "shop", "build_id": b.name, "day": b.day, "is_outage": b.is_outage,
            "has_retries": b.has_retries,
        }
        for b in builds
    ]  # fmt: skip
    kinds = {
        "project_id": pl.String, "build_id": pl.String, "day": pl.Date, "is_outage": pl.Boolean,
        "has_retries": pl.Boolean,
    }  # fmt: skip
    put(engine, "core.test_results", framed(schema.TEST_RESULTS, results))
    put(engine, "core.builds", framed(schema.BUILDS, rows))
    put(engine, "core.repositories", framed(schema.REPOSITORIES, REPOSITORY))
    put(engine, "marts.build_tests", pl.DataFrame(totals, schema=kinds))
    branches = (FOLDER / "main_branches.sql").read_text()
    engine.execute(f"create or replace table marts.main_branches as {branches}")


def framed(spec: schema.Table, rows: Rows) -> pl.DataFrame:
    return schema.conform(spec, pl.DataFrame(rows, infer_schema_length=None))


def put(engine: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    engine.register("incoming", frame.to_arrow())
    engine.execute(f"create or replace table {table} as select * from incoming")
    engine.unregister("incoming")


def mart(engine: duckdb.DuckDBPyConnection, days: list[date]) -> pl.DataFrame:
    """Return the mart's rows of the days, sorted."""
    engine.execute("create or replace temp table changed (day date primary key)")
    engine.execute("insert into changed select unnest(?::date[])", [days])
    sql = (FOLDER / "test_daily.sql").read_text()
    return engine.sql(sql).pl().sort("test_id", "day")


SPAN = [(at(0) + timedelta(days=n)).date() for n in range(40)]


@settings(max_examples=60, deadline=None)
@given(builds=histories())
def test_evidence_is_that_of_a_plain_reference(
    engine: duckdb.DuckDBPyConnection, builds: list[Build]
) -> None:
    load(engine, builds)
    found = {
        (row["test_id"], row["day"]): {name: row[name] for name in EVIDENCE}
        for row in mart(engine, SPAN).to_dicts()
        if any(row[name] for name in EVIDENCE)
    }
    assert found == reference(builds)


@settings(max_examples=15, deadline=None)
@given(builds=histories(), day=st.sampled_from(SPAN[:25]))
def test_a_day_alone_gives_the_rows_of_the_whole(
    engine: duckdb.DuckDBPyConnection, builds: list[Build], day: date
) -> None:
    load(engine, builds)
    whole = mart(engine, SPAN).filter(pl.col("day") == day)
    assert mart(engine, [day]).equals(whole)


@settings(max_examples=15, deadline=None)
@given(builds=histories(), day=st.sampled_from(SPAN[:25]))
def test_a_row_knows_nothing_of_later_days(
    engine: duckdb.DuckDBPyConnection, builds: list[Build], day: date
) -> None:
    until = datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=1)
    past = [build for build in builds if build.at + timedelta(minutes=2) < until]
    load(engine, builds)
    after = mart(engine, [one for one in SPAN if one < day])
    load(engine, past)
    assert mart(engine, [one for one in SPAN if one < day]).equals(after)
