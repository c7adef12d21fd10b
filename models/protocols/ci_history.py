"""CI histories: which tests fail next, in which order to run them, and what half the time catches.

Data: one row an execution, one or more histories (`dataset`), as in the RETECS artefact (Spieker et
al., ISSTA 2017). Several executions of a test in a cycle are one: it failed if one did, times add
up. Each cycle is forecast from the cycles before it. Settings were chosen on the first
`CHOSEN_ON` of the cycles of two histories, so the figures of the rest are given apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from models import ordering
from models.beta import Floats
from models.budget import Bank
from models.evaluate import Outcome, Protocol, Score, Tell, brier, calibration_error
from models.test_history import Flags
from models.test_selection import (
    FEWEST_TESTS,
    HEURISTICS,
    LEARNED,
    Build,
    Forecast,
    Selector,
    builds_of,
    numbered,
    walk,
)

CHOSEN_ON = 0.4
GUARD = 0.005
HALF = 0.5
MISSES = 40
"""Rows of the list of misses of a history, those of the newest cycles."""
PUBLISHED = {
    "iofrol": ("best RL .575, EWMA .634, optimal .79", 0.64, 0.67, 0.74),
    "dune": ("failure rate .95", 0.95, None, None),
}
"""By the beginning of a history's name: published APFD, our goals for it, late APFD, late AUC."""
RIVALS = HEURISTICS
Pairs = Sequence[tuple[Build, Forecast]]


def run(rows: pl.DataFrame, tell: Tell) -> Outcome:
    """Return the scores of each history of `rows`."""
    scores: list[Score] = []
    curves: dict[str, tuple[Floats, Floats]] = {}
    missed: list[pl.DataFrame] = []
    for (name,), part in rows.sort("cycle").group_by("dataset", maintain_order=True):
        tell(str(name))
        pairs, cycles, numbers = _walked(part)
        if not any(build.failed.any() for build, _ in pairs):
            continue
        late = pairs[int(CHOSEN_ON * len(pairs)) :]
        curves[str(name)] = _labelled(pairs)
        scores += _ordering(str(name), pairs, late)
        scores += _probability(str(name), pairs, late)
        scores += _selection(str(name), pairs)
        missed.append(_misses(str(name), pairs, cycles, numbers))
    return Outcome(scores, curves, {"missed at half the time": pl.concat(missed)} if missed else {})


def _walked(part: pl.DataFrame) -> tuple[Pairs, list[int], pl.DataFrame]:
    results = part.select(
        "test_id", "duration", build="cycle", failed=pl.col("verdict").cast(pl.Int64) > 0
    )
    numbers = numbered(results)
    builds = builds_of(results, numbers)
    told = walk(Selector(numbers.height), builds)
    return list(zip(builds, told, strict=True)), sorted(results["build"].unique()), numbers


def _judged(pairs: Pairs) -> Pairs:
    return [one for one in pairs if one[0].failed.any() and len(one[0].tests) >= FEWEST_TESTS]


def mean_apfd(pairs: Pairs, by: str = "") -> float:
    """Return the mean APFD of our order, or of one of the scores, or of the `optimal` order."""
    found = [ordering.apfd(_order(build, said, by), build.failed) for build, said in _judged(pairs)]
    return float(np.mean(found)) if found else float("nan")


def _order(build: Build, said: Forecast, by: str) -> Floats:
    if by == "optimal":
        return build.failed.astype(np.float64)
    if by == "random":
        return np.zeros(len(build.tests))
    return said.scores[by] if by else said.score


def _ordering(name: str, pairs: Pairs, late: Pairs) -> list[Score]:
    if not _judged(pairs):
        return []
    known = next((told for key, told in PUBLISHED.items() if name.startswith(key)), None)
    published, goal, later, _ = known or ("", None, None, None)
    best = max(mean_apfd(pairs, rival) for rival in RIVALS)
    ours = mean_apfd(pairs)
    by = max(set(one := [said.by for _, said in pairs]), key=one.count)
    note = f"{len(_judged(pairs))} failing cycles of {FEWEST_TESTS} tests and more; mostly by {by}"
    scores = [
        Score(name, "APFD", ours, _rivals(pairs), published, goal, note=note),
        Score(name, "APFD, later 60 %", mean_apfd(late), _rivals(late), "", later,
              note="settings were chosen on the cycles before"),
        Score(name, "APFD below the best heuristic", max(best - ours, 0.0), goal=GUARD,
              is_low_good=True, note="the best in hindsight"),
    ]  # fmt: skip
    return scores if _judged(late) else [scores[0], scores[2]]


def _rivals(pairs: Pairs) -> dict[str, float]:
    return {name: mean_apfd(pairs, name) for name in ("random", *RIVALS, LEARNED, "optimal")}


def _labelled(pairs: Pairs) -> tuple[Floats, Floats]:
    truth = np.concatenate([build.failed for build, _ in pairs]).astype(np.float64)
    return truth, np.concatenate([said.probability for _, said in pairs])


