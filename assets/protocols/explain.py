"""Explain: is the commit that broke a test among the first three named, by planted truth.

Each seed is a planted history in a lake of its own, with regressions on the main line and on
branches, flaky tests, outages and drift. For each planted regression that a build saw, the resolver
explains the last build that failed of it before its fix. The rival names the commit of the first
build of the branch in which the test failed since it last passed there, as most CI pages do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from assets import predictions, refresh
from assets.protocols.simulator import MARTS, write
from golive_agents.error_resolver import Resolver
from golive_core.lake import Lake
from models.evaluate import Outcome, Protocol, Score, Tell
from models.simulate import Shape, world

SEEDS = (21, 22, 23)
BUILDS, TESTS, DAYS = 300, 600, 60
END = datetime(2026, 11, 24, 9, tzinfo=UTC)
SHAPE = Shape(regressions=8, outages=2)
GOAL = 0.9
RUNS = """
select outcome.build_id, min(outcome.started_at) as began_at, any_value(outcome.commit_sha) as sha,
    bool_or(outcome.status = 'passed') as has_passed
from core.test_results as outcome
where outcome.test_id = ? and outcome.branch = ? and outcome.started_at < ?
    and outcome.status <> 'skipped'
group by outcome.build_id
order by began_at
"""


def run(rows: pl.DataFrame, tell: Tell) -> Outcome:
    """Return the shares of regressions whose commit is named; `rows` may have a column seed."""
    seeds = rows["seed"].to_list() if "seed" in rows.columns else list(SEEDS)
    found: list[pl.DataFrame] = []
    for seed in seeds:
        tell(f"seed {seed}")
        found.append(history(seed).with_columns(seed=pl.lit(seed)))
    every = pl.concat(found)
    named = {"first failing build": _share(every["is_rival"])}
    note = f"{every.height} regressions that a build saw"
    return Outcome(
        [
            Score("culprit", "top 1", _share(every["place"] == 1), named, note=note),
            Score("culprit", "top 3", _share(every["place"].is_between(1, 3)), named, goal=GOAL),
        ],
        tables={"missed": every.filter(~pl.col("place").is_between(1, 3))},
    )


def history(seed: int, *, builds: int = BUILDS, tests: int = TESTS) -> pl.DataFrame:
    """Return one row a regression: introduced_sha, build_id, place (1 first, 0 none), is_rival."""
    plan = world(seed=seed, builds=builds, tests=tests, days=DAYS, end=END, shape=SHAPE)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder) / "lake")
        write(lake, plan)
        for mart in refresh.marts():
            if mart.table in MARTS:
                refresh.refresh(lake, mart)
        predictions.score(lake)
        return pl.DataFrame(list(_explained(lake, plan.truth()["regressions"])))


def _explained(lake: Lake, regressions: pl.DataFrame) -> Iterator[dict[str, Any]]:
    resolver = Resolver(lake)
    for _, tests in regressions.group_by("regression_id", maintain_order=True):
        truth = tests.row(0, named=True)
        seen = _seen(lake, truth)
        if seen is None:
            continue
        build_id, rival = seen
        broken = set(tests["test_id"].to_list())
        found = resolver.suspects(build_id, lambda row, those=broken: row["test_id"] in those)
        shas = [one.sha for one in found.commits] if found else []
        sha = truth["introduced_sha"]
        yield {
            "introduced_sha": sha, "build_id": build_id, "is_rival": rival == sha,
            "place": shas.index(sha) + 1 if sha in shas else 0,
        }  # fmt: skip


def _seen(lake: Lake, truth: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the last build that failed of a regression, and the commit that the rival names."""
    until = truth["fixed_at"] or END
    rows = lake.query(RUNS, [truth["test_id"], truth["branch"], until]).to_dicts()
    failed = [at for at, row in enumerate(rows) if not row["has_passed"]]
    if not failed or rows[failed[-1]]["began_at"] < truth["introduced_at"]:
        return None
    last = failed[-1]
    first = next((at + 1 for at in range(last, -1, -1) if rows[at]["has_passed"]), 0)
    return rows[last]["build_id"], rows[first]["sha"]


def _share(those: pl.Series) -> float:
    return float(those.sum()) / max(1, len(those))


PROTOCOL = Protocol(
    "explain",
    "the commit that broke a test is among the first three named, in planted histories",
    (),
    run,
    takes_seeds=True,
)
