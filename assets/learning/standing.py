"""Where each project stands with a learned model: what `golive model` and the cards show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assets.learning import records, rows
from assets.learning.champion import Champion
from assets.learning.records import Evaluation
from assets.learning.steps import GATE, Bench
from models import life
from models.card import Subject


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one project stands with a model: who scores, since when, and how it compares."""

    project_id: str
    by: str
    is_learned: bool
    since: str
    reason: str
    trouble: str
    evaluation: Evaluation | None


def standings(bench: Bench) -> list[Standing]:
    """Return where every project with feature rows stands."""
    known = records.last_evaluations(bench.lake, bench.model)
    return [
        _standing(bench, project, known.get(project))
        for project in rows.projects(bench.lake, bench.model)
    ]


def _standing(bench: Bench, project: str, last: Evaluation | None) -> Standing:
    champion = Champion.of(bench.home, bench.model, project)
    turns = bench.store(project).turns() if not champion.loaded.trouble else []
    reason = last.reason if last else ""
    if not last:
        reason = life.lacking(bench.model, *rows.counts(bench.lake, bench.model, project))
    elif turns and turns[-1].by != GATE:
        reason = f"rolled back by {turns[-1].by}: {turns[-1].reason}"
    return Standing(
        project, champion.by, champion.is_learned, turns[-1].at if turns else "", reason,
        champion.loaded.trouble, last,
    )  # fmt: skip


def subject(bench: Bench, one: Standing) -> Subject:
    """Return a project as the model's card shows it."""
    champion = Champion.of(bench.home, bench.model, one.project_id).loaded.manifest
    metrics: Mapping[str, Any] = one.evaluation.metrics if one.evaluation else {}
    return Subject(one.project_id, one.by, one.reason, metrics, champion)
