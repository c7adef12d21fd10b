"""Walking forward through a project's runs: what would have been told of each before it.

`along_tests` takes the results of builds, a build at a time. `along_builds` takes builds in the
order in which
they were asked for: a build is told from those that had ended by then. Pure: frames in and out.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np
import polars as pl

from models.duration import Forecaster, Told, sentences
from models.evaluate import Floats

BUILD = {
    "build_id": pl.String(), "pipeline_id": pl.String(), "is_main": pl.Boolean(),
    "asked_at": pl.Datetime("us", "UTC"), "known_at": pl.Datetime("us", "UTC"),
    "trigger": pl.String(), "attempt": pl.Int64(), "duration_s": pl.Float64(),
}  # fmt: skip
"""Columns of builds; `known_at` and `duration_s` are null where there is nothing to learn from."""
EXTRA = 5
SECONDS = ("low_90_s", "low_50_s", "median_s", "high_50_s", "high_90_s")
"""Columns of the quantiles LEVELS."""


def along_tests(forecaster: Forecaster, results: pl.DataFrame) -> Iterator[tuple[Told, Floats]]:
    """Yield what was told of each build's tests and how long they took.

    `results` has `batch` (builds in order), `series` (Int64 from 0, once a batch) and `duration_s`.
    The forecaster knows a batch only when the next one is asked for.
    """
    for _, part in results.group_by("batch", maintain_order=True):
        told = forecaster.tell(part["series"].to_numpy())
        took = part["duration_s"].to_numpy()
        yield told, took
        forecaster.seen(told, took)


def numbered(results: pl.DataFrame, key: str) -> tuple[pl.DataFrame, pl.Series]:
    """Return results with the column `series`, and the keys in the order of their numbers."""
    keys = results[key].unique().sort()
    numbers = pl.DataFrame({key: keys}).with_row_index("series")
    joined = results.join(numbers.with_columns(pl.col("series").cast(pl.Int64)), on=key,
                          how="left", maintain_order="left")  # fmt: skip
    return joined, keys


def told_rows(told: Told, lift: float) -> pl.DataFrame:
    """Return `series`, `known`, SECONDS, `told_by`, `reasons` of forecasts that say something."""
    has = told.known > 0
    some = told.of(has)
    reasons = [
        list(sentences(told.by, int(known), row, lift))
        for known, row in zip(some.known, some.quantiles, strict=True)
    ]
    cells = dict(zip(SECONDS, some.quantiles.T, strict=True))
    return pl.DataFrame(
        {"series": some.series, "known": some.known, **cells, "reasons": reasons},
        schema_overrides={"reasons": pl.List(pl.String)},
    ).with_columns(told_by=pl.lit(told.by))


class Line:
    """The builds of one project in order of time, and the forecaster that walks along them."""

    def __init__(self, rows: pl.DataFrame, only: str = "") -> None:
        keys = rows.select("pipeline_id", "is_main").unique().sort("pipeline_id", "is_main")
        self.places = {(str(key[0]), bool(key[1])): at for at, key in enumerate(keys.iter_rows())}
        self.forecaster = Forecaster(len(self.places), extra=EXTRA, only=only)
        self.running: list[tuple[int, int, Told, float]] = []
        self.rows = rows

    def walk(self) -> Iterator[tuple[str, Told, float]]:
        """Yield each build's id, what was told of it, and the lift of the correction by then.

        After the last one the forecaster knows all that have ended.
        """
        extra = calendar(self.rows)
        asked, ended, took = (
            self.rows[name].to_list()
            for name in ("asked_us", "known_us", "duration_s")
        )  # fmt: skip
        keys = self.rows.select("build_id", "pipeline_id", "is_main").iter_rows()
        for number, (build, pipeline, is_main) in enumerate(keys):
            self._end(asked[number])
            told = self.tell(pipeline, is_main, extra[number])
            yield build, told, self.forecaster.standing.lift
            if took[number] is not None and ended[number] is not None:
                heapq.heappush(self.running, (ended[number], number, told, took[number]))
        self._end(None)

    def tell(self, pipeline: str, is_main: bool, extra: Floats) -> Told:
        """Forecast a build; of a line without any build yet from the pipeline's other line."""
        own = self.places.get((pipeline, is_main), -1)
        other = self.places.get((pipeline, not is_main), own)
        is_known = own >= 0 and self.forecaster.known[own] > 0
        told = self.forecaster.tell(np.array([own if is_known else other]), extra[None, :])
        return told._replace(series=np.array([own]))

    def _end(self, until: int | None) -> None:
        """Take in the builds that had ended by then, in order."""
        while self.running and (until is None or self.running[0][0] <= until):
            _, _, told, took = heapq.heappop(self.running)
            self.forecaster.seen(told, np.array([took]))


def along_builds(rows: pl.DataFrame, only: str = "") -> Line:
    """Return the walk along the builds of one project: columns of BUILD, sorted by asked_at."""
    micros = rows.with_columns(
        asked_us=pl.col("asked_at").cast(pl.Int64), known_us=pl.col("known_at").cast(pl.Int64)
    )
    return Line(micros, only)


def calendar(rows: pl.DataFrame) -> Floats:
    """Return what is known of a build before it runs, shape `(n, EXTRA)`: time of week, trigger."""
    at = pl.col("asked_at")
    angle = (at.dt.hour() + at.dt.minute() / 60) * (2 * np.pi / 24)
    return rows.select(
        angle.sin().alias("sine"),
        angle.cos().alias("cosine"),
        (at.dt.weekday() >= 6).cast(pl.Float64).alias("weekend"),  # noqa: PLR2004 - Saturday
        (pl.col("attempt") > 1).cast(pl.Float64).alias("again"),
        pl.col("trigger").is_in(["schedule", "upstream"]).fill_null(value=False)
        .cast(pl.Float64).alias("clock"),
    ).to_numpy()  # fmt: skip
