"""Features and forecasts of builds in the lake: what is new is computed, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets import predictions, refresh
from assets.learning.steps import Bench, life_of
from assets.predictions import build_failure, build_features
from assets.workspace import Workspace
from golive_core import schema
from golive_core.lake import Lake
from golive_core.settings import Settings
from models import simulate
from models.build_failure import LEARNED
from models.simulation.shape import Shape

END = datetime(2026, 6, 1, tzinfo=UTC)
CUT = datetime(2026, 5, 20, 12, tzinfo=UTC)
MARTS = ("main_branches", "build_tests", "test_daily")


@cache
def history(builds: int = 300) -> dict[str, pl.DataFrame]:
    shape = Shape(flaky_share=0.01, noise=0.00002, regressions=6.0)
    made = simulate.simulate(seed=21, builds=builds, tests=40, days=40, end=END, shape=shape)
    return made.tables


def until(tables: dict[str, pl.DataFrame], at: datetime) -> dict[str, pl.DataFrame]:
    """Return what a lake would have held at an instant: builds that still ran had no end."""
    is_over = pl.col("finished_at") <= at
    ends = ["finished_at", "duration_s", "cost_usd"]
    builds = tables["core.builds"].filter(pl.col("queued_at") <= at).with_columns(
        pl.when(is_over).then("status").otherwise(pl.lit("running")).alias("status"),
        *(pl.when(is_over).then(name).alias(name) for name in ends),
    )  # fmt: skip
    over = builds.filter(pl.col("status") != "running")["build_id"].to_list()
    commits = tables["core.commits"].filter(pl.col("committed_at") <= at)
    shas = commits["sha"].to_list()
    heads = (
        builds.sort("queued_at")
        .group_by("branch")
        .agg(head_sha=pl.col("commit_sha").last(), updated_at=pl.col("queued_at").last())
    )
    branches = tables["core.branches"].drop("head_sha", "updated_at").join(heads, on="branch")
    return {
        **tables, "core.builds": builds, "core.commits": commits,
        "core.branches": schema.conform(schema.BRANCHES, branches),
        "core.stages": tables["core.stages"].filter(pl.col("build_id").is_in(over)),
        "core.test_results": tables["core.test_results"].filter(pl.col("build_id").is_in(over)),
        "core.commit_files": tables["core.commit_files"].filter(pl.col("sha").is_in(shas)),
    }  # fmt: skip


def write(lake: Lake, tables: dict[str, pl.DataFrame]) -> None:
    with lake.transaction("simulate") as txn:
        for name, frame in tables.items():
            (txn.insert if schema.find(name).is_fact else txn.merge)(name, frame)
    for mart in refresh.marts():
        if mart.name in MARTS:
            refresh.refresh(lake, mart)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake that got its whole history at once, with features."""
    home = tmp_path_factory.mktemp("whole")
    lake = Lake(home / "lake")
    write(lake, history())
    build_features.refresh(lake)
    return lake


def rows(lake: Lake, table: str) -> pl.DataFrame:
    return lake.query(f"select * from {table} order by all")


def test_a_lake_that_grew_has_the_features_of_one_that_came_at_once(
    lake: Lake, whole: Lake
) -> None:
    tables = history()
    for at in (CUT, CUT + timedelta(hours=3), END + timedelta(days=1)):
        write(lake, until(tables, at))
        build_features.refresh(lake)
    names = list(schema.BUILD_FEATURES.schema)
    assert_frame_equal(
        rows(lake, build_features.TABLE).select(names),
        rows(whole, build_features.TABLE).select(names),
    )


def test_only_days_that_see_something_new_are_computed(lake: Lake) -> None:
    tables = history()
    write(lake, until(tables, CUT))
    first = build_features.refresh(lake)
    assert first.tests > 150
    assert build_features.refresh(lake).written is None
    write(lake, until(tables, CUT + timedelta(hours=4)))
    again = build_features.refresh(lake)
    assert 0 < again.tests < 25
    assert again.written
    assert min(again.written.days) >= (CUT - timedelta(days=1)).date()


