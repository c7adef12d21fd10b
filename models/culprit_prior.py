"""What makes one commit a likelier culprit than another before anything is run.

A weight per commit, relative to 1, out of what the commits changed. Files near the test and large
changes are more often to blame (Ziftci & Reardon 2017, "Who broke the build?", Google: number of
changed files, distance from the test; Kamei et al. 2013: churn, spread, authors). The factors are
opinions in the range of these papers, not fitted to any project; a part of the weight is shared out
evenly, so that a wrong opinion costs at most `log2(1 / EVEN)` bits, three to five runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
import polars as pl

from models.beta import Floats

EVEN = 0.2
"""Share of the prior that all commits have alike."""
TEST_FILE, SAME_MODULE, SAME_FOLDER = 6.0, 6.0, 3.0
"""Factors for a commit that touches the test's file, the module of its name, its folder."""
HARMLESS, EMPTY_MERGE = 0.1, 0.3
"""Factors for a commit that touches nothing but prose, and for a merge."""
CHURN = 0.25
"""Power of the changed lines, and of the authors of the files that it touches."""
PROSE = (".md", ".rst", ".txt", ".adoc")


def weights(
    commits: pl.DataFrame,
    files: pl.DataFrame,
    *,
    test_file: str | None = None,
    past_culprits: Sequence[str] = (),
) -> Floats:
    """Return the prior weight of each row of `commits`, shape `(n,)`, mean 1.

    `commits` has sha and, each only if it is known, is_merge, insertions and deletions; `files` has
    sha and path, and author_name if the authors of a file shall count. `test_file` is the path of
    the failing test, `past_culprits` are paths that earlier culprits changed, one for each time.
    """
    if commits.is_empty():
        return np.zeros(0)
    near = _nearness(files, test_file)
    blamed = _blamed(files, past_culprits)
    rows = commits.join(near, on="sha", how="left", maintain_order="left").join(
        blamed, on="sha", how="left", maintain_order="left"
    )
    factor = rows.select(
        pl.col("near").fill_null(1.0)
        * (1 + pl.col("times").fill_null(0)).sqrt()
        * (1 + pl.col("authors").fill_null(0)) ** CHURN
        * (1 + _number(rows, "insertions") + _number(rows, "deletions")) ** CHURN
        * pl.when(_number(rows, "is_merge") > 0).then(EMPTY_MERGE).otherwise(1.0)
    ).to_series()
    made = factor.cast(pl.Float64).to_numpy()
    return np.asarray((1 - EVEN) * made / made.mean() + EVEN)


def _number(rows: pl.DataFrame, name: str) -> pl.Expr:
    known = pl.col(name).cast(pl.Float64) if name in rows.columns else pl.lit(0.0)
    return known.fill_null(0.0)


def _nearness(files: pl.DataFrame, test_file: str | None) -> pl.DataFrame:
    """Return sha and near: the factor of the nearest file that the commit touches."""
    paths = files["path"].unique()
    factors = [nearness(path, test_file) for path in paths]
    known = pl.DataFrame({"path": paths, "near": pl.Series(factors, dtype=pl.Float64)})
    return files.join(known, on="path").group_by("sha").agg(pl.col("near").max())


def nearness(path: str, test_file: str | None) -> float:
    """Return the factor of one changed path for a test in `test_file`."""
    changed = PurePosixPath(path)
    if test_file:
        test = PurePosixPath(test_file)
        if changed == test:
            return TEST_FILE
        if _module(changed) == _module(test):
            return SAME_MODULE
        if changed.parent == test.parent and changed.suffix == test.suffix:
            return SAME_FOLDER
    return HARMLESS if changed.suffix.lower() in PROSE else 1.0


def _module(path: PurePosixPath) -> str:
    """Return the name of what a file holds or tests: test_shop.py, ShopTest.java, shop.py: shop."""
    name = path.stem.lower().replace(".test", "").replace(".spec", "")
    for word in ("tests", "test"):
        name = name.removeprefix(f"{word}_").removesuffix(f"_{word}").removesuffix(word)
    return name or path.stem


def _blamed(files: pl.DataFrame, past_culprits: Sequence[str]) -> pl.DataFrame:
    """Return sha, times (its files were in past culprits) and authors (most of one file)."""
    past = pl.DataFrame({"path": past_culprits}, schema={"path": pl.String})
    times = past.group_by("path").agg(times=pl.len())
    known = files if "author_name" in files.columns else files.with_columns(author_name=None)
    authors = known.group_by("path").agg(authors=pl.col("author_name").drop_nulls().n_unique())
    return (
        files.join(times, on="path", how="left")
        .join(authors, on="path")
        .group_by("sha")
        .agg(pl.col("times").max(), pl.col("authors").max())
    )
