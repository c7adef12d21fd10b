"""Log search of the page Logs on a generated lake: seconds for a common, a rare and no word.

    python benchmarks/log_search.py [LINES]        20 million by default, over 30 days

Prints CPU and wall time beside the limit of 1.5 s, as a ratio.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from golive_core import schema
from golive_core.lake import Lake

DAYS, LIMIT_S, RARE = 30, 1.5, "xylophone"
TEMPLATES = (
    "GET /catalog/{} 200 in 12 ms", "order {} confirmed for basket", "cache refreshed, {} entries",
    "retry of call to payments, job {}", "request to search was slow: {} ms",
)  # fmt: skip


def day_of(number: int, lines: int) -> pl.DataFrame:
    """Return the lines of one day; one of them in the whole period has the rare word."""
    rng = np.random.default_rng(number)
    start = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=number)
    at = np.sort(rng.integers(0, 86_400_000_000, lines)) + int(start.timestamp() * 1e6)
    kinds = pl.Series(TEMPLATES).gather(rng.integers(0, len(TEMPLATES), lines))
    frame = pl.DataFrame({"kind": kinds, "n": rng.integers(0, 10**6, lines), "at": at})
    frame = frame.select(
        source=pl.lit("files"), instance=pl.lit("logs"), service=pl.lit("shop"),
        project_id=pl.lit("shop"), line=pl.int_range(pl.len()),
        at=pl.col("at").cast(pl.Datetime("us", "UTC")), day=pl.lit(start.date()),
        level=pl.lit("info"), template_id=pl.lit(1, pl.Int64),
        message=pl.col("kind").str.replace("{}", pl.col("n").cast(pl.String), literal=True),
        attributes=pl.lit("{}"),
    )  # fmt: skip
    if number == 0:
        word = pl.when(pl.col("line") == 0).then(pl.lit(RARE)).otherwise(pl.col("message"))
        frame = frame.with_columns(word.alias("message"))
    return schema.conform(schema.LOG_LINES, frame)


def main(lines: int) -> None:
    """Fill a lake and search it."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GOLIVE_HOME"] = folder
        lake = Lake(Path(folder) / "lake")
        for number in range(DAYS):
            lake.insert("core.log_lines", day_of(number, lines // DAYS))
        search(lines)


def search(lines: int) -> None:
    """Print how long the page's own search takes, cold in its cache each time."""
    from dashboards.views.logs import logs

    first = datetime(2026, 3, 1, tzinfo=UTC).date()
    asked = {"project": "shop", "first": first, "last": first + timedelta(days=DAYS - 1)}
    for word in ("basket", RARE, "nowhere"):
        began, cpu = time.perf_counter(), time.process_time()
        rows, _ = logs.found(asked, logs.Search(word, "", "", 0, "", ""))
        wall, spent = time.perf_counter() - began, time.process_time() - cpu
        print(f"{lines:,} lines, {word!r}: {rows.height} rows, {wall:.2f} s, {spent:.2f} s CPU, "
              f"{wall / LIMIT_S:.2f} of the limit of {LIMIT_S} s")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000_000)
