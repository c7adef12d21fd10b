"""What must hold in the life of a learned model; the asset checks of `assets/learning/graph.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from assets.learning import records, rows
from assets.learning.champion import Champion
from assets.learning.due import shifts
from assets.learning.steps import Bench
from models import gate
from models.runs import code_version

ECE = 0.05
"""Largest expected calibration error of forecasts, over ten bins."""
MEANS = {
    "beats_constant": "Where it wins, its Brier score is below that of the constant forecast.",
    "calibrated": f"Where it wins, its calibration error is at most {ECE}, or what chance gives.",
    "same_data": "The newest version learned from exactly the rows that it was evaluated on.",
    "same_code": "The newest version was fitted by the code that is installed.",
    "gate": "A learned champion is better than the heuristic by the newest evaluation.",
    "drift": "No feature and no score has moved much (PSI below 0.25) since the champion's fit.",
    "files": "The files of each champion are whole, unedited, and of trusted types.",
}
"""What each check says holds."""


@dataclass(slots=True)
class Verdict:
    """One check over all projects; `broken` has a sentence for each that fails it."""

    name: str
    is_error: bool = False
    broken: list[str] = field(default_factory=list[str])
    projects: int = 0

    def hold(self, project_id: str, *, holds: bool, told: str) -> None:
        """Count a project in, and note what is wrong with it."""
        self.projects += 1
        if not holds:
            self.broken.append(f"{project_id}: {told}")


def of_evaluations(bench: Bench) -> list[Verdict]:
    """Return beats_constant and calibrated, for the projects whose newest evaluation wins."""
    constant, calibrated = Verdict("beats_constant"), Verdict("calibrated")
    for project, one in records.last_evaluations(bench.lake, bench.model).items():
        if one.word != "promote":
            continue
        said = one.metrics
        constant.hold(
            project, holds=said["brier"] < said["brier_constant"],
            told=f"Brier {said['brier']:.4f}, constant {said['brier_constant']:.4f}",
        )  # fmt: skip
        calibrated.hold(
            project, holds=said["ece"] <= max(ECE, said["ece_chance"]),
            told=f"ECE {said['ece']:.3f}, by chance up to {said['ece_chance']:.3f}",
        )  # fmt: skip
    return [constant, calibrated]


def of_challengers(bench: Bench) -> list[Verdict]:
    """Return same_data and same_code, for the newest version of each project."""
    data, code = Verdict("same_data", is_error=True), Verdict("same_code")
    installed = code_version(bench.model.files)
    for project, one in records.last_evaluations(bench.lake, bench.model).items():
        if not bench.store(project).has(one.model_id):
            continue
        made = bench.store(project).manifest(one.model_id)
        data.hold(project, holds=made.data_hash == one.data_hash, told=f"{made.data_hash} differs")
        code.hold(project, holds=made.code_version == installed, told="the code has changed since")
    return [data, code]


def of_champions(bench: Bench) -> list[Verdict]:
    """Return gate, drift and files, for the projects with a learned champion."""
    beaten, drift, files = Verdict("gate"), Verdict("drift"), Verdict("files", is_error=True)
    for project, one in records.last_evaluations(bench.lake, bench.model).items():
        champion = Champion.of(bench.home, bench.model, project)
        files.hold(project, holds=not champion.loaded.trouble, told=champion.loaded.trouble)
        if not champion.is_learned:
            continue
        win = one.metrics["win"]
        beaten.hold(project, holds=win >= gate.STAY, told=f"better in {100 * win:.0f} % only")
        moved = [
            f"{shift.name} PSI {shift.psi:.2f}"
            for shift in shifts(bench.lake, bench.home, bench.model, project)
            if shift.verdict == "much"
        ]
        drift.hold(project, holds=not moved, told=", ".join(moved))
    return [beaten, drift, files]


def champions(bench: Bench) -> Mapping[str, str]:
    """Return who scores each project."""
    return {
        project: Champion.of(bench.home, bench.model, project).by
        for project in rows.projects(bench.lake, bench.model)
    }
