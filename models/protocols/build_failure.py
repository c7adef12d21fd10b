"""Builds told before they start: GoLive's own way through histories, beside simpler forecasts.

Data: one row a build, one or more projects. Needed are `project_id`, `build_id`, `pipeline_id`,
`as_of` (when it was asked for), `failed` (null without a verdict) and `known_at` (when it ended);
every further column of `models.build_changes.CHANGE` and `stage_share` is taken where there is one.
`golive simulate --export FILE` writes such a file, and so does `golive sql` over
predictions.build_features and core.builds.

The first part of a history is told by the rule. Then each step is told by the learned model if the
gate would have promoted it on the steps before, else by the rule. Nothing of a build, and no
verdict that was not known when it was asked for, is seen by its forecast. Sizes were chosen on
simulated histories of seeds 1 to 3, so that other seeds judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from models import gate, walk_forward
from models.build_failure import LEARNED
from models.build_features import OUTCOME, features, past_of
from models.evaluate import Floats, Outcome, Protocol, Score, Tell, brier, calibration_error
from models.threads import capped
from models.walk_forward import Forecasts, average_precision

BLOCK = 10
"""Builds that the rule tells with the same past."""
RULE, CONSTANT, LAST = LEARNED.heuristic_name, "constant", "last result"
ECE = 0.05
THREADS = 2
Told = dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Walked:
    """One project: what came, what was said by whom, and the builds that the learned model told."""

    project: str
    truth: Floats
    told: Told
    learned: int
    """How many of the builds the gate let the learned model tell."""


def run(rows: pl.DataFrame, tell: Tell) -> Outcome:
    """Return scores over all projects, and a table of each."""
    walks = [one for one in _walks(rows, tell) if 0 < one.truth.mean() < 1]
    if not walks:
        return Outcome([])
    truth = np.concatenate([one.truth for one in walks])
    told = {name: np.concatenate([one.told[name] for one in walks]) for name in walks[0].told}
    table = pl.DataFrame([_row(one) for one in walks])
    return Outcome(_scores(truth, told, table), {"build_failure": (truth, told["GoLive"])},
                   {"by project": table})  # fmt: skip


def _walks(rows: pl.DataFrame, tell: Tell) -> Iterator[Walked]:
    for (project,), part in rows.group_by("project_id", maintain_order=True):
        tell(str(project))
        past = past_of(part)
        found = features(past.drop(list(OUTCOME)), past)
        ended = past.select("build_id", "failed", "known_at")
        labelled = found.join(ended, on="build_id").drop_nulls(["failed", "known_at"])
        if labelled.height > BLOCK:
            yield _walk(str(project), labelled.sort("as_of", "build_id"))


def _walk(project: str, rows: pl.DataFrame) -> Walked:
    truth = LEARNED.truth(rows)
    simple = _simple(rows)
    ours, learned = simple[RULE].copy(), 0
    with capped(THREADS):
        told = walk_forward.forecasts(LEARNED, rows, THREADS) if _is_enough(rows) else None
    if told is not None:
        chosen = gated(told, rows)
        ours[-len(chosen) :] = np.where(chosen, told.learned, told.heuristic)
        learned = int(chosen.sum())
    return Walked(project, truth, {"GoLive": ours, **simple}, learned)


def _is_enough(rows: pl.DataFrame) -> bool:
    bad = int(rows["failed"].sum())
    rarer = min(bad, rows.height - bad)
    return rows.height >= LEARNED.fewest_rows and rarer >= LEARNED.fewest_events


def gated(told: Forecasts, rows: pl.DataFrame) -> np.ndarray:
    """Return which forecasts the learned model would have made, by the gate on earlier steps."""
    chosen = np.zeros(len(told.truth), dtype=bool)
    is_learned = False
    for step in walk_forward.steps(LEARNED, rows):
        start, end = step["as_of"].min(), step["as_of"].max()
        known = (told.at < start).to_numpy()
        if known.sum() >= LEARNED.fewest_rows / 2:
            now = walk_forward.compare(_part(told, known), LEARNED.loss)
            word = gate.decide(now, is_learned=is_learned).word
            is_learned = word == "promote" or (is_learned and word == "keep")
        chosen[((told.at >= start) & (told.at <= end)).to_numpy()] = is_learned
    return chosen


def _part(told: Forecasts, keep: np.ndarray) -> Forecasts:
    return replace(
        told, truth=told.truth[keep], learned=told.learned[keep], raw=told.raw[keep],
        heuristic=told.heuristic[keep], constant=told.constant[keep],
        group=told.group.filter(keep), at=told.at.filter(keep),
    )  # fmt: skip


def _simple(rows: pl.DataFrame) -> Told:
    """Return what the rule, the running share, and the last result would have said."""
    found: dict[str, list[Floats]] = {RULE: [], CONSTANT: [], LAST: []}
    for block in rows.iter_slices(BLOCK):
        past = rows.filter(pl.col("known_at") < block["as_of"][0])
        found[RULE].append(LEARNED.heuristic(past, block))
        found[CONSTANT].append(np.full(block.height, _share(past)))
        bad, good = (_share(part) for part in (past.filter(_failing()), past.filter(~_failing())))
        is_bad = block.select(_failing()).to_series().to_numpy()
        found[LAST].append(np.where(is_bad, bad, good))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _failing() -> pl.Expr:
    return pl.col("branch_failing_builds") > 0


def _share(past: pl.DataFrame) -> float:
    return (float(past["failed"].sum()) + 0.5) / (past.height + 1.0)


def _row(one: Walked) -> Mapping[str, object]:
    ours, rule = one.told["GoLive"], one.told[RULE]
    return {
        "project": one.project, "builds": len(one.truth), "failing": float(one.truth.mean()),
        "told_by_learned": one.learned, "auc": _auc(one.truth, ours),
        "auc_rule": _auc(one.truth, rule), "auc_last": _auc(one.truth, one.told[LAST]),
        "ap": average_precision(one.truth, ours), "ap_rule": average_precision(one.truth, rule),
        "ap_last": average_precision(one.truth, one.told[LAST]),
        "brier": brier(one.truth, ours), "brier_rule": brier(one.truth, rule),
        "brier_constant": brier(one.truth, one.told[CONSTANT]),
        "ece": calibration_error(one.truth, ours),
    }  # fmt: skip


def _auc(truth: Floats, told: Floats) -> float:
    return float(roc_auc_score(truth, told))


def _scores(truth: Floats, told: Told, table: pl.DataFrame) -> list[Score]:
    def mean(name: str) -> float:
        return float(table.select(pl.col(name).mean()).item())

    others = {name: one for name, one in told.items() if name != "GoLive"}
    share = float(truth.mean())
    note = f"{len(truth)} builds of {table.height} projects, {share:.0%} failing"
    briers = {name: brier(truth, one) for name, one in others.items()}
    eces = {name: calibration_error(truth, one) for name, one in others.items()}
    learned = (
        f"{table['told_by_learned'].sum()} builds told by learned models, the others by the rule"
    )
    return [
        Score("walk-forward", "AUC", mean("auc"),
              {CONSTANT: 0.5, LAST: mean("auc_last"), RULE: mean("auc_rule")},
              note=f"mean of projects; {learned}"),
        Score("walk-forward", "average precision", mean("ap"),
              {CONSTANT: mean("failing"), LAST: mean("ap_last"), RULE: mean("ap_rule")},
              note="mean of projects"),
        Score("walk-forward", "Brier", brier(truth, told["GoLive"]), briers, "",
              briers[CONSTANT], is_low_good=True, note=note),
        Score("walk-forward", "calibration error", calibration_error(truth, told["GoLive"]), eces,
              "", ECE, is_low_good=True, note=note),
    ]  # fmt: skip


PROTOCOL = Protocol(
    "build_failure",
    "failing builds told before they start",
    ("project_id", "build_id", "pipeline_id", "as_of", "failed", "known_at"),
    run,
)
