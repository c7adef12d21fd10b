"""Stages, test reports and logs: fetched once, for the builds that have them, in few requests."""

from __future__ import annotations

import json
from collections.abc import Callable

import polars as pl
import pytest
from jenkins_reader import Reader
from jenkins_server import T0, TESTS, Jenkins, Job, build, pipeline_build

from golive_core.errors import SourceUnreachableError
from ingest.jenkins.state import State

Make = Callable[..., Reader]


def run(number: int, *stages: tuple[str, str]) -> dict:
    """Return what wfapi tells of a build."""
    return {
        "id": str(number), "name": f"#{number}", "status": "SUCCESS",
        "stages": [
            {
                "id": str(place), "name": name, "status": status,
                "startTimeMillis": T0 + number * 60_000 + place * 1000, "durationMillis": 500,
            }
            for place, (name, status) in enumerate(stages)
        ],
    }  # fmt: skip


def report(*cases: dict) -> dict:
    return {
        "_class": "hudson.tasks.junit.TestResult",
        "suites": [{"name": "unit", "cases": list(cases)}],
    }


def case(name: str, status: str = "PASSED", **more: object) -> dict:
    return {"className": "shop.Cart", "name": name, "status": status, "duration": 0.25, **more}


def staged(fake: Jenkins, count: int) -> Job:
    job = fake.job("shop", *(pipeline_build(n) for n in range(1, count + 1)))
    job.stages = {
        n: run(n, ("build", "SUCCESS"), ("test", "UNSTABLE")) for n in range(1, count + 1)
    }
    return job


def test_stages_of_the_newest_builds_come_in_one_request(fake: Jenkins, reader: Make) -> None:
    staged(fake, 8)
    ci = reader()
    ci.pull()
    stages = ci.core()["core.stages"]
    assert stages.height == 16
    assert stages["build_id"].n_unique() == 8
    assert len(fake.asked("wfapi/runs")) == 1
    assert not fake.asked("wfapi/describe")
    assert ci.pull() == 0
    assert ci.requests == 1


def test_stages_of_older_builds_come_one_by_one_up_to_the_limit(
    fake: Jenkins, reader: Make
) -> None:
    staged(fake, 40)
    ci = reader(newest=25)
    ci.pull()
    built = ci.core()["core.stages"]["build_id"].unique().to_list()
    assert sorted(int(one.partition("#")[2]) for one in built) == list(range(16, 41))
    assert len(fake.asked("wfapi/describe")) == 15


def test_a_stage_has_status_place_and_time(fake: Jenkins, reader: Make) -> None:
    staged(fake, 1)
    ci = reader()
    ci.pull()
    first, second = ci.core()["core.stages"].sort("ordinal").iter_rows(named=True)
    assert (first["name"], first["status"], first["duration_s"]) == ("build", "passed", 0.5)
    assert (second["name"], second["status"], second["ordinal"]) == ("test", "failed", 1)
    assert first["day"] == ci.builds()["day"][0]


def test_a_jenkins_without_the_stage_plugin_is_no_error(fake: Jenkins, reader: Make) -> None:
    fake.job("shop", *(pipeline_build(n) for n in range(1, 4)))
    ci = reader()
    ci.pull()
    assert ci.error is None
    assert ci.pull() == 0
    assert ci.requests == 1


def test_reports_are_fetched_only_for_builds_that_have_one(fake: Jenkins, reader: Make) -> None:
    job = fake.job("shop", build(1, actions=[TESTS]), build(2), build(3, actions=[TESTS]))
    job.tests = {1: report(case("adds"), case("pays")), 3: report(case("adds", "FAILED"))}
    ci = reader(logs="none")
    ci.pull()
    assert len(fake.asked("testReport")) == 2
    results = ci.core()["core.test_results"].sort("build_id", "test_id")
    assert results["build_id"].to_list() == ["ci:shop#1", "ci:shop#1", "ci:shop#3"]
    assert results["commit_sha"].to_list()[0] == f"{1:040x}"
    assert set(results["branch"]) == {"main"}
    assert ci.core()["core.tests"].unique("test_id").height == 2


