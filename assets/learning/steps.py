"""The steps: evaluate what is due, fit what was evaluated, promote or retire, roll back.

Each finds out from the lake and the files what is left to do, so that a process killed anywhere is
made up for by the next run. Two processes take turns. No Dagster here.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assets.cursors import alone
from assets.learning import records, rows
from assets.learning.due import Due, due
from assets.learning.records import Evaluation
from golive_core.errors import UsageError
from golive_core.lake import Lake
from models import life
from models.calibration import Calibration
from models.learned import LearnedModel
from models.runs import code_version
from models.store import Store, Turn, stamp

GATE = "gate"
"""Who turns a champion when no person does."""
HOLD = timedelta(days=7)
"""Time after a person's rollback in which the gate promotes nothing of the same code."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a model lives and what it may use."""

    lake: Lake
    home: Path
    model: LearnedModel
    threads: int = 1

    def store(self, project_id: str) -> Store:
        """Return the files of a project."""
        return Store(self.home, self.model.name, project_id)

    @contextmanager
    def alone(self) -> Generator[None]:
        """Hold the model against other processes."""
        with alone(self.lake, f"learning_{self.model.name}"):
            yield


def life_of(bench: Bench, *, made_at: datetime | None = None) -> list[Evaluation]:
    """Take every step that is due, as the assets do one by one; return the new evaluations."""
    at = made_at or datetime.now(UTC)
    found = evaluate(bench, made_at=at)
    fit(bench, made_at=at)
    promote(bench, made_at=at)
    return found


def evaluate(bench: Bench, *, made_at: datetime) -> list[Evaluation]:
    """Evaluate the projects that are due, walk-forward; return what was found."""
    with bench.alone():
        todo = [one for one in due(bench.lake, bench.home, bench.model) if one.reason]
        ids = [one.project_id for one in todo if _evaluate(bench, one, made_at)]
        known = records.last_evaluations(bench.lake, bench.model)
        return [known[one] for one in ids]


def _evaluate(bench: Bench, task: Due, made_at: datetime) -> bool:
    model = bench.model
    learned = rows.window(bench.lake, model, task.project_id, task.as_of)
    champion = bench.store(task.project_id).champion(model.types)
    found = life.evaluate(model, learned, champion, bench.threads)
    if found is None:
        return False
    bench.lake.insert(records.TABLE, records.row(model, {
        "model_id": records.new_id(model, task.project_id, made_at),
        "project_id": task.project_id, "at": made_at, "kind": "evaluate",
        "code_version": code_version(model.files), "data_hash": life.data_hash(model, learned),
        "rows": learned.height, "metrics": found.comparison.cells(),
        "parameters": {
            "as_of": stamp(task.as_of), "calibration": found.calibration.cells(),
            "decision": found.decision.word, "due": task.reason,
            "against": champion.manifest.model_id if champion.manifest else records.HEURISTIC,
        },
        "reason": found.decision.reason,
    }))  # fmt: skip
    return True


def fit(bench: Bench, *, made_at: datetime) -> list[str]:
    """Fit and save what was evaluated to win and has no whole files; return the ids."""
    with bench.alone():
        known = records.last_evaluations(bench.lake, bench.model).values()
        return [one.model_id for one in known if _fit(bench, one, made_at)]


def _fit(bench: Bench, evaluation: Evaluation, made_at: datetime) -> bool:
    model, store = bench.model, bench.store(evaluation.project_id)
    is_wanted = evaluation.word == "promote" and evaluation.code_version == code_version(
        model.files
    )
    if not is_wanted or store.is_whole(evaluation.model_id):
        return False
    learned = rows.window(bench.lake, model, evaluation.project_id, evaluation.as_of)
    if life.data_hash(model, learned) != evaluation.data_hash:
        return False  # rows of its past were mended meanwhile: without files it is due again
    estimator = life.fit(model, learned, bench.threads)
    made = store.save(
        life.manifest(
            model, learned, estimator, model_id=evaluation.model_id, as_of=evaluation.as_of,
            made_at=made_at, metrics=dict(evaluation.metrics),
            line=Calibration.of(evaluation.parameters["calibration"]),
        ),
        estimator,
    )  # fmt: skip
    store.prune()
    bench.lake.insert(records.TABLE, records.row(model, {
        "model_id": made.model_id, "project_id": made.project_id, "at": made_at, "kind": "fit",
        "code_version": made.code_version, "data_hash": made.data_hash, "rows": made.rows,
        "parameters": {"calibration": made.calibration, "estimator_sha256": made.estimator_sha256},
        "reason": evaluation.parameters["due"],
    }))  # fmt: skip
    return True


def promote(bench: Bench, *, made_at: datetime) -> list[Turn]:
    """Carry out what the gate decided about the newest evaluations; return the turns."""
    with bench.alone():
        known = records.last_evaluations(bench.lake, bench.model).values()
        return [turn for one in known for turn in _turn(bench, one, made_at)]


def _turn(bench: Bench, evaluation: Evaluation, made_at: datetime) -> list[Turn]:
    store = bench.store(evaluation.project_id)
    turns = store.turns()
    made: list[Turn] = []
    is_newer = not turns or datetime.fromisoformat(turns[-1].at) < evaluation.at
    is_champion = bool(turns) and bool(turns[-1].model_id)
    if evaluation.word == "retire" and is_newer and is_champion:
        made = [Turn("rollback", "", stamp(made_at), GATE, evaluation.reason)]
    elif _may_promote(store, evaluation, turns, made_at) and is_newer:
        made = [Turn("promote", evaluation.model_id, stamp(made_at), GATE, evaluation.reason)]
    for turn in made:
        store.crown(turn)
    records.write_turns(bench.lake, bench.model, evaluation.project_id, [*turns, *made])
    return made


def _may_promote(
    store: Store, evaluation: Evaluation, turns: list[Turn], made_at: datetime
) -> bool:
    if evaluation.word != "promote" or not store.has(evaluation.model_id):
        return False
    return not held(store, turns, evaluation.code_version, made_at)


def held(store: Store, turns: list[Turn], code: str, now: datetime) -> bool:
    """Tell whether a person's rollback still holds the gate back: new code is let through."""
    if not turns or turns[-1].kind != "rollback" or turns[-1].by == GATE:
        return False
    left = turns[-2].model_id if len(turns) > 1 else ""
    if left and store.has(left) and store.manifest(left).code_version != code:
        return False
    return now - datetime.fromisoformat(turns[-1].at) < HOLD


def rollback(
    bench: Bench, project_id: str, *, to: str = "", by: str, made_at: datetime, reason: str = ""
) -> Turn:
    """Go back to the champion before, or to the version (or "heuristic") `to`; return the turn.

    The next scoring uses it. Raises UsageError where there is nothing to go back to, or no such
    version, and ModelFileError where its files are not to be trusted.
    """
    with bench.alone():
        store = bench.store(project_id)
        target = _target(store, to)
        if target:
            store.load(target, bench.model.types)
        turn = Turn("rollback", target, stamp(made_at), by, reason or "asked for")
        store.crown(turn)
        records.write_turns(bench.lake, bench.model, project_id, store.turns())
        return turn


def _target(store: Store, to: str) -> str:
    if not to:
        return store.before()
    if to == records.HEURISTIC:
        return ""
    known = store.versions()
    if to not in known:
        hint = f"There are: {', '.join([*known, records.HEURISTIC])}"
        raise UsageError(
            f"no version {to!r}", where=f"{store.name} of {store.project_id}", hint=hint
        )
    return to