def _probability(name: str, pairs: Pairs, late: Pairs) -> list[Score]:
    known = next((told for key, told in PUBLISHED.items() if name.startswith(key)), None)
    scores: list[Score] = []
    for part, which in ((pairs, ""), (late, ", later 60 %")):
        truth, said = _labelled(part)
        if truth.min() == truth.max():
            continue
        usual = np.concatenate([told.scores[HEURISTICS[0]] for _, told in part])
        constant = float(truth.mean() * (1 - truth.mean()))
        goal = known[3] if known and which else None
        scores += [
            Score(name, f"AUC{which}", float(roc_auc_score(truth, said)),
                  {"failure rate": float(roc_auc_score(truth, usual))}, "", goal),
            Score(name, f"calibration error{which}", calibration_error(truth, said),
                  {"failure rate": calibration_error(truth, usual)}, "", 0.05, is_low_good=True),
            Score(name, f"Brier{which}", brier(truth, said),
                  {"constant": constant, "failure rate": brier(truth, usual)}, "", constant,
                  is_low_good=True),
        ]  # fmt: skip
    return scores


def _selection(name: str, pairs: Pairs) -> list[Score]:
    """Score what half of each cycle's time catches, beside what the optimal order would catch."""
    builds = [build for build, _ in pairs]
    failed = [build.failed for build in builds]
    times = [build.duration for build in builds]
    ours = ordering.caught([cut(build, said.score) for build, said in pairs], failed, times)
    best = ordering.caught([_optimal(build) for build in builds], failed, times)
    rate = ordering.caught(
        [cut(build, said.scores[HEURISTICS[0]]) for build, said in pairs], failed, times
    )
    note = "of each cycle's time; the goal where the optimal order allows it, else the optimum"
    return [
        Score(name, "failures caught in half the time", ours.failures,
              {"failure rate": rate.failures, "optimal": best.failures},
              "Meta 95 % at half the cost", min(0.95, best.failures), note=note),
        Score(name, "failing cycles caught in half the time", ours.builds,
              {"failure rate": rate.builds, "optimal": best.builds},
              "Meta 99.9 %", min(0.99, best.builds), note=note),
        *_banked(name, pairs),
    ]  # fmt: skip


def _banked(name: str, pairs: Pairs) -> list[Score]:
    """Score half of the time of the whole history, of which large cycles keep some for small ones.

    So it is counted by Meta (Machalica et al., 2019): cost of all changes, not of each.
    """
    every = {
        "": [said.score for _, said in pairs],
        "failure rate": [said.scores[HEURISTICS[0]] for _, said in pairs],
        "optimal": [build.failed.astype(np.float64) for build, _ in pairs],
    }
    found = {who: _bank(pairs, scores) for who, scores in every.items()}
    ours, best = found.pop(""), found["optimal"]
    note = f"{ours.time:.1%} of all cycles' time, no moment above half; else as above"
    return [
        Score(name, "failures caught, half of all time", ours.failures,
              {who: one.failures for who, one in found.items()}, "Meta 95 % at half the cost",
              min(0.95, best.failures), note=note),
        Score(name, "failing cycles caught, half of all time", ours.builds,
              {who: one.builds for who, one in found.items()}, "Meta 99.9 %",
              min(0.99, best.builds), note=note),
    ]  # fmt: skip


def _bank(pairs: Pairs, scores: Sequence[Floats]) -> ordering.Caught:
    bank = Bank(HALF)
    builds = [build for build, _ in pairs]
    picked = [
        bank.choose(score, build.duration) for score, build in zip(scores, builds, strict=True)
    ]
    return ordering.caught(
        picked, [build.failed for build in builds], [build.duration for build in builds]
    )


def cut(build: Build, score: Floats) -> Flags:
    """Return which tests run in half of a cycle's time, by its true durations."""
    return ordering.chosen(score, build.duration, HALF * float(build.duration.sum()))


def _optimal(build: Build) -> Flags:
    """Return the failed tests that fit, the shortest first: none fits more of them."""
    return cut(build, build.failed.astype(np.float64))


def _misses(name: str, pairs: Pairs, cycles: list[int], numbers: pl.DataFrame) -> pl.DataFrame:
    """Return the failures that half the time left out and the optimal order would have caught."""
    frames: list[pl.DataFrame] = []
    for cycle, (build, said) in zip(cycles, pairs, strict=True):
        lost = build.failed & ~cut(build, said.score) & _optimal(build)
        frames.append(
            pl.DataFrame(
                {
                    "number": build.tests[lost].astype(np.uint32),
                    "probability": said.probability[lost],
                }
            ).with_columns(dataset=pl.lit(name), cycle=pl.lit(cycle, dtype=pl.Int64))
        )
    rows = pl.concat(frames).join(numbers, on="number").sort("cycle", descending=True)
    newest = rows.select("dataset", "cycle", "test_id", "probability").head(MISSES)
    return newest.with_columns(of=pl.lit(rows.height, dtype=pl.Int64))


PROTOCOL = Protocol(
    "ci_history",
    "failing tests told before each cycle of a CI history, ordered and selected",
    ("dataset", "cycle", "test_id", "duration", "verdict"),
    run,
)
