"""Features of builds know the past alone, and say what they say they do."""

from __future__ import annotations

import polars as pl
import pytest
from build_worlds import at, build, last, simulated, told
from polars.testing import assert_frame_equal

from golive_core import schema
from golive_core.errors import UsageError
from models.build_features import FORBIDDEN, NAMES, OUTCOME, features, guard, matrix
from models.build_reasons import GROUPS


def test_future_rows_shuffled_changed_and_deleted_change_no_feature() -> None:
    past = simulated()
    moment = past["as_of"].sort()[past.height // 2]
    asked = past.filter(pl.col("as_of") <= moment).drop(list(OUTCOME))
    now = features(asked, past)
    is_later = pl.col("known_at") > moment
    unknown = [pl.when(is_later).then(None).otherwise(name).alias(name) for name in OUTCOME]
    deleted = past.filter(pl.col("as_of") <= moment).with_columns(unknown)
    flipped = past.with_columns(
        pl.when(is_later).then(~pl.col("failed")).otherwise("failed").alias("failed"),
        pl.when(pl.col("as_of") > moment).then(pl.lit(["x.py"])).otherwise("paths").alias("paths"),
    )
    for world in (deleted, flipped, past.sample(fraction=1.0, shuffle=True, seed=3)):
        assert_frame_equal(now, features(asked.sample(fraction=1.0, shuffle=True, seed=1), world))
    assert now["branch_failing_builds"].sum() > 0
    assert now["files_rate"].n_unique() > 20


def test_the_past_does_change_them() -> None:
    past = simulated()
    asked = past.drop(list(OUTCOME))
    flipped = past.with_columns(~pl.col("failed"))
    assert not features(asked, past).equals(features(asked, flipped))


def test_a_build_asked_for_alone_has_the_same_features_as_in_its_history() -> None:
    past = simulated()
    whole = features(past.drop(list(OUTCOME)), past)
    one = past[150:151].drop(list(OUTCOME))
    alone = features(one, past)
    assert_frame_equal(alone, whole.filter(pl.col("build_id") == one["build_id"][0]))


def test_outcomes_are_no_features() -> None:
    outcomes = {
        "status", "finished_at", "started_at", "duration_s", "queue_s", "is_unstable", "cost_usd",
    }  # fmt: skip
    assert outcomes <= FORBIDDEN
    assert outcomes <= set(schema.BUILDS.schema)
    assert not FORBIDDEN & set(schema.BUILD_FEATURES.schema)
    with pytest.raises(UsageError, match="failed, known_at, stage_share tell how a build ended"):
        features(simulated(), simulated())
    with pytest.raises(UsageError, match="duration_s"):
        guard([*NAMES, "duration_s"])


def test_each_feature_is_told_by_exactly_one_sentence() -> None:
    for name in NAMES:
        assert sum(name.startswith(tuple(group.begins)) for group in GROUPS) == 1, name


def test_a_branch_that_fails_is_told_by_its_spell() -> None:
    row = last(
        build(1, 0), build(2, 1, failed=True), build(3, 2, failed=True), build(4, 5, paths=["b.py"])
    )
    assert (row["branch_builds"], row["branch_failing_builds"], row["branch_last"]) == (3, 2, 1)
    assert row["branch_pass_age_s"] == 4.5 * 3600
    assert row["main_failing_builds"] == 2


def test_a_verdict_counts_from_when_it_was_known() -> None:
    running = build(2, 1, failed=True, known_at=at(9))
    row = last(build(1, 0), running, build(3, 2))
    assert row["branch_failing_builds"] == 0
    assert row["waiting_count"] == 1
    assert last(build(1, 0), running, build(3, 9))["branch_failing_builds"] == 1


def test_a_build_does_not_know_itself_even_where_its_times_are_one() -> None:
    row = last(build(1, 0, failed=True, known_at=at(0)))
    assert (row["branch_builds"], row["commit_failed_builds"], row["churn_builds"]) == (0, 0, 0)


def test_a_commit_that_failed_before_is_known() -> None:
    row = last(build(1, 0, failed=True), build(2, 1, commit_sha="c1", attempt=2, commits=0))
    assert (row["commit_failed_builds"], row["commit_passed_builds"]) == (1, 0)
    assert (row["retry"], row["of_same_commit"]) == (1, 1)


def test_files_remember_how_their_builds_went_and_who_touched_them() -> None:
    row = last(
        build(1, 0, paths=["a.py"], failed=True), build(2, 1, paths=["b.py"], author="Ben"),
        build(3, 2, paths=["a.py", "b.py"], author="Ben"), build(4, 4, paths=["a.py", "new.py"]),
    )  # fmt: skip
    assert row["files_rate_top"] > row["project_rate"]
    assert (row["new_share"], row["churn_builds"], row["owners_count"]) == (0.5, 1, 1)
    assert row["ownership_entropy"] == 0.5  # one bit for a.py, none for new.py
    assert row["owned_share"] == 0.25


def test_a_change_that_touches_what_broke_is_told() -> None:
    broken = [build(1, 0), build(2, 1, failed=True, paths=["a.py", "c.py"])]
    assert last(*broken, build(3, 2, paths=["c.py"]))["mends_share"] == 0.5
    assert last(*broken, build(3, 2, paths=["z.py"]))["mends_share"] == 0


def test_flakes_of_a_day_count_once_the_day_is_over() -> None:
    past = pl.DataFrame([build(1, 0), build(2, 30)], infer_schema_length=None)
    day = {"project_id": "shop", "day": at(0).date(), "known_at": at(1), "trials": 50, "flakes": 5}
    asked = past.drop(list(OUTCOME))
    found = features(asked, past, pl.DataFrame([day]))
    assert found["flakes_count"].to_list() == [0, 5]
    assert found["flake_rate"].to_list() == [0, 0.1]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("pyproject.toml", "dependencies_share"), ("web/package-lock.json", "dependencies_share"),
        ("requirements-test.txt", "dependencies_share"), ("Jenkinsfile", "build_share"),
        (".github/workflows/ci.yml", "build_share"), ("src/CMakeLists.txt", "build_share"),
        ("tests/test_a.py", "tests_share"), ("src/CartTest.java", "tests_share"),
        ("web/cart.spec.ts", "tests_share"), ("docs/tour.md", "docs_share"),
        ("README.md", "docs_share"), ("shop/contest.py", ""), ("shop/latest.py", ""),
    ],
)  # fmt: skip
def test_kinds_of_files_are_told_by_their_paths(path: str, name: str) -> None:
    row = last(build(1, 0, paths=[path]))
    shares = [
        key
        for key in row
        if key in ("dependencies_share", "build_share", "tests_share", "docs_share") and row[key]
    ]
    assert shares == ([name] if name else [])


def test_what_is_older_than_the_window_does_not_count() -> None:
    old = build(1, 0, failed=True)
    row = last(old, build(2, 24 * 91))
    assert (row["project_builds"], row["branch_failing_builds"], row["new_share"]) == (0, 0, 1)


def test_rows_are_those_of_the_table_and_numbers_are_finite() -> None:
    found = told(*(build(number, number) for number in range(5)))
    assert found.schema == schema.BUILD_FEATURES.schema
    cells = matrix(found)
    assert cells.shape == (5, len(NAMES))
    assert pl.DataFrame(cells).select(pl.all().is_finite().all()).row(0) == (True,) * len(NAMES)
    assert features(pl.DataFrame(), pl.DataFrame()).height == 0
