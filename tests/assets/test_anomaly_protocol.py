"""The protocol of anomalies judges what the lake says by what was planted, and nothing else."""

from __future__ import annotations

import polars as pl

from assets.protocols import anomalies


def test_what_is_planted_is_found_and_what_is_told_is_planted() -> None:
    told, truth = anomalies.history(3, days=45)
    seed = pl.lit(3)
    planted = truth.with_columns(seed=seed)
    assert {"incident", "high", "low", "burst", "silence"} & set(planted["kind"])
    seen = {who: one.with_columns(seed=seed) for who, one in told.items()}
    scores = anomalies.scores(seen, planted)
    measured = {(one.protocol, one.measure): one for one in scores}
    assert measured["metrics", "precision"].value > 0.9
    assert measured["metrics", "recall"].value > 0.7
    assert measured["logs", "precision"].value > measured["logs", "precision"].rivals["3 sigma"]


def test_a_told_hour_elsewhere_is_no_hit() -> None:
    told, truth = anomalies.history(3, days=45)
    planted = truth.with_columns(seed=pl.lit(3))
    ours = told[""].with_columns(seed=pl.lit(3))
    moved = ours.with_columns(pl.col("began_at").dt.offset_by("-300d"))
    assert anomalies.matched(ours, planted).height > 0
    assert anomalies.matched(moved, planted).is_empty()
    renamed = ours.with_columns(service=pl.lit("elsewhere"))
    assert anomalies.matched(renamed, planted).is_empty()
