"""The static prior: nothing of the label in its views, and what it learns from little."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golive_core.errors import UsageError
from models import evaluate, static_flaky
from models.static_flaky import Views, best_cut, views
from tests.models.labelled import labelled


def truth(rows: pl.DataFrame) -> np.ndarray:
    return rows["is_flaky"].cast(pl.Float64).to_numpy()


def test_views_do_not_read_the_label() -> None:
    rows = labelled()
    turned = views(rows.with_columns(is_flaky=1 - pl.col("is_flaky")))
    told = views(rows)
    assert np.array_equal(told.full, turned.full)
    assert np.array_equal(told.portable, turned.portable)


def test_what_is_portable_does_not_know_how_fast_a_project_is() -> None:
    rows = labelled(2)
    slower = rows.with_columns(
        pl.when(project="project-1").then(pl.col("ExecutionTime") * 50).otherwise("ExecutionTime")
    )
    assert np.allclose(views(rows).portable, views(slower).portable)
    assert not np.allclose(views(rows).full, views(slower).full)


def test_classes_of_two_projects_are_two() -> None:
    rows = labelled(1, 18)
    twice = pl.concat([rows, rows.with_columns(project=pl.lit("other"))])
    assert len(np.unique(views(twice).groups)) == 2 * len(np.unique(views(rows).groups))


def f1(labels: np.ndarray, called: np.ndarray) -> float:
    return 2 * (labels * called).sum() / max(labels.sum() + called.sum(), 1)


def area(labels: np.ndarray, told: np.ndarray) -> float:
    """Return the AUC: how often a flaky test is told above one that is not."""
    flaky, steady = told[labels == 1], told[labels == 0]
    return float(((flaky[:, None] > steady) + (flaky[:, None] == steady) / 2).mean())


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 20)), min_size=2, max_size=40).filter(
        lambda pairs: any(label for label, _ in pairs)
    )
)
def test_the_best_cut_is_the_best_of_all(pairs: list[tuple[bool, int]]) -> None:
    labels = np.array([label for label, _ in pairs], dtype=float)
    told = np.array([score / 20 for _, score in pairs])
    every = [f1(labels, told >= cut) for cut in np.arange(0.01, 1.02, 0.01)]
    assert f1(labels, told >= best_cut(labels, told)) == pytest.approx(max(every))


def split(rows: pl.DataFrame, name: str) -> tuple[Views, np.ndarray, Views, np.ndarray]:
    others, project = rows.filter(pl.col("project") != name), rows.filter(project=name)
    return views(others), truth(others), views(project), truth(project)


def test_a_project_without_labels_is_ordered_by_what_others_teach() -> None:
    known, labels, new, fate = split(labelled(4), "project-2")
    told = static_flaky.rank_unseen(known, labels, new)
    assert told.min() > 0
    assert told.max() <= 1
    assert area(fate, told) > 0.9


def test_own_labels_count_where_a_project_is_unlike_the_others() -> None:
    rows = labelled(3, 180)
    odd = rows.with_columns(
        pl.when(project="project-2")
        .then((pl.col("mystery-guest") == 1).cast(pl.Int64))
        .otherwise("is_flaky")
        .alias("is_flaky")
    )
    known, labels, new, fate = split(odd, "project-2")
    own = np.arange(len(fate)) % 3 == 0
    told = static_flaky.learn_own(known, labels, new, own, fate[own])
    unaided = static_flaky.rank_unseen(known, labels, new)
    assert area(fate[~own], told[~own]) > 0.9
    assert area(fate[~own], unaided[~own]) < 0.8


def test_weights_damp_large_projects() -> None:
    projects = np.array(["a"] * 100 + ["b"] * 4)
    weights = static_flaky.balance(projects, np.zeros(104))
    assert weights.mean() == pytest.approx(1)
    assert weights[-1] / weights[0] == pytest.approx(5)


def test_the_protocol_tells_every_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_flaky, "TREES", 40)
    monkeypatch.setattr(static_flaky, "OWN_TREES", 20)
    steps: list[str] = []
    outcome = evaluate.find("flakeflagger").run(labelled(3, 120), steps.append)
    found = {(one.protocol, one.measure): one for one in outcome.scores}
    assert {name for name, _ in found} == {
        "pooled 10-fold", "classes apart", "unseen projects", "10% own labels", "30% own labels",
    }  # fmt: skip
    assert found["pooled 10-fold", "average precision"].value > 0.7
    assert found["unseen projects", "AUC, mean"].value > 0.9
    assert all(0 <= one.value <= 1 for one in outcome.scores)
    assert set(outcome.curves) == {"pooled 10-fold", "classes apart"}
    assert "pooled 10-fold fold 10 of 10" in steps


def test_one_project_alone_is_told_without_the_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_flaky, "TREES", 40)
    outcome = evaluate.find("flakeflagger").run(labelled(1, 120), lambda _: None)
    assert {one.protocol for one in outcome.scores} == {"pooled 10-fold", "classes apart"}


def test_too_few_flaky_tests_are_told() -> None:
    few = labelled(1, 60).with_columns(is_flaky=(pl.int_range(60) < 3).cast(pl.Int64))
    with pytest.raises(UsageError, match="10 folds need as many"):
        evaluate.find("flakeflagger").run(few, lambda _: None)
