"""Which tests fail together more often than chance has it, and what such a cluster has in common.

Pairs of tests that fail in the same builds are counted; builds in which very many fail say nothing
of pairs and are left out, which also bounds the work. A pair counts if so many common builds are
improbable by chance (hypergeometric tail, Bonferroni over all pairs) and the tests share a good
part of their failures (Jaccard). Clusters are the connected components of these pairs. Pure.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from golive_core.ids import content_ids
from models.features import KEY

MOST_IN_BUILD = 40
"""Suspects that fail in one build beyond which it is left out: at most 780 pairs a build."""
FEWEST_TOGETHER = 2
SIGNIFICANT = 0.01
"""Probability by chance, after Bonferroni, below which a pair counts."""
ALIKE = 0.25
"""Jaccard index from which a pair counts: common failing builds of all failing builds."""
SHARED = 0.8
"""Share of a cluster's tests that have something in common before it is told."""

PAIRS = {
    "project_id": pl.String(), "test_id": pl.Int64(), "partner_id": pl.Int64(),
    "together": pl.Int64(), "lift": pl.Float64(), "jaccard": pl.Float64(),
    "by_chance": pl.Float64(),
}  # fmt: skip


def isolated(failures: pl.DataFrame, builds: pl.DataFrame) -> pl.DataFrame:
    """Return the failures that passed on a retry, or with no failure in the builds beside theirs.

    What fails build after build was broken, and tests that one commit broke fail together for that
    reason only. `failures`: KEY, build_id, has_passed. `builds`: build_id, pipeline_id, branch,
    number, attempt.
    """
    line = ["pipeline_id", "branch"]
    placed = builds.with_columns(pl.col("branch").fill_null("")).select(
        "build_id",
        line=pl.struct(line).rank("dense"),
        place=pl.struct("number", "attempt").rank("ordinal").over(line).cast(pl.Int64),
    )
    found = failures.join(placed, on="build_id", how="inner").sort("place")
    by_test = [*KEY, "line"]
    gap = pl.col("place").diff().over(by_test)
    alone = (gap.fill_null(2) > 1) & (gap.shift(-1).over(by_test).fill_null(2) > 1)
    return found.filter(pl.col("has_passed") | alone).select(failures.columns)


