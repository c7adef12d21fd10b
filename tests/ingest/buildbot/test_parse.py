"""Single answers of Buildbot to rows: results, reasons, revisions, properties, logs, ranges."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.parse import buildbot
from ingest.source import Context, Instance, Parsed, Unit
from ingest.sources.buildbot import GAP, LINES, Buildbot, ranges, spans

OPTIONS = {"url": "https://bb.example.org/"}
Json = dict[str, Any]


def build(**more: object) -> Json:
    return {
        "buildid": 7, "number": 3, "builderid": 1, "buildrequestid": 9, "started_at": 1_760_000_100,
        "complete": True, "complete_at": 1_760_000_160, "results": 0,
        "state_string": "build successful", "properties": {"buildername": ["shop", "Builder"]},
        **more,
    }  # fmt: skip


def stamp(**more: object) -> Json:
    return {"codebase": "", "branch": None, "revision": None, "repository": "", **more}


def parsed(kind: str, value: object, options: Json | None = None, **context: object) -> Parsed:
    instance = Instance("bb", "buildbot", "shop", options or OPTIONS)
    raw = pl.DataFrame(
        [{"payload_id": "p", "uri": "u", "body": json.dumps(value).encode(),
          "context": json.dumps({"kind": kind, **context})}]
    )  # fmt: skip
    source = Buildbot(instance, Context(Path(), Path()))
    return next(iter(source.parse(Unit("builds", raw, {"kind": kind}))))


def row(one: Json, options: Json | None = None, **buildset: object) -> Json:
    told = {
        "builds": [one],
        "buildrequests": [
            {"buildrequestid": 9, "buildsetid": 4, "submitted_at": 1_760_000_090, "builderid": 1}
        ],
        "buildsets": [{"bsid": 4, "reason": "", "sourcestamps": [stamp()], **buildset}],
    }
    found = parsed("builds", told, options)
    assert not found.rejects
    return found.tables["core.builds"].row(0, named=True)


@pytest.mark.parametrize(
    ("results", "status", "note"),
    [
        (0, "passed", None), (1, "passed", "warnings: 3 of them"), (2, "failed", "3 of them"),
        (3, "skipped", "3 of them"), (4, "error", "3 of them"), (5, "error", "3 of them"),
        (6, "cancelled", "3 of them"), (99, "error", "3 of them"),
    ],
)  # fmt: skip
def test_results_are_statuses_and_what_buildbot_says_is_the_note(
    results: int, status: str, note: str | None
) -> None:
    found = row(build(results=results, state_string="3 of them"))
    assert (found["status"], found["note"]) == (status, note)


def test_a_build_that_runs_has_no_end_and_no_note() -> None:
    found = row(build(complete=False, complete_at=None, results=None, state_string="compiling"))
    assert (found["status"], found["note"], found["finished_at"]) == ("running", None, None)


def test_times_are_those_of_the_request_and_of_the_build() -> None:
    found = row(build())
    assert (found["queue_s"], found["duration_s"]) == (10, 60)
    assert found["day"] == found["queued_at"].date()
    assert row(build(complete_at=1_760_000_000))["duration_s"] is None
    assert found["url"] == "https://bb.example.org/#/builders/1/builds/3"


@pytest.mark.parametrize(
    ("reason", "more", "trigger"),
    [
        ("The SingleBranchScheduler scheduler named 'x' triggered this build", {}, "push"),
        ("The AnyBranchScheduler scheduler named 'x' triggered this build",
         {"sourcestamps": [stamp(branch="refs/pull/7/merge")]}, "pull_request"),
        ("The Nightly scheduler named 'x' triggered this build", {}, "schedule"),
        ("The Periodic scheduler named 'x' triggered this build", {}, "schedule"),
        ("The Triggerable scheduler named 'x' triggered this build", {}, "upstream"),
        ("downstream", {}, "upstream"), ("whatever", {"parent_buildid": 3}, "upstream"),
        ("A build was forced by 'ann': now", {}, "manual"),
        ("whatever", {"rebuilt_buildid": 3}, "manual"), ("'try' job by user ann", {}, "manual"),
        ("of somebody's own", {}, "other"),
    ],
)  # fmt: skip
def test_the_reason_is_a_trigger(reason: str, more: Json, trigger: str) -> None:
    assert row(build(), reason=reason, **more)["trigger"] == trigger


def with_properties(**given: object) -> Json:
    one = build()
    one["properties"] |= {name: [value, "Build"] for name, value in given.items()}
    return one


def test_who_began_it_is_the_owner_else_the_scheduler() -> None:
    assert row(with_properties(owners=["ann", "bob"]))["triggered_by"] == "ann"
    assert row(with_properties(scheduler="nightly"))["triggered_by"] == "nightly"


def test_what_was_checked_out_counts_before_what_was_asked_for() -> None:
    stamps = [stamp(revision="a" * 40, branch="refs/heads/main")]
    assert row(build(), sourcestamps=stamps)["commit_sha"] == "a" * 40
    got = with_properties(got_revision="b" * 40)
    found = row(got, sourcestamps=stamps)
    assert (found["commit_sha"], found["branch"]) == ("b" * 40, "main")
    assert row(build(), sourcestamps=[stamp(revision="", branch="")])["commit_sha"] is None


def test_of_several_codebases_that_of_the_repository_counts() -> None:
    stamps = [
        stamp(codebase="app", revision="a" * 40, repository="https://git.example.org/app.git"),
        stamp(codebase="lib", revision="b" * 40, repository="https://git.example.org/lib.git"),
    ]
    assert row(build(), sourcestamps=stamps)["commit_sha"] == "a" * 40
    options = {**OPTIONS, "repository": "lib.git"}
    assert row(build(), options, sourcestamps=stamps)["commit_sha"] == "b" * 40
    got = with_properties(got_revision={"app": "c" * 40, "lib": "d" * 40})
    assert row(got, options, sourcestamps=stamps)["commit_sha"] == "d" * 40


def test_properties_that_are_not_buildbots_own_are_parameters_without_secrets() -> None:
    one = with_properties(scheduler="x", region="eu", deploy_token="hunter2", count=3)
    found = json.loads(row(one)["parameters"])
    assert found == {"region": "eu", "deploy_token": "***", "count": 3}
    assert row(build())["parameters"] is None


def test_builders_that_are_not_included_are_left_out() -> None:
    options = {**OPTIONS, "include": ["shop*"], "exclude": ["*-old"]}
    names = [{"builderid": n, "name": name, "masterids": [1]}
             for n, name in enumerate(("shop", "shop-old", "other"))]  # fmt: skip
    found = parsed("builders", {"builders": names}, options).tables["core.pipelines"]
    assert found["name"].to_list() == ["shop"]


def test_a_step_without_an_end_in_an_ended_build_is_an_error() -> None:
    step = {"number": 0, "name": "x", "started_at": 5, "complete": False, "complete_at": None,
            "results": None}  # fmt: skip
    never = {**step, "number": 1, "started_at": None}
    rows = parsed("steps", {"steps": [step, never]}, build="bb:shop#3", queued=1).tables
    assert rows["core.stages"]["status"].to_list() == ["error", "skipped"]


def lines(kind: str, content: str, first: int = 0) -> pl.DataFrame:
    told = {"logchunks": [{"logid": 1, "firstline": first, "content": content}]}
    context = {"build": "b", "service": "s", "at": 1_760_000_000, "type": kind}
    return parsed("log", told, **context).tables["core.log_lines"]


def test_lines_of_a_step_have_their_stream_and_number() -> None:
    found = lines("s", "hset FAILURE=error\noran\nefatal: no\n\x1b[31mx\n", first=40)
    assert found["message"].to_list() == ["set FAILURE=error", "ran", "fatal: no", "[31mx"]
    streams = found["attributes"].str.json_path_match("$.stream").to_list()
    assert streams == ["header", "stdout", "stderr", None]
    assert found["level"].to_list() == [None, None, "error", None]
    assert found["line"].to_list() == [41, 42, 43, 44]


def test_lines_of_a_plain_log_are_whole() -> None:
    found = lines("t", "one\n\x1b[31mERROR\x1b[0m\n")
    assert found["message"].to_list() == ["one", "ERROR"]
    assert found["attributes"].null_count() == 2


def test_a_report_is_read_with_and_without_marks_and_rejected_if_it_is_none() -> None:
    xml = '<testsuite name="s">\n<testcase name="adds" time="1"/>\n</testsuite>\n'
    marked = "hcat\n" + "".join(f"o{line}\n" for line in xml.splitlines())
    context = {
        "build": "b", "at": 1_760_000_000, "ended": 1_760_000_060, "commit": None, "branch": None,
    }  # fmt: skip
    for text in (xml, marked):
        chunk = {"logchunks": [{"content": text}]}
        assert parsed("report", chunk, **context).tables["core.test_results"].height == 1
    broken = parsed("report", {"logchunks": [{"content": xml[:30]}]}, **context)
    assert not broken.tables
    assert broken.rejects


def test_a_long_log_is_asked_for_at_both_ends() -> None:
    assert list(ranges(5, 10)) == [(0, 5)]
    assert list(ranges(LINES + 1, 10_000)) == [(0, LINES), (LINES, LINES + 1)]
    assert list(ranges(1000, 10)) == [(0, 5), (995, 1000)]


@settings(deadline=None)
@given(st.sets(st.integers(0, 5000), max_size=50))
def test_ranges_of_ids_hold_them_all_and_little_else(ids: set[int]) -> None:
    found = list(spans(ids))
    assert all(any(low <= one <= high for low, high in found) for one in ids)
    assert all(low in ids and high in ids for low, high in found)
    assert all(one[1] + GAP < other[0] for one, other in pairwise(found))


NOISE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["builds", "steps", "logchunks", "workers", "name", "buildrequests"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(buildbot.PARSERS)), NOISE)
def test_json_of_any_shape_is_rows_or_a_reject_never_a_crash(kind: str, value: object) -> None:
    context = {"build": "b", "service": "s", "at": 1, "type": "s", "queued": 1, "ended": 2,
               "commit": None, "branch": None}  # fmt: skip
    found = parsed(kind, value, **context)
    assert found.tables or found.rejects
