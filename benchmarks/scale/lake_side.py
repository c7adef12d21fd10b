"""The lake: made by the simulator, written and asked as the product does it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from measured import Figure, Meter, size_of

from golive_core import schema
from golive_core.lake import Lake

FACTS = "core.test_results"
PROJECT = "demo"
END = datetime(2026, 11, 24, tzinfo=UTC)
BUILDS_A_DAY, TOP, WINDOW = 4, 50, 30
SINCE = END.date() - timedelta(days=WINDOW)
PLAIN = """
with attempts as (
    select test_id, status <> 'passed' as has_failed,
        lag(status <> 'passed') over (
            partition by test_id order by started_at, attempt, status
        ) as had_failed
    from {table} where status <> 'skipped'
)
select test_id, count(*) as flips from attempts where has_failed <> had_failed
group by test_id order by flips desc, test_id limit 50
"""
RATE = """
select test_id, count(*) filter (where status = 'passed') as passes, count(*) as runs
from {table} where day >= date '{since}' and status <> 'skipped' group by test_id order by test_id
"""
RATE_MART = """
select test_id, sum(passed)::bigint as passes, sum(runs)::bigint as runs
from marts.test_daily where day >= date '{since}' group by test_id having sum(runs) > 0
order by test_id
"""


def make(source: Path, rows: int, tests: int) -> tuple[list[Figure], int]:
    """Write the planned history as Parquet files: the base, and its last day apart."""
    from assets.protocols import simulator
    from models.simulate import parts, world

    builds = round(rows / (tests * 0.957))
    days = max(2, builds // BUILDS_A_DAY)
    plan = world(seed=3, builds=builds, tests=tests, days=days, end=END, shape=simulator.SHAPE)
    meter, total = Meter("simulator"), 0
    last = END.date() - timedelta(days=1)
    for folder in ("base", "day"):
        (source / folder).mkdir(parents=True)

    def work() -> None:
        nonlocal total
        for number, frames in enumerate(parts(plan, builds_per_part=max(1, 800_000 // tests))):
            for name, frame in frames.items():
                total += _put(source, number, name, frame, last)

    meter.once("make", work)
    return meter.figures, total


def _put(source: Path, number: int, name: str, frame: pl.DataFrame, last: date) -> int:
    """Write one part of one table; return how many results of the base it has."""
    is_late = pl.col("day") >= last if name in (FACTS, "core.builds") else pl.lit(False)
    for folder, rows in (("base", frame.filter(~is_late)), ("day", frame.filter(is_late))):
        if rows.height:
            rows.write_parquet(source / folder / f"{name}-{number:05}.parquet")
    return frame.filter(~is_late).height if name == FACTS else 0


def load(home: Path, source: Path) -> tuple[list[Figure], int]:
    """Insert what a folder of Parquet files has: results first, then what they refer to."""
    meter, lake = Meter("lake"), Lake(home / "lake")
    files = sorted(source.glob("*.parquet"))
    results = [path for path in files if path.name.startswith(FACTS)]
    before = lake.rows(FACTS)
    meter.once("load", lambda: [lake.insert(FACTS, pl.read_parquet(path)) for path in results])
    meter.once("load the rest", lambda: [_rest(lake, path) for path in files
                                         if path not in results])  # fmt: skip
    return meter.figures, lake.rows(FACTS) - before


def _rest(lake: Lake, path: Path) -> None:
    name = path.name.rsplit("-", 1)[0]
    (lake.insert if schema.find(name).is_fact else lake.merge)(name, pl.read_parquet(path))


def marts(home: Path) -> tuple[list[Figure], None]:
    """Bring marts and verdicts up to date; marts that read verdicts come a second time."""
    from assets import predictions, refresh
    from assets.predictions import flaky

    meter, lake = Meter("lake"), Lake(home / "lake")
    for mart in refresh.marts():
        meter.once(f"mart {mart.name}", lambda mart=mart: refresh.refresh(lake, mart))
    meter.once("flaky scoring", lambda: flaky.update(lake))
    for model in predictions.modules():
        name = model.__name__.rsplit(".", 1)[-1]
        if name != "flaky":
            meter.once(f"model {name}", lambda model=model: model.update(lake))
    again = Meter("lake")
    for mart in refresh.marts():
        again.once("marts that read verdicts", lambda mart=mart: refresh.refresh(lake, mart))
    wall, cpu = sum(one.wall for one in again.figures), sum(one.cpu for one in again.figures)
    return [*meter.figures, Figure("lake", "marts that read verdicts", wall, cpu)], None


def ask(home: Path, rounds: int) -> tuple[list[Figure], dict[str, Any]]:
    """Ask the questions that the peers are asked; the pruned ranking beside the plain one."""
    from assets.flips import ranking

    meter, lake = Meter("lake"), Lake(home / "lake")
    pruned = meter.best("ranking", lambda: ranking(lake, PROJECT, TOP), rounds=rounds)
    sql = PLAIN.format(table=FACTS)
    plain = meter.best("ranking, plain", lambda: lake.query(sql), rounds=max(2, rounds // 2))
    rate = RATE.format(table=FACTS, since=SINCE)
    counted = meter.best("pass rate, results", lambda: lake.query(rate), rounds=rounds)
    rate = RATE_MART.format(since=SINCE)
    kept = meter.best("pass rate", lambda: lake.query(rate), rounds=rounds)
    top = pruned.rows.select("test_id", "flips")
    assert top.equals(plain), "the pruned ranking is another one"
    assert kept.equals(counted), "the mart's pass rate is another one"
    print(f"  pruned = plain: {top.height} tests; {pruned.counted:,} of {pruned.tests:,} counted")
    return meter.figures, {"ranking": top.rows(), "rate": counted.rows()}


def pages(home: Path) -> tuple[list[Figure], None]:
    """Draw every page twice by its own script: once with empty caches, once again."""
    import logging

    from dashboards import catalog

    logging.disable(logging.WARNING)
    os.environ["GOLIVE_HOME"], os.environ["GOLIVE_BASE"] = str(home), str(home.parent)
    meter = Meter("lake")
    views = catalog.views()
    _draw(views[-1].slug)  # imports
    for view in views:
        meter.once(f"page {view.slug}", lambda view=view: _draw(view.slug))
        meter.once(f"page {view.slug}, again", lambda view=view: _draw(view.slug))
    return meter.figures, None


def _draw(slug: str) -> None:
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_function(_page, default_timeout=300, kwargs={"slug": slug}).run()
    if app.exception:
        raise SystemExit(f"{slug}: {app.exception[0].value}")


def _page(slug: str) -> None:
    """Draw one page; Streamlit runs this text as a script of its own."""
    from dashboards import app, catalog

    app.show(next(view for view in catalog.views() if view.slug == slug))


def sizes(home: Path) -> dict[str, int]:
    """Return the bytes of the layers of the lake."""
    root = home / "lake"
    return {path.name: size_of(path) for path in sorted(root.iterdir()) if path.is_dir()}
