"""A simulated history is believable, consistent with the schema, and true to its ground truth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from golive_core import schema
from golive_core.errors import UsageError
from golive_core.ids import content_id
from models import simulate
from models.simulate import Shape, Simulation, World

END = datetime(2026, 3, 20, 15, tzinfo=UTC)
SIZES = {"builds": 160, "tests": 240, "days": 20, "end": END}
STILL = Shape(drift=False, group_share=0.0, outages=0.0, regressions=0.0, rate_low=0.05)


@pytest.fixture(scope="module")
def plan() -> World:
    return simulate.world(seed=3, **SIZES, shape=Shape(outages=3, regressions=8))


@pytest.fixture(scope="module")
def history(plan: World) -> Simulation:
    return Simulation(simulate.joined(simulate.parts(plan)), plan.truth())


@pytest.fixture(scope="module")
def still() -> Simulation:
    """A history of flaky tests and noise alone, whose rates do not move."""
    return simulate.simulate(seed=5, builds=400, tests=200, days=20, end=END, shape=STILL)


def failed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("status").is_in(["failed", "error"]))


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    first, again, other = (simulate.simulate(seed=seed, **SIZES) for seed in (1, 1, 2))
    assert all(first.tables[name].equals(again.tables[name]) for name in first.tables)
    assert all(first.truth[name].equals(again.truth[name]) for name in first.truth)
    assert not first.tables["core.test_results"].equals(other.tables["core.test_results"])


def test_parts_hold_the_rows_of_the_whole(history: Simulation) -> None:
    world = simulate.world(seed=3, **SIZES, shape=Shape(outages=3, regressions=8))
    parts = simulate.joined(simulate.parts(world, builds_per_part=7))
    assert all(parts[name].equals(frame) for name, frame in history.tables.items())


def test_every_table_is_as_the_schema_says_and_its_keys_are_unique(history: Simulation) -> None:
    for name, frame in history.tables.items():
        spec = schema.find(name)
        assert frame.schema == spec.schema, name
        assert not frame.select(spec.key).is_duplicated().any(), name
        never = [key for key in spec.key if (name, key) != ("core.log_lines", "build_id")]
        assert frame.select(never).null_count().sum_horizontal().item() == 0, name


@pytest.mark.parametrize(
    ("table", "column", "target", "key"),
    [
        ("core.test_results", "build_id", "core.builds", "build_id"),
        ("core.test_results", "test_id", "core.tests", "test_id"),
        ("core.test_results", "failure_id", "core.failures", "failure_id"),
        ("core.builds", "pipeline_id", "core.pipelines", "pipeline_id"),
        ("core.builds", "commit_sha", "core.commits", "sha"),
        ("core.stages", "build_id", "core.builds", "build_id"),
        ("core.artifacts", "build_id", "core.builds", "build_id"),
        ("core.code_measures", "commit_sha", "core.commits", "sha"),
        ("core.commit_files", "sha", "core.commits", "sha"),
        ("core.branches", "head_sha", "core.commits", "sha"),
    ],
)
def test_nothing_refers_to_what_is_not_there(
    history: Simulation, table: str, column: str, target: str, key: str
) -> None:
    referred = set(history.tables[table][column].drop_nulls())
    assert referred <= set(history.tables[target][key])


def test_ids_are_those_that_reports_of_the_same_tests_would_get(history: Simulation) -> None:
    row = history.tables["core.tests"].row(0, named=True)
    words = (row[name] for name in ("project_id", "suite", "class_name", "name", "parameters"))
    assert row["test_id"] == content_id(*words)


def test_first_and_last_seen_are_those_of_the_results(history: Simulation) -> None:
    seen = (
        history.tables["core.test_results"]
        .group_by("test_id")
        .agg(first=pl.col("started_at").min(), last=pl.col("started_at").max())
    )
    both = history.tables["core.tests"].join(seen, on="test_id")
    assert both["first_seen_at"].equals(both["first"])
    assert both["last_seen_at"].equals(both["last"])


def test_results_carry_commit_branch_and_day_of_their_build(history: Simulation) -> None:
    both = history.tables["core.test_results"].join(
        history.tables["core.builds"], on="build_id", suffix="_build"
    )
    assert both.filter(pl.col("commit_sha") != pl.col("commit_sha_build")).is_empty()
    assert both.filter(pl.col("branch") != pl.col("branch_build")).is_empty()
    assert both.filter(pl.col("started_at").dt.date() != pl.col("day")).is_empty()
    assert both.filter(pl.col("started_at") > pl.col("finished_at")).is_empty()


def test_packages_come_of_good_builds_only_and_coverage_of_files_that_commits_touch(
    history: Simulation,
) -> None:
    kept = history.tables["core.artifacts"].join(history.tables["core.builds"], on="build_id")
    packages = kept.filter(pl.col("path").str.starts_with("dist/"))
    assert set(packages["status"]) == {"passed"}
    assert set(kept["status"]) == {"passed", "failed"}
    files = history.tables["core.code_measures"].filter(pl.col("kind") == "file")
    assert set(history.tables["core.commit_files"]["path"]) <= set(files["component"])
    covered = files.filter(pl.col("metric") != "complexity")
    assert covered["value"].is_between(0, 1).all()
    assert files["day"].n_unique() >= 3


def test_a_build_failed_if_a_test_did_in_its_last_attempt(history: Simulation) -> None:
    last = (
        history.tables["core.test_results"]
        .sort("attempt")
        .group_by("build_id", "test_id")
        .agg(pl.col("status").last())
    )
    bad = set(failed(last)["build_id"])
    ran = history.tables["core.builds"].filter(pl.col("status").is_in(["passed", "failed"]))
    assert set(ran.filter(pl.col("status") == "failed")["build_id"]) == bad


def test_builds_lie_in_the_span_and_a_quarter_runs_a_commit_again(history: Simulation) -> None:
    builds = history.tables["core.builds"]
    assert builds.height == SIZES["builds"]
    assert builds["queued_at"].min() >= END - timedelta(days=21)
    assert builds["queued_at"].max() < END
    again = builds.filter(pl.col("attempt") == 2)
    assert again.height == 40
    first = builds.filter(pl.col("attempt") == 1)
    both = again.join(first, on=["pipeline_id", "number"], suffix="_first")
    assert both.height == again.height
    assert both["commit_sha"].equals(both["commit_sha_first"])


def test_failures_dedupe_and_signatures_group_those_that_differ_in_numbers(
    history: Simulation,
) -> None:
    failures = history.tables["core.failures"]
    assert failures.height < failed(history.tables["core.test_results"]).height / 3
    assert failures["signature_id"].n_unique() < failures.height


def test_flaky_tests_fail_at_their_rates(still: Simulation) -> None:
    first = still.tables["core.test_results"].filter(pl.col("attempt") == 1)
    flaky = first.join(still.truth["tests"].filter("is_flaky"), on="test_id").filter(
        pl.col("status") != "skipped"
    )
    seen = flaky.group_by("test_id").agg(
        pl.len(), pl.col("flake_rate").first(), bad=pl.col("failure_id").is_not_null().sum()
    )
    spread = (seen["len"] * seen["flake_rate"] * (1 - seen["flake_rate"])).sqrt()
    away = ((seen["bad"] - seen["len"] * seen["flake_rate"]) / spread).abs()
    assert seen.height >= 4
    assert away.max() < 4


def test_healthy_tests_fail_only_by_the_background_noise(still: Simulation) -> None:
    healthy = still.tables["core.test_results"].join(
        still.truth["tests"].filter(~pl.col("is_flaky")), on="test_id"
    )
    rate = failed(healthy).height / healthy.height
    assert 0.0003 < rate < 0.0008


def test_a_regression_fails_every_attempt_from_its_commit_to_its_fix(
    plan: World, history: Simulation
) -> None:
    ids = plan.suite.frame["test_id"]
    results = history.tables["core.test_results"]
    for item in plan.regressions:
        shas = [plan.history.commits[index].sha for index in item.commits]
        hit = results.filter(
            pl.col("commit_sha").is_in(shas),
            pl.col("test_id").is_in(ids.gather(item.tests.tolist()).to_list()),
            pl.col("status") != "skipped",
        )
        assert failed(hit).height == hit.height


def test_regressions_begin_at_one_commit_and_those_on_main_stay_on_main_until_fixed(
    plan: World, history: Simulation
) -> None:
    position = {commit.sha: commit.position for commit in plan.history.commits}
    truth = history.truth["regressions"].filter(branch="main").unique("regression_id")
    for item, sha, fixed in truth.select(
        "regression_id", "introduced_sha", "fixed_sha"
    ).iter_rows():
        inside = {plan.history.commits[i].position for i in plan.regressions[item].commits}
        assert min(inside) == position[sha]
        assert fixed is None or max(inside) < position[fixed]


def test_the_newest_regression_on_main_is_not_fixed(history: Simulation) -> None:
    still = history.truth["regressions"].filter(pl.col("fixed_sha").is_null(), branch="main")
    assert still.height > 0


def test_an_outage_fails_many_unrelated_tests_of_its_builds(
    plan: World, history: Simulation
) -> None:
    shares = (
        failed(history.tables["core.test_results"])
        .group_by("build_id")
        .agg(bad=pl.col("test_id").n_unique(), classes=pl.lit(1))
    )
    usual = shares["bad"].median()
    for item in plan.outages:
        expected = item.share * len(item.tests)
        for index in item.runs:
            run = plan.history.runs[index]
            again = "@2" if run.attempt > 1 else ""
            build = f"demo:{run.pipeline}#{run.number}{again}"
            bad = shares.filter(build_id=build)["bad"]
            assert bad.is_empty() or bad.item() > max(usual, 0.5 * expected)


def test_members_of_a_co_flaky_group_fail_together() -> None:
    shape = Shape(group_share=1.0, rate_low=0.1, outages=0.0, regressions=0.0, drift=False)
    found = simulate.simulate(seed=2, builds=300, tests=300, days=20, end=END, shape=shape)
    pair = found.truth["tests"].filter(co_flaky_group=0)["test_id"].to_list()[:2]
    first = found.tables["core.test_results"].filter(attempt=1)
    marks = [
        first.filter(test_id=test).select("build_id", bad=pl.col("failure_id").is_not_null())
        for test in pair
    ]
    both = marks[0].join(marks[1], on="build_id")
    rate, together = both["bad"].mean(), both.filter(pl.col("bad") & pl.col("bad_right")).height
    assert together / both["bad"].sum() > 3 * rate


def test_drift_moves_rates_and_truth_tells_the_rate_at_the_end() -> None:
    world = simulate.world(seed=4, builds=100, tests=2000, days=20, end=END)
    truth = world.truth()["tests"].filter("is_flaky")
    assert truth.filter(pl.col("rate_now") == 0).height > 0
    assert truth.filter((pl.col("rate_now") / pl.col("flake_rate") - 1).abs() > 0.1).height > 0


def test_retries_run_only_tests_that_failed(history: Simulation) -> None:
    results = history.tables["core.test_results"]
    again = results.filter(pl.col("attempt") > 1).with_columns(before=pl.col("attempt") - 1)
    earlier = again.join(
        failed(results), left_on=["build_id", "test_id", "before"],
        right_on=["build_id", "test_id", "attempt"],
    )  # fmt: skip
    assert again.height > 0
    assert earlier.height == again.height


def test_a_demo_says_that_it_is_one() -> None:
    found = simulate.demo(END)
    project = found.tables["core.projects"].row(0, named=True)
    assert project["name"] == "Demo (simulated)"
    assert project["is_simulated"]
    assert found.tables["core.builds"]["is_simulated"].all()
    assert set(found.tables["core.pipelines"]["name"]) == {"build", "nightly", "release"}
    emails = found.tables["core.commits"]["author_email"]
    assert emails.str.ends_with("@example.org").all()
    names = found.tables["core.tests"].select("class_name", "name", "parameters")
    assert not names.is_duplicated().any()


def test_a_history_too_small_or_without_a_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="at least"):
        simulate.world(seed=1, builds=3, tests=20, days=5, end=END)
    with pytest.raises(UsageError, match="time zone"):
        simulate.world(seed=1, builds=30, tests=20, days=5, end=END.replace(tzinfo=None))


def test_no_regressions_no_outages_no_drift_can_be_asked_for() -> None:
    found = simulate.simulate(seed=1, builds=30, tests=20, days=5, end=END, shape=STILL)
    assert found.truth["regressions"].is_empty()
    assert found.truth["outages"].is_empty()
    assert np.isclose(found.truth["tests"]["flake_rate"], found.truth["tests"]["rate_now"]).all()


def test_journeys_and_checks_of_nightly_builds_fit_those_builds() -> None:
    builds = simulate.simulate(seed=5, **SIZES).tables["core.builds"]
    told = simulate.watched(builds, "demo", 5)
    again, other = (simulate.watched(builds, "demo", seed) for seed in (5, 6))
    assert all(told[name].equals(again[name]) for name in told)
    assert not told["core.test_steps"].equals(other["core.test_steps"])
    results, steps = told["core.test_results"], told["core.test_steps"]
    key = ["build_id", "test_id", "environment", "attempt"]
    assert results.select(key).n_unique() == results.height
    assert steps.join(results, on=key, how="anti").is_empty()
    nightly = builds.filter(pl.col("pipeline_id") == "demo:nightly")
    assert results.join(nightly, on="build_id", how="anti").is_empty()
    last = results.sort("attempt").group_by("build_id", "test_id").last()
    lost = last.filter(pl.col("status") == "failed").join(builds, on="build_id", suffix="_build")
    assert set(lost["status_build"]) <= {"failed"}, "a fault fails its build"
    assert results.filter(pl.col("status") == "failed").join(
        told["core.failures"], on="failure_id", how="anti"
    ).is_empty()  # fmt: skip
    bad = steps.filter(pl.col("status") == "failed").group_by(key).len()
    assert bad.height == results.filter(pl.col("status") == "failed").height
    assert bad["len"].unique().to_list() == [1]


def test_without_nightly_builds_nothing_was_watched() -> None:
    builds = simulate.simulate(seed=5, **SIZES).tables["core.builds"]
    assert simulate.watched(builds.filter(pl.col("pipeline_id") != "demo:nightly"), "demo", 5) == {}
