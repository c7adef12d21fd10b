"""The past builds that are most like one that is to come, and what happened to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import numpy as np
import polars as pl

from models.build_features import matrix
from models.build_state import state
from models.evaluate import Floats

CASES = 2
SHOWN = 2
"""Paths of a case that are named."""
FILES_WORTH = 2.0
"""Files in common count more than all else: people know their changes by them."""


def alike(past: pl.DataFrame, rows: pl.DataFrame) -> Floats:
    """Return how alike past builds are to each row, shape `(rows, past)`, from 0 on.

    By files in common (Jaccard), the same pipeline, line, state and author, and features that
    differ little.
    """
    if not past.height:
        return np.zeros((rows.height, 0))
    own, others = matrix(rows), matrix(past)
    scale = np.maximum(others.std(axis=0), 1e-9)
    near = np.array([np.exp(-np.abs((one - others) / scale).mean(axis=1)) for one in own])
    same = sum(
        (_cells(rows, name)[:, None] == _cells(past, name)[None, :]).astype(np.float64)
        for name in ("pipeline_id", "branch", "author", "state", "commit_sha")
    )
    shared = np.array([[_shared(a, b) for b in past["paths"].to_list()] for a in rows["paths"]])
    return near + same / 4 + FILES_WORTH * shared


def _cells(frame: pl.DataFrame, name: str) -> np.ndarray:
    cells = frame.select(state()).to_series() if name == "state" else frame[name]
    return cells.fill_null("").to_numpy()


def _shared(one: object, other: object) -> float:
    mine, theirs = (
        set(cast("list[str]", paths)) if paths is not None else set[str]() for paths in (one, other)
    )
    return len(mine & theirs) / len(mine | theirs) if mine & theirs else 0.0


def told_of(past: pl.DataFrame, row: Mapping[str, Any], weight: Floats) -> list[str]:
    """Return a sentence on each of the CASES past builds that count most, the newer first."""
    order = np.lexsort((-past["as_of"].cast(pl.Int64).to_numpy(), -weight))
    others = [one for one in order.tolist() if past["build_id"][one] != row["build_id"]][:CASES]
    return [_sentence(past.row(one, named=True), row) for one in others]


def _sentence(case: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    at: datetime = case["as_of"]
    same = sorted(set(case["paths"] or []) & set(row["paths"] or []))
    what = f"changed {_some(same)} too" if same else f"changed {_some(case['paths'] or [])}"
    what = "built that commit again" if case["commits"] == 0 else what
    who = f" by {case['author']}" if case["author"] else ""
    verdict = "failed" if case["failed"] else "passed"
    sha = f" at {case['commit_sha'][:10]}" if case["commit_sha"] else ""
    return f"{case['build_id']}{sha}{who} ({at:%Y-%m-%d %H:%M} UTC) {what}: {verdict}"


def _some(paths: list[str]) -> str:
    """Return the first paths by name, and how many more there are."""
    if not paths:
        return "no known file"
    rest = len(paths) - SHOWN
    more = f" and {rest} more" if rest > 0 else ""
    return ", ".join(paths[:SHOWN]) + more
