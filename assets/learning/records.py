"""What ops.model_runs holds of learned models, and how it is read back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import polars as pl

from golive_core import schema
from golive_core.lake import Lake
from models import runs
from models.learned import LearnedModel
from models.store import Turn

TABLE = "ops.model_runs"
HEURISTIC = "heuristic"
"""In place of a version where the heuristic scores."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation as it was written."""

    model_id: str
    project_id: str
    at: datetime
    code_version: str
    data_hash: str
    rows: int
    parameters: Mapping[str, Any]
    metrics: Mapping[str, Any]
    reason: str

    @property
    def as_of(self) -> datetime:
        """The newest thing that it knows."""
        return datetime.fromisoformat(self.parameters["as_of"])

    @property
    def word(self) -> str:
        """promote, keep or retire."""
        return str(self.parameters["decision"])


def new_id(model: LearnedModel, project_id: str, made_at: datetime) -> str:
    """Return the id of a version: model, project and time, which sort by time."""
    return runs.model_id(f"{model.name}-{project_id}", made_at)


def row(model: LearnedModel, cells: Mapping[str, object]) -> pl.DataFrame:
    """Return a row of ops.model_runs; `parameters` and `metrics` may be mappings."""
    texts = {
        name: json.dumps(cells.get(name, {}), sort_keys=True) for name in ("parameters", "metrics")
    }
    return pl.DataFrame([{"name": model.name, **cells, **texts}], schema=schema.MODEL_RUNS.schema)


def last_evaluations(lake: Lake, model: LearnedModel) -> dict[str, Evaluation]:
    """Return the newest evaluation of each project."""
    if not lake.exists(TABLE):
        return {}
    found = lake.query(
        f"""select model_id, project_id, "at", code_version, data_hash, rows, parameters, metrics,
            reason
        from {TABLE} where name = ? and kind = 'evaluate'
        qualify row_number() over (partition by project_id order by "at" desc) = 1""",  # noqa: S608
        [model.name],
    )
    return {one["project_id"]: _evaluation(one) for one in found.to_dicts()}


def _evaluation(cells: dict[str, Any]) -> Evaluation:
    texts = {name: json.loads(cells[name]) for name in ("parameters", "metrics")}
    return Evaluation(**{**cells, **texts})


def write_turns(lake: Lake, model: LearnedModel, project_id: str, turns: Iterable[Turn]) -> None:
    """Note every change of the champion that is not noted yet; doing it again changes nothing."""
    rows = [
        row(model, {
            "model_id": turn.model_id or f"{model.name}-{project_id}-{HEURISTIC}",
            "project_id": project_id, "at": datetime.fromisoformat(turn.at), "kind": turn.kind,
            "parameters": {"by": turn.by}, "reason": turn.reason,
        })
        for turn in turns
    ]  # fmt: skip
    if rows:
        lake.insert(TABLE, pl.concat(rows))


def history(lake: Lake, name: str, project_id: str = "", limit: int = 50) -> list[dict[str, Any]]:
    """Return the newest steps in the life of a model, newest first; texts of JSON are objects."""
    if not lake.exists(TABLE):
        return []
    found = lake.query(
        f"""select "at", kind, project_id, model_id, rows, code_version, data_hash, parameters,
            metrics, reason
        from {TABLE} where name = ? and (? = '' or project_id = ?)
        order by "at" desc, list_position(['evaluate', 'fit', 'promote', 'rollback'], kind) desc
        limit ?""",  # noqa: S608
        [name, project_id, project_id, limit],
    )
    return [
        {**one, **{key: json.loads(cast("str", one[key])) for key in ("parameters", "metrics")}}
        for one in found.to_dicts()
    ]