def test_retries_of_surefire_are_attempts_in_order(fake: Jenkins, reader: Make) -> None:
    job = fake.job("shop", build(1, actions=[TESTS]))
    told = {"message": "boom", "type": "java.io.IOException", "stackTrace": "at x"}
    job.tests[1] = report(
        case("flaky", flakyFailures=[{"_class": "f"}, told], rerunFailures=[]),
        case("broken", "REGRESSION", errorDetails="no", errorStackTrace="java.lang.Error: no",
             rerunFailures=[told]),
        case("fixed", "FIXED"), case("left out", "SKIPPED", skippedMessage="on Mondays"),
    )  # fmt: skip
    ci = reader(logs="none")
    ci.pull()
    core = ci.core()
    names = core["core.tests"].select("test_id", "name")
    rows = core["core.test_results"].join(names, on="test_id").sort("name", "attempt")
    seen = rows.group_by("name", maintain_order=True).agg("status", "attempt")
    assert dict(seen.select("name", "status").iter_rows()) == {
        "broken": ["failed", "failed"], "fixed": ["passed"],
        "flaky": ["failed", "failed", "passed"], "left out": ["skipped"],
    }  # fmt: skip
    assert set(core["core.failures"]["type"]) == {None, "java.io.IOException", "java.lang.Error"}


def test_one_test_in_two_branches_of_a_pipeline_is_no_retry(fake: Jenkins, reader: Make) -> None:
    job = fake.job("shop", pipeline_build(1, actions=[TESTS]))
    suites = [
        {"name": "unit", "enclosingBlockNames": [place, "Test"], "cases": [case("adds", status)]}
        for place, status in (("linux", "PASSED"), ("mac", "FAILED"))
    ]
    job.tests[1] = {"suites": suites}
    ci = reader(logs="none")
    ci.pull()
    rows = ci.core()["core.test_results"].sort("environment")
    assert rows["environment"].to_list() == ["Test / linux", "Test / mac"]
    assert rows["attempt"].to_list() == [1, 1]


def test_a_matrix_has_its_cells_as_stages_and_environments(fake: Jenkins, reader: Make) -> None:
    def cell(name: str, number: int) -> dict:
        url = f"https://ci.example.org/job/matrix/{name}/{number}/"
        return {"number": number, "url": url, "result": "SUCCESS", "timestamp": T0, "duration": 5}

    runs = [cell("JDK=17", 2), cell("JDK=21", 2), cell("JDK=8", 1)]
    job = fake.job(
        "matrix", build(2, _class="hudson.matrix.MatrixBuild", runs=runs, actions=[TESTS])
    )
    job.tests[2] = {
        "childReports": [
            {"child": {"number": 2, "url": one["url"]}, "result": report(case("adds"))}
            for one in runs[:2]
        ]
    }
    ci = reader()
    ci.pull()
    assert ci.core()["core.stages"]["name"].to_list() == ["JDK=17", "JDK=21"]
    assert set(ci.core()["core.test_results"]["environment"]) == {"JDK=17", "JDK=21"}


def test_a_report_that_is_none_is_rejected_and_the_others_stay(fake: Jenkins, reader: Make) -> None:
    job = fake.job("shop", *(build(n, actions=[TESTS]) for n in range(1, 5)))
    job.tests = {
        1: report(case("adds")), 2: {"suites": [{"cases": "none"}]},
        3: report(case("pays", duration="long")), 4: report(case("ships")),
    }  # fmt: skip
    ci = reader(logs="none")
    ci.pull()
    core = ci.core()
    assert set(core["core.test_results"]["build_id"]) == {"ci:shop#1", "ci:shop#4"}
    assert len(ci.rejects) == 2
    assert all("not what jenkins should say" in one.reason for one in ci.rejects)


def test_logs_of_failed_builds_alone_are_read_by_default(fake: Jenkins, reader: Make) -> None:
    job = fake.job("shop", build(1, "FAILURE"), build(2), build(3, "UNSTABLE"))
    job.logs = {1: b"Started\nERROR: boom\n", 2: b"fine\n", 3: b"[WARN] odd\n"}
    ci = reader()
    ci.pull()
    lines = ci.core()["core.log_lines"].sort("build_id", "line")
    assert lines.select("build_id", "line", "level", "message").rows() == [
        ("ci:shop#1", 1, None, "Started"),
        ("ci:shop#1", 2, "error", "ERROR: boom"),
        ("ci:shop#3", 1, "warning", "[WARN] odd"),
    ]
    assert ci.pull() == 0
    assert ci.requests == 1


@pytest.mark.parametrize(("logs", "count"), [("none", 0), ("failed", 1), ("all", 2)])
def test_which_logs_are_read_is_an_option(
    fake: Jenkins, reader: Make, logs: str, count: int
) -> None:
    job = fake.job("shop", build(1, "FAILURE"), build(2))
    job.logs = {1: b"a\n", 2: b"b\n"}
    reader(logs=logs).pull()
    assert len(fake.asked("progressiveText")) == count