def pairs(failures: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs of tests that fail together, each both ways; columns PAIRS.

    `failures`: KEY and build_id, one row a test and build, outages left out. `runs`: KEY and runs,
    the attempts of the tests that are looked at; other tests are left out.
    """
    known = failures.join(runs, on=KEY, how="inner").unique([*KEY, "build_id"])
    small = known.filter(pl.len().over("project_id", "build_id") <= MOST_IN_BUILD)
    counted = small.with_columns(failed=pl.len().over(KEY).cast(pl.Int64))
    side = counted.select(*KEY, "build_id", "runs", "failed")
    both = side.join(side, on=["project_id", "build_id"], suffix="_partner").filter(
        pl.col("test_id") < pl.col("test_id_partner")
    )
    found = (
        both.rename({"test_id_partner": "partner_id"})
        .group_by("project_id", "test_id", "partner_id")
        .agg(
            together=pl.len().cast(pl.Int64),
            failed=pl.first("failed"),
            other=pl.first("failed_partner"),
            runs=pl.min_horizontal(pl.first("runs"), pl.first("runs_partner")),
        )
        .filter(pl.col("together") >= FEWEST_TOGETHER)
    )
    return _significant(found, runs)


def _significant(found: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    from scipy import stats

    if not found.height:
        return pl.DataFrame(schema=PAIRS)
    all_runs = np.maximum(
        found["runs"].to_numpy(), found.select("failed", "other").max_horizontal()
    )
    k, a, b = (found[name].to_numpy() for name in ("together", "failed", "other"))
    chance = np.asarray(stats.hypergeom.sf(k - 1, all_runs, a, b), dtype=np.float64)
    tests = found.join(
        runs.group_by("project_id").agg(tests=pl.len()), on="project_id", maintain_order="left"
    )["tests"].to_numpy()
    told = found.with_columns(
        lift=pl.Series(k * all_runs / (a * b)),
        jaccard=pl.Series(k / (a + b - k)),
        by_chance=pl.Series(np.minimum(1.0, chance * tests * (tests - 1) / 2)),
    ).filter((pl.col("by_chance") < SIGNIFICANT) & (pl.col("jaccard") >= ALIKE))
    one = told.select(PAIRS.keys()).cast(pl.Schema(PAIRS))
    other = one.rename({"test_id": "partner_id", "partner_id": "test_id"}).select(PAIRS.keys())
    return pl.concat([one, other]).sort("project_id", "test_id", "partner_id")


def clusters(found: pl.DataFrame) -> pl.DataFrame:
    """Return KEY and cluster_id of the tests of `pairs`, one row a test.

    The id is that of the project and the cluster's smallest test: it stands while that test is in.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    tests = found.select(KEY).unique().sort(KEY).with_row_index("at")
    if not tests.height:
        return pl.DataFrame(schema={"project_id": pl.String(), "test_id": pl.Int64(),
                                    "cluster_id": pl.Int64()})  # fmt: skip
    placed = found.join(tests, on=KEY).join(
        tests.rename({"test_id": "partner_id"}), on=["project_id", "partner_id"], suffix="_partner"
    )
    ends = (placed["at"].to_numpy(), placed["at_partner"].to_numpy())
    graph = coo_array((np.ones(len(ends[0])), ends), shape=(tests.height, tests.height))
    labels = connected_components(graph, directed=False)[1]
    named = tests.with_columns(first=pl.col("test_id").min().over(pl.Series("label", labels)))
    ids = content_ids(named, ["project_id", "first"])
    return named.select(*KEY, cluster_id=ids)


def told(members: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Return one row a cluster: tests, how often together, and what its tests have in common.

    `members`: KEY, cluster_id, suite, class_name, file, cause, cause_confidence, cause_evidence.
    Columns: project_id, cluster_id, tests, together (largest count of a pair), lift and
    jaccard (medians of its pairs), by_chance (largest), cause, cause_confidence, shared (texts).
    """
    inside = found.join(members.select(*KEY, "cluster_id"), on=KEY, how="inner")
    key = ["project_id", "cluster_id"]
    strength = inside.group_by(key).agg(
        pl.max("together"), pl.median("lift", "jaccard"), pl.max("by_chance")
    )
    cause = (
        members.group_by(*key, "cause")
        .agg(mass=pl.sum("cause_confidence"), words=pl.col("cause_evidence").drop_nulls().first())
        .sort(*key, pl.col("cause") == "unknown", -pl.col("mass"), "cause")
        .unique(key, keep="first", maintain_order=True)
    )
    size = members.group_by(key).agg(tests=pl.len().cast(pl.Int64))
    common = members.group_by(key).agg(
        pl.concat_list(
            _common("class_name", "class"), _common("suite", "suite"), _common("file", "file")
        ).list.drop_nulls().alias("places")
    )  # fmt: skip
    whole = size.join(strength, on=key).join(cause, on=key).join(common, on=key)
    return whole.with_columns(
        cause_confidence=pl.col("mass") / pl.col("tests"), shared=_sentences()
    ).drop("mass", "words", "places").sort(key)  # fmt: skip


def _common(column: str, noun: str) -> pl.Expr:
    """Return what nearly all tests of a cluster share in a column, as text, else null."""
    mode = pl.col(column).drop_nulls().mode().sort().first()
    is_common = (pl.col(column) == mode).sum() >= SHARED * pl.len()
    return pl.when(is_common & (mode.str.len_chars() > 0)).then(
        pl.concat_str(pl.lit(f"{noun} "), mode)
    )


def _sentences() -> pl.Expr:
    often = pl.format(
        "{} tests fail together, {} times as often as by chance",
        pl.col("tests"), pl.col("lift").round_sig_figs(2),
    )  # fmt: skip
    said = pl.when(pl.col("cause") != "unknown").then(
        pl.format("likely cause {}: {}", pl.col("cause"), pl.col("words"))
    )
    same = pl.when(pl.col("places").list.len() > 0).then(
        pl.format("in common: {}", pl.col("places").list.join(", "))
    )
    return pl.concat_list(often, said, same).list.drop_nulls()
