"""Failures of the past that read alike, and what ended them: rows of the lake to `Past`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from golive_agents.evidence import Evidence
from golive_agents.explanation import Cite, Fix, Past

CORPUS = 2_500
"""Signatures of the past that are compared: those that a commit ended first, then the newest."""
ALIKE = 4
FIXES = 3


def remember(
    evidence: Evidence, project: str, failure: Mapping[str, Any], *, is_known: bool
) -> tuple[Past, ...]:
    """Return the same signature, if it `is_known` and was ended before, then what reads alike.

    `failure` has signature_id, type, message and signature.
    """
    own = [failure] if is_known else []
    others = _alike(evidence, project, failure)
    ids = [row["signature_id"] for row in (*own, *(one for one, _ in others))]
    fixes = _fixes(evidence, project, ids)
    same = [_past(row, 1.0, fixes) for row in own if row["signature_id"] in fixes]
    return (*same, *(_past(row, likeness, fixes) for row, likeness in others))


def _alike(
    evidence: Evidence, project: str, failure: Mapping[str, Any]
) -> list[tuple[dict[str, Any], float]]:
    from models.similar import nearest

    rows = evidence.rows("past", project=project, signature=failure["signature_id"] or 0,
                         most=CORPUS)  # fmt: skip
    if rows.is_empty():
        return []
    texts = rows.select(_text()).to_series().to_list()
    said = pl.DataFrame([{name: failure.get(name) for name in ("type", "message", "signature")}],
                        schema={"type": pl.String, "message": pl.String, "signature": pl.String},
                        orient="row")  # fmt: skip
    found = nearest(said.select(_text()).item(), texts, count=ALIKE)
    return [(rows.row(at, named=True), likeness) for at, likeness in found]


def _text() -> pl.Expr:
    parts = [pl.col(name).fill_null("").str.head(600) for name in ("type", "message", "signature")]
    return pl.concat_str(parts, separator="\n")


def _fixes(evidence: Evidence, project: str, ids: Sequence[int]) -> dict[int, tuple[Fix, ...]]:
    rows = evidence.rows("fixes", signatures=list(ids), project=project) if ids else pl.DataFrame()
    found: dict[int, tuple[Fix, ...]] = {}
    for row in rows.iter_rows(named=True):
        have = found.get(row["signature_id"], ())
        if len(have) < FIXES:
            found[row["signature_id"]] = (*have, _fix(row))
    return found


def _fix(row: Mapping[str, Any]) -> Fix:
    key = f"signature_id={row['signature_id']} good_sha={row['good_sha']}"
    return Fix(
        row["good_sha"], row["bad_sha"], row["fixed_at"], row["subject"], row["author_name"],
        row["tests"], Cite("marts.failure_fixes", key),
    )  # fmt: skip


def _past(row: Mapping[str, Any], likeness: float, fixes: Mapping[int, tuple[Fix, ...]]) -> Past:
    number = row["signature_id"]
    return Past(
        number, row["type"], row["message"], likeness, row["first_seen_at"],
        fixes.get(number, ()), Cite("core.failures", f"signature_id={number}"),
    )  # fmt: skip
