"""Flaky verdicts and next failures against a simulated truth, through the lake.

    python benchmarks/flaky_posterior.py [--small] [--seeds 1 2 3]

Each seed: a history of 500 builds x 20,000 tests in 100 days with 0.05 % infrastructure noise,
10 clustered outages, 40 planted regressions (a tenth of them break 1-3 % of all tests), 2 % flaky
tests with log-uniform rates of 0.5-20 %, co-flaky groups and drift. It is written into a lake,
marts.build_tests and marts.test_daily are made by their SQL, the models score it, and only then is
the truth looked at. Truly flaky: a flake rate of at least 1 % at the end of
the history, which is what a verdict speaks of, however close; a line gives the mean over the
history instead. "apart" leaves out the tests within a quarter of that threshold, which no number of
runs at hand can tell. The peer is the usual rule: one pass and one fail on a commit make a test
flaky.

The rules of other tools are those of marts.flaky_rivals: they see at most the last 30 of the 100
days, as they do at home, which costs them recall; the usual rule sees all of them.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from assets import predictions, refresh
from golive_cli.commands.flaky import RIVALS
from golive_core import schema
from golive_core.lake import Lake
from models import flaky, next_failure
from models.simulate import Shape, World, parts, world

END = datetime(2026, 11, 24, 9, tzinfo=UTC)
HARD = Shape(regressions=8, outages=2, wide_share=0.1)
BAND = 0.25
MARTS = (
    "marts.main_branches", "marts.build_tests", "marts.test_daily", "marts.recent_test_days",
    "marts.test_failures",
)  # fmt: skip
COMPARED = "marts.flaky_rivals"


def main() -> None:
    """Score every seed and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="2,000 tests instead of 20,000")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    options = parser.parse_args()
    tests = 2_000 if options.small else 20_000
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, seeds {options.seeds}")
    found = [one_seed(seed, tests) for seed in options.seeds]
    scored = pl.concat([frame.with_columns(seed=pl.lit(seed)) for seed, frame, _, _ in found])
    report(scored, pl.concat([broken for _, _, broken, _ in found]))
    calibration(pl.concat([forecast for _, _, _, forecast in found]))


