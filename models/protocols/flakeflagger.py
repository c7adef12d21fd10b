"""FlakeFlagger: which tests are flaky, told without running any of them again.

Data: one row a test with the columns of the replication package of "FlakeFlagger: Predicting
Flakiness Without Rerunning Tests" (Alshammari et al., ICSE 2021). Four questions: the paper's own
folds, which let tests of one class stand on both sides; folds that keep classes together; projects
of which nothing is labelled; and the same with a tenth or three tenths of their labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl
from sklearn.metrics import average_precision_score, f1_score, precision_recall_curve, roc_auc_score
from sklearn.model_selection import GroupKFold, StratifiedKFold

from golive_core.errors import UsageError
from models import learners, static_flaky
from models.beta import Floats
from models.evaluate import Outcome, Protocol, Score, Tell, brier, calibration_error
from models.static_flaky import Views, views

FOLDS = 10
SEEDS = 5
EVEN = 0.5
ENOUGH = 5
"""Flaky tests, and tests that are not, from which on a project's AUC means something."""
OWN_GOALS = {0.1: 0.86, 0.3: 0.90}
PAPER = "F1 .67-.70 (FlakeFlagger, ICSE 2021)"
Folds = Iterable[tuple[np.ndarray, np.ndarray]]


def run(rows: pl.DataFrame, tell: Tell) -> Outcome:
    """Return the scores of the four questions; `rows` has one row a test."""
    rows = rows.unique(["project", "test_name"], keep="first", maintain_order=True)
    labels = rows["is_flaky"].cast(pl.Float64).to_numpy()
    if min(labels.sum(), (1 - labels).sum()) < FOLDS:
        raise UsageError(f"{FOLDS} folds need as many flaky tests, and as many that are not")
    seen = views(rows)
    scores: list[Score] = []
    curves: dict[str, tuple[Floats, Floats]] = {}
    pooled = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(seen.full, labels)
    classes = min(FOLDS, len(np.unique(seen.groups)))
    apart = GroupKFold(classes, shuffle=True, random_state=0)
    grouped = apart.split(seen.full, labels, seen.groups)
    for name, folds in (("pooled 10-fold", pooled), ("classes apart", grouped)):
        told, called, rival = _cross(
            seen, rows, labels, folds, lambda n, name=name: tell(f"{name} {n}")
        )
        curves[name] = (labels, told)
        scores += _told(name, labels, told, called, rival, seen.time)
    scores += _unseen(seen, labels, tell)
    return Outcome(scores, curves)


def _cross(
    seen: Views, rows: pl.DataFrame, labels: Floats, folds: Folds, tell: Tell
) -> tuple[Floats, Floats, Floats]:
    """Return probabilities, verdicts and the rival's probabilities, each out of its fold."""
    raw = rows.drop("project", "test_name", "is_flaky").cast(pl.Float64).to_numpy()
    told, called, rival = (np.zeros(len(labels)) for _ in range(3))
    for nth, (train, test) in enumerate(folds, start=1):
        tell(f"fold {nth} of {FOLDS}")
        model = static_flaky.fit_known(seen.full[train], labels[train])
        told[test] = model.predict(seen.full[test])
        called[test] = told[test] >= model.cut
        usual = learners.boosting().fit(raw[train], labels[train])
        rival[test] = learners.chance(usual, raw[test])
    return told, called, rival


def _told(
    name: str, labels: Floats, told: Floats, called: Floats, rival: Floats, time: Floats
) -> list[Score]:
    is_pooled = name.startswith("pooled")
    goals = (0.75, 0.80) if is_pooled else (None, 0.55)
    usual = float(f1_score(labels, rival >= EVEN))
    constant = float(labels.mean())
    return [
        Score(name, "F1, cut from training", float(f1_score(labels, called)),
              {"HGB at 0.5": usual}, PAPER if is_pooled else "", goals[0]),
        Score(name, "best F1", best_f1(labels, told), {"HGB": best_f1(labels, rival)},
              "HGB .43" if not is_pooled else "", None if is_pooled else 0.55),
        Score(name, "average precision", _ap(labels, told),
              {"HGB": _ap(labels, rival), "time alone": _ap(labels, time)},
              "HGB .50" if not is_pooled else "", goals[1]),
        Score(name, "calibration error", calibration_error(labels, told),
              {"HGB": calibration_error(labels, rival)}, "", 0.05, is_low_good=True),
        Score(name, "Brier", brier(labels, told),
              {"constant": constant * (1 - constant), "HGB": brier(labels, rival)}, "",
              constant * (1 - constant), is_low_good=True),
    ]  # fmt: skip


