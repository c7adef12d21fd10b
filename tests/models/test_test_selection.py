"""A ranker takes over only where it earned it; answers are measured on the past, and humble."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from histories import planted, results

from models import evaluate, selecting
from models.protocols import ci_history
from models.test_selection import (
    BLEND,
    FEWEST_BUILDS,
    HEURISTICS,
    LEARNED,
    Selector,
    builds_of,
    numbered,
    walk,
)
from models.touching import touching

DATA = Path(__file__).parents[3] / "shared" / "data" / "ci_history"


def test_the_failure_rate_ranks_while_little_is_known() -> None:
    rows = planted(FEWEST_BUILDS - 1)
    told = walk(Selector(30), builds_of(rows, numbered(rows)))
    assert {said.by for said in told} == {HEURISTICS[0]}


@pytest.mark.parametrize(
    ("merits", "leader"),
    [
        ({"failure rate": 0.6, "EWMA": 0.7, LEARNED: 0.69, BLEND: 0.65}, "EWMA"),
        ({"failure rate": 0.6, "EWMA": 0.7, LEARNED: 0.71, BLEND: 0.65}, LEARNED),
        ({"failure rate": 0.6, "EWMA": 0.7, LEARNED: 0.71, BLEND: 0.72}, BLEND),
        ({"failure rate": 0.7, "EWMA": 0.7, LEARNED: 0.7, BLEND: 0.7}, "failure rate"),
    ],
)
def test_who_ranks_is_who_won_in_the_past(merits: dict[str, float], leader: str) -> None:
    rows = planted(20)
    selector = Selector(30)
    walk(selector, builds_of(rows, numbered(rows)))
    selector.forecast(np.arange(30))
    others = dict.fromkeys(HEURISTICS, 0.5)
    selector.merits = {name: [value] * 9 for name, value in {**others, **merits}.items()}
    assert selector.leader() == leader


def test_planted_failures_come_first_and_are_calibrated() -> None:
    rows = planted(80)
    told = walk(Selector(30), builds_of(rows, numbered(rows)))
    last = told[-1]
    assert set(np.argsort(-last.score)[:3]) == {0, 10, 20}
    assert last.probability[[0, 10, 20]] == pytest.approx(0.4, abs=0.15)
    assert np.delete(last.probability, [0, 10, 20]).max() < 0.05


def test_an_answer_ranks_says_why_and_knows_its_past() -> None:
    found = selecting.answer(planted(60), pl.DataFrame({"test_id": range(30)}))
    assert found.tests["rank"].to_list() == list(range(1, 31))
    assert set(found.tests["test_id"][:3]) == {0, 10, 20}
    assert any("of its last 5 runs" in one for one in found.tests["reasons"][0])
    assert "has not failed in 60 runs" in found.tests["reasons"][29]
    assert not found.is_humble
    curve = found.curve
    assert curve["failures"].is_sorted()
    assert curve["failures"][-1] == 1
    share = found.share_for(0.95)
    assert share < 0.5
    picked = found.subset(share * 30)
    assert {0, 10, 20} <= set(picked["test_id"])
    assert picked["duration"].sum() <= share * 30 + 1e-6


def test_the_list_of_misses_is_what_the_curve_counts() -> None:
    found = selecting.answer(planted(40), pl.DataFrame({"test_id": range(30)}))
    failures = planted(40)["failed"].sum()
    for share, caught in found.curve.select("share", "failures").rows():
        assert found.missed(share).height == round(failures * (1 - caught))


def test_a_short_past_leaves_nothing_out() -> None:
    found = selecting.answer(planted(10), pl.DataFrame({"test_id": range(30)}))
    assert found.is_humble
    assert found.share_for(0.5) == 1
    assert found.subset(1.0).height == 30


def test_a_past_without_failures_leaves_nothing_out() -> None:
    rows = planted(60).with_columns(failed=pl.lit(value=False))
    found = selecting.answer(rows, pl.DataFrame({"test_id": range(31)}))
    assert found.is_humble
    assert found.by == HEURISTICS[0]
    assert found.subset(1.0).height == 31


def test_reasons_tell_of_new_tests_absence_and_the_change() -> None:
    rows = planted(30).filter((pl.col("test_id") != 5) | (pl.col("build") < 10))
    asked = pl.DataFrame({"test_id": [5, 99, 7], "touches": [False, False, True]})
    told = dict(selecting.answer(rows, asked).tests.select("test_id", "reasons").rows())
    assert "was not run for 20 builds" in told[5]
    assert told[99][0] == "is new: it has never run"
    assert told[7][0].startswith("touches the same folder")


def test_a_change_that_breaks_what_is_next_to_it_is_learned() -> None:
    dice = np.random.default_rng(3)
    rows: list[tuple[int, int, bool, float]] = []
    near: list[bool] = []
    for build in range(60):
        chosen = int(dice.integers(40))
        for test in range(40):
            near.append(test == chosen)
            rows.append((build, test, test == chosen and bool(dice.random() < 0.7), 1.0))
    history = results(rows).with_columns(touches=pl.Series(near))
    asked = pl.DataFrame({"test_id": range(40), "touches": [test == 17 for test in range(40)]})
    first = selecting.answer(history, asked).tests.row(0, named=True)
    assert first["test_id"] == 17


def test_tests_next_to_a_change_share_its_folder_or_its_name() -> None:
    tests = pl.DataFrame(
        {
            "test_id": [1, 2, 3, 4],
            "file": ["tests/cart/test_total.py", "tests/pay/test_card.py", None, "top_test.go"],
            "class_name": [None, None, "org.shop.CardTest", None],
        }
    )
    changed = pl.DataFrame({"build": [0, 0, 1], "path": ["tests/cart/data.json", "src/Card.java",
                                                         "README.md"]})  # fmt: skip
    found = touching(tests, changed).sort("test_id").rows()
    assert found == [(0, 1), (0, 2), (0, 3)]
    wide = pl.DataFrame({"build": [0] * 300, "path": [f"tests/cart/{n}" for n in range(300)]})
    assert touching(tests, wide).height == 0


def test_the_protocol_runs_on_any_histories_of_its_columns() -> None:
    one = planted(60).select("test_id", "duration", cycle="build", verdict=pl.col("failed") * 1)
    both = pl.concat([one.with_columns(dataset=pl.lit(name)) for name in ("a", "b")])
    outcome = ci_history.run(both, lambda _: None)
    value = {(score.protocol, score.measure): score for score in outcome.scores}
    assert value["a", "APFD"].value == value["b", "APFD"].value
    assert value["a", "APFD"].value > 0.9
    assert value["a", "APFD"].rivals["random"] == pytest.approx(0.5)
    assert value["a", "failures caught in half the time"].is_met
    assert set(outcome.curves) == {"a", "b"}
    small = both.filter(pl.col("test_id") < 3)
    assert all(score.value == score.value for score in ci_history.run(small, lambda _: None).scores)
    none = both.with_columns(verdict=pl.lit(0))
    assert not ci_history.run(none, lambda _: None).scores


@pytest.mark.parametrize("name", ["iofrol", "dune_debian11"])
def test_no_order_is_far_below_the_best_heuristic_on_public_histories(name: str) -> None:
    path = DATA / f"{name}_first60.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    rows = evaluate.read(path, ci_history.PROTOCOL)
    outcome = ci_history.run(rows, lambda _: None)
    value = {score.measure: score for score in outcome.scores}
    assert value["APFD below the best heuristic"].is_met
    assert value["calibration error"].is_met
    assert value["Brier"].is_met
    assert value["APFD"].value > value["APFD"].rivals["EWMA"]
    assert value["failing cycles caught, half of all time"].is_met


def test_broken_times_and_single_tests_do_no_harm() -> None:
    rows = planted(30, tests=1).with_columns(
        duration=pl.when(pl.col("build") % 3 == 0).then(float("nan")).otherwise(-1.0)
    )
    said = walk(Selector(1), builds_of(rows, numbered(rows)))
    assert all(np.isfinite(one.probability).all() and (one.duration == 0).all() for one in said[1:])