def test_waiting_builds_branches_and_change_requests_are_told(lake: Lake) -> None:
    tables = history()
    at = tables["core.builds"].sort("queued_at")["started_at"][220]
    write(lake, until(tables, at))
    head = lake.query("select * from core.branches where not is_default order by updated_at desc")
    change = {
        "change_request_id": "demo:12", "project_id": "demo", "repository_id": "demo-git",
        "source": "github", "day": at.date(), "number": 12, "status": "open",
        "source_branch": head["branch"][0], "head_sha": head["head_sha"][0],
        "opened_at": at - timedelta(hours=1), "updated_at": at,
    }  # fmt: skip
    lake.merge(
        "core.change_requests", schema.conform(schema.CHANGE_REQUESTS, pl.DataFrame([change]))
    )
    done = build_failure.update(lake)
    told = rows(lake, "predictions.build_failure")
    assert done.tests == told.height
    kinds = set(told["subject_kind"])
    assert kinds == {"build", "branch", "change_request"}
    waiting = told.filter(pl.col("subject_kind") == "build").row(0, named=True)
    assert waiting["as_of"] == tables["core.builds"].filter(
        pl.col("build_id") == waiting["build_id"]
    )["queued_at"].item()  # fmt: skip
    assert (
        told.filter(
            (pl.col("low") > pl.col("probability")) | (pl.col("probability") > pl.col("high"))
        ).height
        == 0
    )
    assert (told["told_by"] == LEARNED.heuristic_name).all()
    assert told["reasons"].list.len().min() == 2
    write(lake, until(tables, at + timedelta(days=1)))
    build_failure.update(lake)
    later = rows(lake, "predictions.build_failure")
    assert waiting["build_id"] not in later["build_id"].to_list()


def test_without_news_nothing_is_written(whole: Lake) -> None:
    build_failure.update(whole)
    before = whole.version()
    assert build_failure.update(whole).written is None
    assert whole.version() == before


@pytest.mark.slow
def test_a_learned_champion_takes_over_with_its_lift_and_gives_way_again(lake: Lake) -> None:
    write(lake, history(450))
    build_features.refresh(lake)
    home = lake.root.parent
    bench = Bench(lake, home, LEARNED, 1)
    [found] = life_of(bench, made_at=END)
    assert found.word in ("promote", "keep")
    assert found.metrics["brier"] < found.metrics["brier_constant"]
    assert found.metrics["ece"] < 0.1
    _crown(bench, found.model_id)
    build_failure.update(lake)
    told = rows(lake, "predictions.build_failure")
    assert told["is_learned"].all()
    assert told["told_by"].unique().to_list() == [found.model_id]
    assert told["lift"].unique().to_list() == [found.metrics["lift"]]
    assert all(" points: " in one for one in told["reasons"].list.first())
    from assets.learning.steps import rollback

    rollback(bench, "demo", to="heuristic", by="Ada", made_at=END)
    build_failure.update(lake)
    assert not rows(lake, "predictions.build_failure")["is_learned"].any()


def _crown(bench: Bench, model_id: str) -> None:
    """Make the version the champion, also where the gate found it hardly better."""
    from assets.learning import rows as learned_rows
    from models import life
    from models.calibration import Calibration
    from models.store import Turn, stamp

    store = bench.store("demo")
    if not store.has(model_id):
        at = learned_rows.newest(bench.lake, LEARNED, "demo")
        assert at
        window = learned_rows.window(bench.lake, LEARNED, "demo", at)
        evaluation = life_metrics(bench)
        store.save(life.manifest(
            LEARNED, window, life.fit(LEARNED, window, 1), model_id=model_id, as_of=at, made_at=END,
            metrics=evaluation, line=Calibration(),
        ), life.fit(LEARNED, window, 1))  # fmt: skip
    if not store.turns():
        store.crown(Turn("promote", model_id, stamp(END), "Ada", "to be seen"))


def life_metrics(bench: Bench) -> dict[str, Any]:
    from assets.learning.records import last_evaluations

    return dict(last_evaluations(bench.lake, LEARNED)["demo"].metrics)


def test_a_lake_without_builds_has_no_forecasts(lake: Lake) -> None:
    assert build_failure.update(lake).written is None
    assert not lake.exists("predictions.build_failure")


def test_a_project_of_twenty_builds_gets_humble_forecasts(lake: Lake) -> None:
    tables = history()
    at = tables["core.builds"].sort("queued_at")["queued_at"][20]
    write(lake, until(tables, at))
    build_failure.update(lake)
    told = rows(lake, "predictions.build_failure")
    assert told.height
    assert (told["told_by"] == LEARNED.heuristic_name).all()
    assert (told["high"] - told["low"]).min() > 0.15


def test_the_assets_do_what_the_functions_do(lake: Lake, home: Path) -> None:
    write(lake, history())
    workspace = Workspace(Settings(base=home.parent, home=home), lake)
    done = dg.materialize(
        [build_features.build_features, build_failure.predict_build_failure],
        resources={"workspace": workspace},
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    [made] = done.asset_materializations_for_node("predictions__build_failure")
    assert made.metadata["dagster/row_count"].value == lake.rows("predictions.build_failure") > 0
    assert any(one.__name__.endswith("build_failure") for one in predictions.modules())