def _ap(labels: Floats, told: Floats) -> float:
    return float(average_precision_score(labels, told))


def best_f1(labels: Floats, told: Floats) -> float:
    """Return the F1 of the best cut in hindsight: an upper bound, as papers report it."""
    precision, recall, _ = precision_recall_curve(labels, told)
    return float((2 * precision * recall / np.maximum(precision + recall, 1e-12)).max())


def _unseen(seen: Views, labels: Floats, tell: Tell) -> list[Score]:
    """Score each project that has enough of both kinds, by what the others teach."""
    every = np.unique(seen.projects)
    names = [name for name in every if _has_both(labels[seen.projects == name])]
    if len(every) == 1 or not names:
        return []
    ours: list[float] = []
    alone: list[float] = []
    own: dict[float, list[float]] = {share: [] for share in OWN_GOALS}
    for name in names:
        tell(f"project {name}")
        at = seen.projects == name
        others, project = _part(seen, ~at), _part(seen, at)
        told = static_flaky.rank_unseen(others, labels[~at], project)
        ours.append(float(roc_auc_score(labels[at], told)))
        alone.append(float(roc_auc_score(labels[at], project.time)))
        for share, found in own.items():
            found.append(_with_own(others, labels[~at], project, labels[at], share))
    below = sum(mine < usual - 0.005 for mine, usual in zip(ours, alone, strict=True))
    note = f"{len(names)} projects with at least {ENOUGH} flaky tests"
    usual = {"time alone": float(np.mean(alone))}
    scores = [
        Score("unseen projects", "AUC, mean", float(np.mean(ours)), usual, "time alone .78", 0.81,
              note=note),
        Score("unseen projects", "projects below time alone", below, goal=0, is_low_good=True,
              note="by more than .005"),
    ]  # fmt: skip
    for share, found in own.items():
        scores.append(
            Score(f"{share:.0%} own labels", "AUC, mean", float(np.mean(found)), usual,
                  {0.1: ".83", 0.3: ".87"}[share], OWN_GOALS[share], note=f"{SEEDS} seeds")
        )  # fmt: skip
    return scores


def _has_both(labels: Floats) -> bool:
    return min(labels.sum(), (1 - labels).sum()) >= ENOUGH


def _with_own(others: Views, labels: Floats, project: Views, truth: Floats, share: float) -> float:
    """Return the mean AUC on the unlabelled rest over SEEDS draws of a share of the labels."""
    found: list[float] = []
    for seed in range(SEEDS):
        own = _draw(truth, share, np.random.default_rng(seed))
        told = static_flaky.learn_own(others, labels, project, own, truth[own], seed=seed)
        found.append(float(roc_auc_score(truth[~own], told[~own])))
    return float(np.mean(found))


def _draw(truth: Floats, share: float, dice: np.random.Generator) -> np.ndarray:
    """Return a mask of a share of each kind, at least one of each."""
    chosen = np.zeros(len(truth), dtype=bool)
    for kind in (0, 1):
        at = dice.permutation(np.flatnonzero(truth == kind))
        chosen[at[: max(1, round(share * len(at)))]] = True
    return chosen


def _part(seen: Views, at: np.ndarray) -> Views:
    cut: Callable[[np.ndarray], np.ndarray] = lambda array: array[at]  # noqa: E731
    return Views(
        cut(seen.full), cut(seen.portable), cut(seen.time), cut(seen.groups), cut(seen.projects)
    )


PROTOCOL = Protocol(
    "flakeflagger",
    "flaky tests told by what they are like, without running them again",
    ("project", "test_name", "is_flaky", static_flaky.TIME, static_flaky.SIZE),
    run,
)