def one_seed(seed: int, tests: int) -> tuple[int, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return the seed, scores beside truth, verdicts on open regressions, forecasts beside fate."""
    plan = world(seed=seed, builds=500, tests=tests, days=100, end=END, shape=HARD)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder) / "lake")
        times = {"simulate and write": timed(lambda: write(lake, plan))}
        for mart in refresh.marts():
            if mart.table in MARTS:
                times[mart.name] = timed(lambda mart=mart: refresh.refresh(lake, mart))
        times["score"] = timed(lambda: predictions.score(lake))
        for mart in refresh.marts():
            if mart.table == COMPARED:
                times[mart.name] = timed(lambda mart=mart: refresh.refresh(lake, mart))
        rivals = lake.query(f"select * exclude (project_id, golive) from {COMPARED}")
        daily = predictions.evidence_rows(lake)
        truth = plan.truth()
        scores = lake.query("select * from predictions.flaky")
        rule = lake.query(
            "select test_id, sum(mixed_commits) as mixed from marts.test_daily group by test_id"
        )
        seconds = ", ".join(f"{name} {took:.1f} s" for name, took in times.items())
        print(f"seed {seed}: {lake.rows('core.test_results'):,} results; {seconds}")
    regressed = truth["regressions"]["test_id"].unique()
    joined = (
        scores.join(truth["tests"], on="test_id")
        .join(rule, on="test_id")
        .join(rivals, on="test_id", how="left")
        .with_columns(was_broken=pl.col("test_id").is_in(regressed.to_list()))
    )
    return seed, joined, open_regressions(scores, truth["regressions"]), forecasts(daily)


def write(lake: Lake, plan: World) -> None:
    """Write a simulated history as the command line does, part by part."""
    for frames in parts(plan, builds_per_part=100):
        with lake.transaction("simulate") as txn:
            for name, frame in frames.items():
                put = txn.append if schema.find(name).is_fact else txn.merge
                put(name, frame)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that the work took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def open_regressions(scores: pl.DataFrame, regressions: pl.DataFrame) -> pl.DataFrame:
    """Return the verdicts on tests that a regression on main still breaks at the end."""
    still = regressions.filter(pl.col("fixed_sha").is_null() & (pl.col("branch") == "main"))
    return scores.join(still, on="test_id").select(
        "verdict", is_right_commit=pl.col("broken_since_sha") == pl.col("introduced_sha")
    )


def forecasts(daily: pl.DataFrame) -> pl.DataFrame:
    """Return forecasts as of every fourth day beside each test's next attempt (1: it failed)."""
    days: list[date] = sorted(daily["day"].unique().to_list())
    found: list[pl.DataFrame] = []
    for day in days[-40::4]:
        as_of = daily.filter(pl.col("day") < day)["known_at"].max()
        assert isinstance(as_of, datetime)
        made, _ = next_failure.score(daily, as_of=as_of)
        fate = daily.filter(pl.col("day") == day, pl.col("first_status").is_not_null()).select(
            "test_id", failed=pl.col("first_status").is_in(["failed", "error"]).cast(pl.Float64)
        )
        past = daily.filter(pl.col("known_at") <= as_of)
        usual = (past["failed"].sum() + past["errored"].sum()) / past["runs"].sum()
        found.append(
            made.join(fate, on="test_id").select(
                "probability", "failed", usual=pl.lit(usual), day=pl.lit(day)
            )
        )
    return pl.concat(found)


def report(scored: pl.DataFrame, still_broken: pl.DataFrame) -> None:
    """Print precision and recall of posterior and usual rule, and what became of regressions."""
    n = scored.with_columns(is_true=pl.col("rate_now") >= flaky.THRESHOLD)
    edge = (pl.col("rate_now") / flaky.THRESHOLD).is_between(1 - BAND, 1 + BAND)
    called = pl.col("verdict") == "flaky"
    print(f"\n{'rule':<44}{'counted':<10}{'tests':>8}{'flaky':>7}{'precision':>11}{'recall':>8}")
    for label, rows in (("all", n), ("apart", n.filter(~edge))):
        line("posterior, shipped threshold", label, rows, called)
        line("posterior, best precision at recall >= 0.90", label, rows, best(rows))
        line("usual rule: pass and fail on one commit", label, rows, pl.col("mixed") > 0)
        for name, text in RIVALS.items():
            line(text.partition(" (")[2].rstrip(")"), label, rows, pl.col(name).fill_null(False))
        mean = rows.with_columns(is_true=pl.col("flake_rate") >= flaky.THRESHOLD)
        line("posterior, against the mean of the history", label, mean, called)
    for (seed,), rows in n.group_by("seed", maintain_order=True):
        line(f"posterior, shipped threshold, seed {seed}", "all", rows, called)
    regressed = n.filter(pl.col("was_broken") & (pl.col("flake_rate") == 0))
    wrong = regressed.filter(called).height
    share = wrong / max(1, regressed.height)
    print(f"\nregressed tests called flaky: {wrong} of {regressed.height} ({share:.2%})")
    verdicts = dict(still_broken["verdict"].value_counts().iter_rows())
    right = still_broken["is_right_commit"].fill_null(value=False).sum()
    print(f"tests broken at the end: {verdicts}, {right} with the commit that broke them")
    ours, theirs = precision(n, called), precision(n, pl.col("mixed") > 0)
    print(f"ratio precision to the usual rule: {ours / theirs:.1f}")
    # A test fails without a cause in the code at its own rate or by the noise of the machines.
    failing = 1 - (1 - pl.col("rate_now")) * (1 - HARD.noise)
    inside = failing.is_between(pl.col("rate_low"), pl.col("rate_high"))
    for name, those in (
        ("called flaky", called),
        ("flaky with a flake", pl.col("is_flaky") & (pl.col("flakes") > 0)),
    ):  # fmt: skip
        covered = n.filter(those)
        share = covered.filter(inside).height / covered.height
        print(f"90 % intervals of tests {name} that hold the true present rate: {share:.1%}")


def precision(rows: pl.DataFrame, called: pl.Expr) -> float:
    """Return the share of the called tests that are truly flaky, 0 if none is called."""
    flagged = rows.filter(called)
    return int(flagged["is_true"].sum()) / max(1, flagged.height)


def line(rule: str, label: str, rows: pl.DataFrame, called: pl.Expr) -> None:
    """Print one row of the table."""
    flagged = rows.filter(called)
    truly = int(rows["is_true"].sum())
    recall = flagged["is_true"].sum() / truly
    right = precision(rows, called)
    print(f"{rule:<44}{label:<10}{rows.height:>8}{truly:>7}{right:>11.3f}{recall:>8.3f}")


def best(rows: pl.DataFrame) -> pl.Expr:
    """Return the cut on the probability with the best precision among those of recall >= 0.90."""
    ranked = rows.filter(pl.col("verdict") != "broken").sort("probability", descending=True)
    truly = rows["is_true"].sum()
    curve = ranked.select(
        "probability",
        recall=pl.col("is_true").cum_sum() / truly,
        precision=pl.col("is_true").cum_sum() / pl.int_range(1, pl.len() + 1),
    )
    # Equal probabilities cannot be cut apart: the last of them counts.
    steps = curve.unique("probability", keep="last").filter(pl.col("recall") >= 0.9)
    cut = steps.sort("precision")["probability"].last()
    return (pl.col("probability") >= cut) & (pl.col("verdict") != "broken")


def calibration(made: pl.DataFrame) -> None:
    """Print the reliability of the forecasts: 10 bins, ECE, Brier beside the constant forecast."""
    bins = (
        made.with_columns(bin=(pl.col("probability") * 10).floor())
        .group_by("bin")
        .agg(pl.len(), said=pl.col("probability").mean(), seen=pl.col("failed").mean())
        .sort("bin")
    )
    print("\nnext failure: said and seen, by tenth of the forecast")
    for _, count, said, seen in bins.iter_rows():
        print(f"{said:>8.3f}{seen:>8.3f}{count:>10,}")
    ece = (((bins["said"] - bins["seen"]).abs() * bins["len"]).sum()) / made.height
    brier = ((made["probability"] - made["failed"]) ** 2).mean()
    constant = ((made["usual"] - made["failed"]) ** 2).mean()
    print(f"n {made.height:,}, ECE {ece:.4f}, Brier {brier:.5f}, constant forecast {constant:.5f}")


if __name__ == "__main__":
    main()
