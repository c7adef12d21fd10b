"""Rows of core tables as the models of builds take them. Pure: frames in, frames out.

The assets read the same columns from the lake by SQL; this is for histories that are not in one:
those of the simulator.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from models.build_changes import changes


def of_tables(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return CHANGE and OUTCOME of every build of frames by table name, in order of time."""
    homes = tables["core.repositories"].select(
        "project_id", branch="default_branch", is_main=pl.lit(value=True)
    )
    builds = tables["core.builds"].join(homes.unique(), on=["project_id", "branch"], how="left")
    builds = builds.with_columns(pl.col("is_main").fill_null(value=False), as_of="queued_at")
    commits = tables["core.commits"].rename({"author_name": "author"})
    files = tables["core.commit_files"].join(
        commits.select("repository_id", "sha", "project_id"), on=["repository_id", "sha"]
    )
    found = changes(builds, commits, files)
    ends = builds.select("build_id", **outcome(), known_at="finished_at").join(
        stage_shares(tables["core.stages"]), on="build_id", how="left"
    )
    return found.join(ends, on="build_id", how="left", maintain_order="left")


def outcome() -> dict[str, pl.Expr]:
    """Return the verdict of a build's status: null where it came to none."""
    bad, is_judged = pl.col("status").is_in(["failed", "error"]), pl.col("status") == "passed"
    return {"failed": pl.when(bad | is_judged).then(bad)}


def stage_shares(stages: pl.DataFrame) -> pl.DataFrame:
    """Return for each build with a failed stage the share of its stages that stood before it."""
    bad = pl.col("status").is_in(["failed", "error"])
    first = stages.group_by("build_id").agg(
        first=pl.col("ordinal").filter(bad).min(), stages=pl.col("ordinal").n_unique()
    )
    return first.drop_nulls("first").select(
        "build_id", stage_share=pl.col("first") / pl.col("stages")
    )
