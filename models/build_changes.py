"""What each build builds: the commits since the build before it, who wrote them, what they touch.

Pure: frames in, rows of CHANGE out; nothing in them tells how a build ended. The build before it is
the last earlier one of the same pipeline and branch; the first build of a branch is compared with
the newest earlier build of the main line. Nothing older than the window of `models/timeline.py` is
looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from models.commit_graph import Graph
from models.timeline import WINDOW_US

AT = pl.Datetime("us", "UTC")
CHANGE = {
    "project_id": pl.String(), "build_id": pl.String(), "pipeline_id": pl.String(),
    "branch": pl.String(), "is_main": pl.Boolean(), "commit_sha": pl.String(), "as_of": AT,
    "attempt": pl.Int64(), "trigger": pl.String(), "author": pl.String(),
    "authors": pl.List(pl.String()), "commits": pl.Int64(), "is_merge": pl.Boolean(),
    "is_fix": pl.Boolean(), "paths": pl.List(pl.String()), "insertions": pl.Int64(),
    "deletions": pl.Int64(),
}  # fmt: skip
"""Columns of a change; `as_of` is when the build was asked for."""
BUILD = ("project_id", "build_id", "pipeline_id", "branch", "is_main", "commit_sha", "as_of",
         "attempt", "trigger")  # fmt: skip
"""Columns of a build that `changes` takes.

It may have `since`, a commit to compare with, and `is_supposed`: no build, only asked about.
"""
COMMITS = {
    "project_id": pl.String(), "sha": pl.String(), "parents": pl.List(pl.String()),
    "committed_at": AT, "author": pl.String(), "subject": pl.String(), "is_merge": pl.Boolean(),
}  # fmt: skip
FILES = {
    "project_id": pl.String(), "sha": pl.String(), "path": pl.String(),
    "insertions": pl.Int64(), "deletions": pl.Int64(),
}  # fmt: skip
FIX = r"(?i)\b(fix(e[sd])?|revert(s|ed)?|repair(s|ed)?|hotfix|mend(s|ed)?|unbreak)\b"
MOST_PATHS = 200
"""Paths that are kept of one change; a change of more, a reformatting say, is told by its lines."""


def changes(builds: pl.DataFrame, commits: pl.DataFrame, files: pl.DataFrame) -> pl.DataFrame:
    """Return a row of CHANGE for each build of `builds` (columns BUILD), in their order of time.

    `commits` and `files` have the columns COMMITS and FILES. What is unknown is null; a build of
    the commit that was built before has 0 commits.
    """
    ordered = builds.with_columns(pl.col("commit_sha").cast(pl.String)).sort("as_of", "build_id")
    pairs = pl.DataFrame(
        list(_new_commits(ordered, commits)),
        schema={"build_id": pl.String, "sha": pl.String},
        orient="row",
    )
    owned = pairs.join(
        builds.select("build_id", "project_id"), on="build_id", maintain_order="left"
    )
    told = owned.join(commits, on=["project_id", "sha"], how="inner", maintain_order="left")
    touched = owned.join(files, on=["project_id", "sha"], how="inner", maintain_order="left")
    heads = commits.select(
        "project_id", "author", "is_merge", commit_sha="sha", is_known=pl.lit(value=True)
    )
    found = (
        ordered.join(heads, on=["project_id", "commit_sha"], how="left", maintain_order="left")
        .join(_of_commits(told), on="build_id", how="left", maintain_order="left")
        .join(_of_files(touched), on="build_id", how="left", maintain_order="left")
    )
    counts = [pl.when("is_known").then(pl.col(name).fill_null(0)).alias(name)
              for name in ("commits", "insertions", "deletions")]  # fmt: skip
    return found.with_columns(counts).select(
        pl.col(name).cast(dtype) for name, dtype in CHANGE.items()
    )


def _new_commits(ordered: pl.DataFrame, commits: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield build_id and sha of what is new in each build."""
    graphs = {str(project): Graph.of(part) for (project,), part in commits.group_by("project_id")}
    before: dict[tuple[str, ...], tuple[str, int]] = {}
    for row in ordered.with_columns(at=pl.col("as_of").cast(pl.Int64)).to_dicts():
        sha, project = row["commit_sha"], row["project_id"]
        if sha is None:
            continue
        own, main = (project, row["pipeline_id"], row["branch"] or ""), (project,)
        floor = row["at"] - WINDOW_US
        last = [before[key][0] for key in (own, main) if key in before and before[key][1] > floor]
        old = [row["since"]] if row.get("since") else last[:1]
        new = graphs.get(project, Graph({}, {})).between(old, sha, floor)
        yield from ((row["build_id"], one) for one in new)
        if row.get("is_supposed"):
            continue
        before[own] = (sha, row["at"])
        if row["is_main"]:
            before[main] = (sha, row["at"])


def _of_commits(told: pl.DataFrame) -> pl.DataFrame:
    return told.group_by("build_id").agg(
        commits=pl.len(),
        authors=pl.col("author").drop_nulls().unique().sort(),
        is_fix=pl.col("subject").str.contains(FIX).any(),
    )


def _of_files(touched: pl.DataFrame) -> pl.DataFrame:
    return touched.group_by("build_id").agg(
        pl.col("insertions", "deletions").sum(),
        paths=pl.col("path").unique().sort().head(MOST_PATHS),
    )
