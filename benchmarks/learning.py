"""Training from features in the lake: what it costs must not grow with the history.

    python benchmarks/learning.py [--days 100] [--rows 200000]

A lake gets `--days` days of `--rows` cases of ten features with labels (20 M cases by default), and
another a tenth as many. There are 200 builds a day, whose cases share their luck. In a process of
its own each: is training due (a count), then evaluate walk-forward (six fits), fit, promote, and
score the newest day. Prints CPU seconds (user and system), the ratio to the lake of a tenth, and
what a day without training costs beside its limit (15 s), and the peak memory (2 GB).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from assets.learning import due, rows, steps
from assets.learning.champion import Champion
from assets.learning.steps import Bench
from golive_core.lake import Lake
from models import learned
from models.learned import LearnedModel, matrix

START = datetime(2026, 1, 1, tzinfo=UTC)
TABLE = "marts.cases"
FEATURES = {f"x{number}": "a number" for number in range(10)}
LIMIT_S, LIMIT_BYTES = 15.0, 2e9


def day_of(number: int, count: int) -> pl.DataFrame:
    """Return the cases of one day; three of ten features matter."""
    rng = np.random.default_rng(number)
    x = rng.normal(size=(count, len(FEATURES))).round(3)
    odds = x[:, 0] + 0.5 * x[:, 1] * x[:, 2] - 3
    at = START + timedelta(days=number)
    seconds = np.sort(rng.integers(0, 86_000, count))
    times = pl.Series(np.datetime64(at.replace(tzinfo=None), "us") + seconds.astype("m8[s]"))
    times = times.dt.replace_time_zone("UTC")
    return pl.DataFrame({
        "project_id": "shop", "case_id": np.arange(count) + number * count, "day": at.date(),
        "at": times, "build_id": [f"{number}-{one // 432}" for one in seconds.tolist()],
        "known_at": times + timedelta(minutes=5),
        "failed": rng.random(count) < 1 / (1 + np.exp(-odds)),
        **{name: x[:, column] for column, name in enumerate(FEATURES)},
    })  # fmt: skip


def fit(cases: pl.DataFrame, threads: int) -> object:
    """Fit boosted trees, on the cores of the caller's cap."""
    from models import learners

    del threads
    return learners.boosting(max_iter=60).fit(
        matrix(cases, FEATURES), cases["failed"].cast(pl.Float64).to_numpy()
    )


def predict(fitted: object, cases: pl.DataFrame) -> np.ndarray:
    """Return P(failed)."""
    from models import learners

    return learners.chance(fitted, matrix(cases, FEATURES))


MODEL = LearnedModel(
    name="case", title="whether a case fails", table=TABLE, key=("case_id",), features=FEATURES,
    label="failed", fit=fit, predict=predict, heuristic_name="past rate",
    heuristic=lambda past, cases: np.full(cases.height, past["failed"].mean() or 0.05),
    files=(__file__, str(learned.__file__)), group="build_id",
)  # fmt: skip


def measured(home: Path) -> dict[str, float]:
    """Return the CPU seconds of each step over the lake of a home, and the peak memory."""
    lake = Lake(home / "lake")
    bench = Bench(lake, home, MODEL, threads=2)
    made_at = START + timedelta(days=400)
    found: dict[str, float] = {}

    def clocked(name: str, step: Callable[[], object]) -> object:
        before = time.process_time()
        made = step()
        found[name] = time.process_time() - before
        return made

    clocked("due", lambda: due.due(lake, home, MODEL))
    clocked("evaluate", lambda: steps.evaluate(bench, made_at=made_at))
    clocked("fit", lambda: steps.fit(bench, made_at=made_at))
    clocked("promote", lambda: steps.promote(bench, made_at=made_at))
    champion = Champion.of(home, MODEL, "shop")
    assert champion.is_learned
    newest = rows.newest(lake, MODEL, "shop")
    assert newest is not None
    cases = rows.since(lake, MODEL, "shop", newest.replace(hour=0, minute=0, second=0))
    clocked("score a day", lambda: champion.forecast(cases.clear(), cases))
    clocked("due again", lambda: due.due(lake, home, MODEL))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {**found, "peak_bytes": peak, "rows_scored": float(cases.height)}


def main() -> None:
    """Make both lakes, measure each in a process of its own, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--measure", type=Path)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measured(options.measure)))
        return
    with tempfile.TemporaryDirectory() as folder:
        told = [one_lake(Path(folder) / str(days), days, options.rows)
                for days in (max(2, options.days // 10), options.days)]  # fmt: skip
    report(told[0], told[1], options.days * options.rows)


def one_lake(home: Path, days: int, count: int) -> dict[str, float]:
    """Write the lake of so many days and return what is measured there."""
    lake = Lake(home / "lake")
    for number in range(days):
        frame = day_of(number, count)
        lake.overwrite(TABLE, frame, [frame["day"][0]])
    command = [sys.executable, __file__, "--measure", str(home)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def report(small: dict[str, float], large: dict[str, float], count: int) -> None:
    """Print the steps with the ratio to a tenth of the history, and the sums beside the limits."""
    print(f"{count:,} cases of history; {large['rows_scored']:,.0f} scored")
    steps_ = [name for name in large if name not in ("peak_bytes", "rows_scored")]
    for name in steps_:
        ratio = large[name] / max(small[name], 1e-3)
        print(f"{name:12} {large[name]:6.2f} s CPU   {ratio:5.2f} x a tenth of the history")
    total, before = (sum(one[name] for name in steps_) for one in (large, small))
    print(f"all          {total:6.2f} s CPU   {total / before:5.2f} x a tenth of the history")
    daily = large["due"] + large["score a day"]
    print(f"a day alone  {daily:6.2f} s CPU   limit {LIMIT_S:.0f} s, of which features take most")
    print(f"peak memory  {large['peak_bytes'] / 1e9:6.2f} GB      limit {LIMIT_BYTES / 1e9:.0f} GB")


if __name__ == "__main__":
    main()
