"""How likely is a test to be flaky before anybody saw it fail: a prior from what the test is like.

Static columns only (what the test covers, how long it takes, its smells, churn below it); nothing
of any rerun. Three views of the same columns:

    full      the columns, and means and maxima of time and size in the test's class and package
    portable  ranks within the project of time and size and the smells: what carries over to a
              project of which no test is labelled
    time      the rank of the execution time within the project, the rule of thumb to beat

Where the project has labels, trees on `full` decide; where it has none, the mean rank of all three
does, so that no single view can mislead. The columns are those of FlakeFlagger (Alshammari et al.,
ICSE 2021), but every further numeric column is taken as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from models import learners
from models.beta import Floats

PROJECT, TEST, LABEL = "project", "test_name", "is_flaky"
TIME, SIZE = "ExecutionTime", "numCoveredLines"
OWN_WEIGHT = 10.0
"""What a label of the project itself counts beside one of another project."""
TREES = 300
OWN_TREES = 100
LEAST = 0.01
"""Cuts below it are not tried: no project had so few flaky tests among those it called flaky."""


@dataclass(frozen=True, slots=True)
class Views:
    """The columns as arrays, one row a test; `groups` numbers the classes, `projects` projects."""

    full: Floats
    portable: Floats
    time: Floats
    groups: np.ndarray
    projects: np.ndarray


def views(rows: pl.DataFrame) -> Views:
    """Return the views of rows with `project`, `test_name` and numeric columns; labels unread."""
    named = rows.with_columns(
        pl.col(TEST).str.replace(r"[.#][^.#]*$", "").alias("class"),
        pl.col(TIME).clip(0).mul(1000).log1p().alias("log_time"),
        pl.col(SIZE).clip(0).log1p().alias("log_size"),
    ).with_columns(pl.col("class").str.replace(r"\.[^.]*$", "").alias("package"))
    numeric = [name for name, dtype in rows.schema.items() if dtype.is_numeric() and name != LABEL]
    around = named.select(
        *_around("log_time", "class"),
        *_around("log_size", "class"),
        *_around("log_time", "package"),
        pl.len().over(PROJECT, "class").alias("class_tests"),
    )  # fmt: skip
    binary = [name for name in numeric if (rows[name].max() or 0) in (0, 1)]
    ranked = [name for name in numeric if name not in binary and not name.startswith("hIndex")]
    with_project = around.with_columns(named[PROJECT])
    portable = pl.concat(
        [
            named.select(_rank(name) for name in ranked),
            with_project.select(_rank(name) for name in around.columns),
            rows.select(pl.col(binary).cast(pl.Float64)),
        ],
        how="horizontal",
    )
    return Views(
        full=_array(pl.concat([rows.select(numeric), around], how="horizontal")),
        portable=_array(portable),
        time=named.select(_rank(TIME)).to_series().to_numpy(),
        groups=named.select(pl.struct(PROJECT, "class").rank("dense")).to_series().to_numpy(),
        projects=named[PROJECT].to_numpy(),
    )


def _around(column: str, scope: str) -> list[pl.Expr]:
    value = pl.col(column)
    return [
        value.mean().over(PROJECT, scope).alias(f"{scope}_{column}_mean"),
        value.max().over(PROJECT, scope).alias(f"{scope}_{column}_max"),
    ]


def _rank(column: str) -> pl.Expr:
    rank = pl.col(column).rank("average").over(PROJECT) / pl.len().over(PROJECT)
    return rank.alias(f"{column}_rank")


def _array(frame: pl.DataFrame) -> Floats:
    return frame.cast(pl.Float64).to_numpy()


@dataclass(slots=True)
class Known:
    """Trees on the full view, for projects that have labels; `cut` is where it says flaky.

    The cut has the best F1 out of bag, so that no test is judged by trees that saw it.
    """

    model: learners.Classifier
    cut: float

    def predict(self, view: Floats) -> Floats:
        """Return P(flaky), shape `(n,)`."""
        return learners.chance(self.model, view)


def fit_known(view: Floats, labels: Floats, *, seed: int = 0) -> Known:
    """Fit trees to labels (1 flaky), shape `(n,)`."""
    model = learners.trees(TREES, leaf=2, seed=seed, bag=True).fit(view, labels)
    return Known(model, best_cut(labels, learners.out_of_bag(model)))


def best_cut(labels: Floats, told: Floats) -> float:
    """Return the probability from which on calling a test flaky has the best F1."""
    order = np.argsort(-told, kind="stable")
    hits = np.cumsum(labels[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + labels.sum())
    last_of_value = np.append(np.diff(told[order]) != 0, True)
    f1[~last_of_value] = -1
    at = int(np.argmax(f1))
    below = told[order][at + 1] if at + 1 < len(order) else 0.0
    return max(LEAST, float((told[order][at] + below) / 2))


def rank_unseen(known: Views, labels: Floats, new: Views) -> Floats:
    """Return scores in (0, 1] for tests of a project without labels: the mean rank of three views.

    `known` are tests of other projects with their labels. The scores only order: how many tests of
    an unknown project are flaky cannot be told.
    """
    weights = balance(known.projects, labels)
    boosted = learners.boosting(
        max_iter=100, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=30,
        l2_regularization=5.0, max_features=0.5,
    ).fit(known.portable, labels, weights)  # fmt: skip
    trees = learners.trees(TREES, leaf=3).fit(known.full, labels, weights)
    told = [
        learners.chance(boosted, new.portable),
        learners.chance(trees, new.full),
        new.time,
    ]
    ranks = [pl.Series(one).rank("average").to_numpy() / len(one) for one in told]
    return np.mean(ranks, axis=0)


def balance(projects: np.ndarray, labels: Floats) -> Floats:
    """Return weights of mean 1 that damp large projects: one over the root of a label's count."""
    rows = pl.DataFrame({"project": projects, "label": labels})
    weight = rows.select(1 / pl.len().over("project", "label").sqrt()).to_series().to_numpy()
    return weight / weight.mean()


def learn_own(
    known: Views,
    labels: Floats,
    project: Views,
    own: np.ndarray,
    own_labels: Floats,
    *,
    seed: int = 0,
) -> Floats:
    """Return P(flaky) of a project's tests, shape `(n,)`, of which `own` (a mask) has labels.

    Trees learn from other projects and, OWN_WEIGHT times as much, from the project's own labels.
    """
    weights = np.concatenate([np.ones(len(labels)), np.full(len(own_labels), OWN_WEIGHT)])
    rows = np.concatenate([known.full, project.full[own]])
    truth = np.concatenate([labels, own_labels])
    model = learners.trees(OWN_TREES, leaf=3, seed=seed).fit(rows, truth, weights)
    return learners.chance(model, project.full)