def test_a_log_that_grows_is_read_on_from_where_it_was(fake: Jenkins, reader: Make) -> None:
    job = fake.job("shop", build(1, None))
    job.logs[1], job.growing = b"one\ntwo\nthr", {1}
    ci = reader(logs="all")
    ci.pull()
    job.logs[1] += b"ee\nfour\n"
    ci.pull()
    job.logs[1] += b"five"
    job.growing, _ = set(), job.finish(1)
    ci.pull()
    lines = ci.core()["core.log_lines"].sort("line")
    assert lines["message"].to_list() == ["one", "two", "three", "four", "five"]
    assert lines["line"].to_list() == [1, 2, 3, 4, 5]
    starts = [path.rpartition("=")[2] for path in fake.asked("progressiveText")]
    assert starts == ["0", "11", "19"]
    assert ci.pull() == 0
    assert ci.requests == 1


def test_of_a_long_log_both_ends_are_kept(fake: Jenkins, reader: Make) -> None:
    job = fake.job("shop", build(1, "FAILURE"))
    job.logs[1] = b"".join(b"line %06d\n" % number for number in range(20_000))
    ci = reader(log_kib=16)
    ci.pull()
    lines = ci.core()["core.log_lines"].sort("line")
    assert lines["message"].to_list()[0] == "line 000000"
    assert lines["message"].to_list()[-1] == "line 019999"
    assert lines["line"].n_unique() == lines.height
    assert 16 * 1024 < lines["message"].str.len_bytes().sum() < 25 * 1024
    assert all(len(text) == len("line 000000") for text in lines["message"])


def test_a_detail_that_fails_is_tried_again_and_given_up_in_the_end(
    fake: Jenkins, reader: Make
) -> None:
    job = fake.job("shop", build(1, actions=[TESTS]), build(2, actions=[TESTS]))
    job.tests = {1: report(case("adds")), 2: report(case("pays"))}
    fake.fault("1/testReport", "500", times=1000)
    ci = reader(logs="none")
    ci.pull()
    assert isinstance(ci.error, SourceUnreachableError)
    assert ci.builds().height == 2
    assert set(ci.core()["core.test_results"]["build_id"]) == {"ci:shop#2"}
    for _ in range(4):
        ci.pull()
        assert ci.error
    assert ci.pull() == 0
    assert ci.error is None
    assert ci.requests == 1


def test_details_that_all_fail_stop_no_other_job(fake: Jenkins, reader: Make) -> None:
    for name in ("a", "b"):
        fake.job(name, *(build(n, actions=[TESTS]) for n in range(1, 31)))
    fake.fault("job/a/", "500", times=0)
    fake.fault("testReport", "400", times=1000)
    ci = reader(logs="none")
    ci.pull()
    assert set(ci.builds()["pipeline_id"]) == {"ci:a", "ci:b"}
    assert len(fake.asked("testReport")) < 20


def test_owed_details_outlive_a_kill(fake: Jenkins, reader: Make) -> None:
    job = fake.job("shop", *(build(n, "FAILURE") for n in range(1, 6)))
    job.logs = dict.fromkeys(range(1, 6), b"boom\n")
    fake.fault("progressiveText", "400", times=1000)
    ci = reader()
    ci.pull()
    fake.faults.clear()
    ci.cursor = json.loads(json.dumps(ci.cursor))
    ci.pull()
    assert ci.core()["core.log_lines"].height == 5


def test_the_cursor_is_plain_json_and_reads_back_the_same(fake: Jenkins, reader: Make) -> None:
    fake.job("shop", *(build(n, "FAILURE") for n in range(1, 6)), build(6, None))
    fake.fault("progressiveText", "400", times=1000)
    ci = reader()
    ci.pull()
    assert State.of_json(json.loads(json.dumps(ci.cursor))).to_json() == ci.cursor
    assert "parameters" not in json.dumps(ci.cursor)


def test_every_row_fits_its_table(fake: Jenkins, reader: Make) -> None:
    from golive_core import schema

    job = staged(fake, 3)
    kept = [{"relativePath": "dist/shop.zip"}]
    job.add(pipeline_build(4, "FAILURE", actions=[TESTS], artifacts=kept))
    job.tests[4], job.logs[4] = report(case("adds", "FAILED", errorDetails="no")), b"boom\n"
    ci = reader()
    ci.pull()
    core = ci.core()
    assert set(core) == set(ci.source.streams[0].tables)
    for name, frame in core.items():
        spec = schema.find(name)
        rows = schema.conform(spec, frame)
        assert rows.unique(list(spec.key)).height == rows.height
        if "day" in rows.columns:
            assert rows.filter(pl.col("day").is_null()).is_empty()
