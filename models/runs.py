"""What identifies a model run: its id, the version of its code, the hash of its data.

Rows of ops.model_runs are made here; the assets write them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import polars as pl

from golive_core import schema

DIGITS = 16


Kind = Literal["fit", "evaluate", "promote", "rollback", "score"]


def model_id(name: str, made_at: datetime) -> str:
    """Return the id of a run: the model's name and the time to the microsecond, UTC."""
    return f"{name}-{made_at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"


def code_version(files: Iterable[str]) -> str:
    """Return the digest of the source files that a model is made of."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(Path(file).read_bytes())
    return digest.hexdigest()[:DIGITS]


def data_hash(frame: pl.DataFrame) -> str:
    """Return the digest of a frame's content; the order of its rows counts."""
    return hashlib.sha256(frame.write_csv().encode()).hexdigest()[:DIGITS]


def model_run(
    name: str,
    *,
    made_at: datetime,
    kind: Kind,
    files: Iterable[str],
    data: pl.DataFrame,
    parameters: Mapping[str, object],
    metrics: Mapping[str, object],
) -> pl.DataFrame:
    """Return the row of ops.model_runs of one run."""
    row = {
        "model_id": model_id(name, made_at),
        "name": name,
        "at": made_at,
        "kind": kind,
        "code_version": code_version(files),
        "data_hash": data_hash(data),
        "rows": data.height,
        "parameters": json.dumps(parameters, sort_keys=True),
        "metrics": json.dumps(metrics, sort_keys=True),
    }
    return pl.DataFrame([row], schema=schema.MODEL_RUNS.schema)
