"""What the prior of a test is worth after few runs, on real tests and their real labels.

    python benchmarks/flaky_prior.py DATA

DATA: one row a test with the columns of FlakeFlagger (see `golive evaluate flakeflagger`). Which
tests are flaky and what they are like is real; their runs are drawn: flaky tests at rates of median
3 %, the others at a noise of 0.05 %. The model sees the runs, never the labels. The peer is the
same posterior with one share for all tests of a project.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import average_precision_score

from models import evaluate, flaky_prior, rates

FEWEST_FLAKY = 15
FEWEST_TESTS = 200


def main() -> None:
    """Print mean average precision over projects by number of runs, with and without columns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    rows = evaluate.read(parser.parse_args().data, evaluate.find("flakeflagger"))
    rows = rows.unique(["project", "test_name"], keep="first", maintain_order=True)
    print(f"{'runs':>5}{'projects':>9}{'one share':>11}{'columns':>9}{'ratio':>7}{'used in':>9}")
    rng = np.random.default_rng(5)
    for runs in (5, 20, 100):
        found = [one for _, group in rows.group_by("project") if (one := judged(group, runs, rng))]
        alone, ours, gains = (np.array(column) for column in zip(*found, strict=True))
        print(
            f"{runs:>5}{len(found):>9}{alone.mean():>11.3f}{ours.mean():>9.3f}"
            f"{ours.mean() / alone.mean():>7.2f}{int((gains > 0).sum()):>9}"
        )


def judged(
    group: pl.DataFrame, runs: int, rng: np.random.Generator
) -> tuple[float, float, float] | None:
    """Return average precision with one share and with columns, and the gain; None if too few."""
    truth = group["is_flaky"].cast(pl.Float64).to_numpy()
    if truth.sum() < FEWEST_FLAKY or len(truth) < FEWEST_TESTS:
        return None
    of_flaky = 1 / (1 + np.exp(-rng.normal(np.log(0.03 / 0.97), 1.1, len(truth))))
    rate = np.where(truth > 0, of_flaky, rng.beta(1, 1999, len(truth)))
    bad, tries = rng.binomial(runs, rate).astype(float), np.full(len(truth), float(runs))
    prior = rates.fit(bad, tries)
    healthy, flaky = flaky_prior.evidence(bad, tries, prior)
    tests = group.select(
        suite=pl.lit(""), class_name=pl.col("test_name").str.replace(r"[.#][^.#]*$", ""),
        name=pl.col("test_name").str.extract(r"([^.#]*)$"), duration_s="ExecutionTime",
        lines="numCoveredLines",
    )  # fmt: skip
    classes = tests.select(pl.col("class_name").rank("dense")).to_series().to_numpy()
    known = flaky_prior.columns(tests)
    share, gain = flaky_prior.shares(healthy, flaky, known, classes, prior.flaky_share)
    flat = np.full(len(truth), prior.flaky_share)
    alone, ours = (
        float(average_precision_score(truth, flaky_prior.believed(healthy, flaky, one)))
        for one in (flat, share)
    )
    return alone, ours, gain


if __name__ == "__main__":
    main()
