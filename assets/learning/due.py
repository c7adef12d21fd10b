"""When is a model evaluated and fitted again for a project? Where there is enough that is new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from assets.learning import records, rows
from assets.learning.records import Evaluation
from golive_core.lake import Lake
from models import drift, life
from models.learned import LearnedModel
from models.runs import code_version
from models.store import Store

GROWTH = 0.1
"""Share of the rows learned from that must be new."""
FEWEST_NEW = 50


@dataclass(frozen=True, slots=True)
class Due:
    """One project's state: why it is due, what it lacks, what is to be mended; "" if nothing."""

    project_id: str
    as_of: datetime
    reason: str = ""
    lacking: str = ""
    damage: str = ""
    """Files that the next fit makes again from the same rows, without another evaluation."""


def due(lake: Lake, home: Path, model: LearnedModel) -> list[Due]:
    """Return the state of every project that has feature rows.

    Costs a count per project, and what is new since the champion was fitted.
    """
    before = records.last_evaluations(lake, model)
    return [
        _of_project(lake, home, model, project, before.get(project))
        for project in rows.projects(lake, model)
    ]


def _of_project(
    lake: Lake, home: Path, model: LearnedModel, project: str, before: Evaluation | None
) -> Due:
    at = rows.newest(lake, model, project)
    assert at is not None  # noqa: S101 - a project that has rows
    if before is None:
        lacking = life.lacking(model, *rows.counts(lake, model, project))
        return Due(project, at, "" if lacking else "enough cases for a first time", lacking)
    reason = _reason(lake, home, model, before)
    store = Store(home, model.name, project)
    is_damaged = before.word == "promote" and not store.is_whole(before.model_id)
    damage = f"the files of {before.model_id} are damaged" if is_damaged and not reason else ""
    return Due(project, at, reason, damage=damage)


def _reason(lake: Lake, home: Path, model: LearnedModel, before: Evaluation) -> str:
    """Return why a project that was evaluated is due again, "" if it is not."""
    project = before.project_id
    if before.code_version != code_version(model.files):
        return "its code changed"
    if before.word == "promote" and not Store(home, model.name, project).has(before.model_id):
        return "its files are missing"
    fresh, _ = rows.counts(lake, model, project, before.as_of)
    if fresh >= max(FEWEST_NEW, GROWTH * before.rows):
        return f"{fresh} new cases"
    return drifted(lake, home, model, project) if fresh >= drift.FEWEST else ""


def shifts(lake: Lake, home: Path, model: LearnedModel, project: str) -> list[drift.Shift]:
    """Return the drift since the champion of a project was fitted; empty for the heuristic."""
    champion = Store(home, model.name, project).champion(model.types)
    if champion.manifest is None:
        return []
    seen = datetime.fromisoformat(champion.manifest.as_of)
    return life.shifts(model, champion, rows.since(lake, model, project, seen))


def drifted(lake: Lake, home: Path, model: LearnedModel, project: str) -> str:
    """Return what moved much since the champion was fitted, "" if nothing did."""
    much = [one for one in shifts(lake, home, model, project) if one.verdict == "much"]
    return f"{much[0].name} moved (PSI {much[0].psi:.2f})" if much else ""
