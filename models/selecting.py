"""From a project's results to an answer: P(fail), rank and reasons of each test, and a subset.

How much a share of the time catches is measured on the project's own past builds, each forecast
from the builds before it; what would have been missed there is listed. A project with a short past
is told to run everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from models import ordering, reasons
from models.beta import Floats
from models.ordering import Caught
from models.test_history import Flags, History, Ints
from models.test_selection import Build, Forecast, Selector, builds_of, numbered, walk

FEWEST_BUILDS = 20
FEWEST_FAILING = 5
"""Builds, and failing ones among them, below which the past cannot vouch for any selection."""
SHARES = tuple(np.round(np.arange(0.05, 1.001, 0.05), 2).tolist())
"""Shares of the test time at which the confidence curve is measured."""
MISSES = {
    "builds_ago": pl.Int64(), "number": pl.UInt32(), "probability": pl.Float64(),
    "share": pl.Float64(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of the next build, and how good such answers were in past builds.

    `tests`: test_id, rank (1 first), probability, duration, reasons. `curve`: share, failures,
    builds (shares caught). `by`: who ranks. `is_humble`: the past is too short to leave any out.
    """

    tests: pl.DataFrame
    curve: pl.DataFrame
    by: str
    builds: int
    failing_builds: int
    past: tuple[Sequence[Build], Sequence[Forecast]]
    numbers: pl.DataFrame

    @property
    def is_humble(self) -> bool:
        """Tell whether the past is too short to leave any test out."""
        return self.builds < FEWEST_BUILDS or self.failing_builds < FEWEST_FAILING

    def share_for(self, recall: float) -> float:
        """Return the least share of time that caught `recall` of past failures; 1 if none did."""
        enough = self.curve.filter(pl.col("failures") >= recall)
        return float(enough["share"][0]) if enough.height and not self.is_humble else 1.0

    def subset(self, budget: float) -> pl.DataFrame:
        """Return the tests that fit a budget, in the unit of durations, by rank."""
        if self.is_humble:
            return self.tests
        value = -self.tests["rank"].cast(pl.Float64).to_numpy()
        picked = ordering.chosen(value, self.tests["duration"].to_numpy(), budget)
        return self.tests.filter(pl.Series(picked))

    def missed(self, share: float) -> pl.DataFrame:
        """Return `builds_ago` and `test_id` of past failures outside `share` of the time."""
        builds, told = self.past
        frames = [pl.DataFrame(schema={"builds_ago": pl.Int64, "number": pl.UInt32})]
        for at, (build, said) in enumerate(zip(builds, told, strict=True)):
            lost = build.tests[build.failed & ~cut(said, share)]
            ago = np.full(len(lost), len(builds) - at)
            frames.append(pl.DataFrame({"builds_ago": ago, "number": lost.astype(np.uint32)}))
        rows = pl.concat(frames).join(self.numbers, on="number", maintain_order="left")
        return rows.sort("builds_ago").select("builds_ago", "test_id")

    def misses(self) -> pl.DataFrame:
        """Return past failures with the least share of time that would have caught them.

        Columns: builds_ago (1 is the newest build), test_id, probability (as told before it ran)
        and share, of SHARES. What the least of them catches is left out.
        """
        builds, told = self.past
        frames = [pl.DataFrame(schema=MISSES)]
        for at, (build, said) in enumerate(zip(builds, told, strict=True)):
            if not build.failed.any():
                continue
            caught = np.array([cut(said, share)[build.failed] for share in SHARES])
            first = np.where(caught.any(axis=0), caught.argmax(axis=0), len(SHARES) - 1)
            lost = first > 0
            frames.append(
                pl.DataFrame(
                    {
                        "builds_ago": np.full(int(lost.sum()), len(builds) - at),
                        "number": build.tests[build.failed][lost].astype(np.uint32),
                        "probability": said.probability[build.failed][lost],
                        "share": np.array(SHARES)[first[lost]],
                    },
                    schema=MISSES,
                )
            )
        rows = pl.concat(frames).join(self.numbers, on="number", maintain_order="left")
        return rows.sort("builds_ago").select("builds_ago", "test_id", "probability", "share")


def answer(results: pl.DataFrame, candidates: pl.DataFrame) -> Answer:
    """Return what the past says of `candidates`: test_id, and may have `place` and `touches`.

    `results` is as in `models.test_selection.builds_of`; it may hold tests that are no candidates.
    """
    numbers = numbered(
        pl.concat(
            [_placed(candidates), results.select("test_id").unique().with_columns(place=pl.lit(""))]
        ).unique("test_id", keep="first", maintain_order=True)
    )
    builds = builds_of(results, numbers)
    selector = Selector(numbers.height)
    told = walk(selector, builds)
    asked = candidates.join(numbers, on="test_id").unique("test_id").sort("number")
    tests = asked["number"].cast(pl.Int64).to_numpy()
    touches = asked["touches"].to_numpy() if "touches" in asked.columns else None
    said = selector.forecast(tests, touches)
    failing = sum(bool(build.failed.any()) for build in builds)
    scored = _ranked(asked.select("test_id"), selector.history, tests, said, touches)
    curve = confidence(builds, told)
    return Answer(scored, curve, said.by, len(builds), failing, (builds, told), numbers)


def _placed(candidates: pl.DataFrame) -> pl.DataFrame:
    place = pl.col("place").fill_null("") if "place" in candidates.columns else pl.lit("")
    return candidates.select("test_id", place=place)


def cut(said: Forecast, share: float) -> Flags:
    """Return which tests of a build are run in a share of its expected time."""
    return ordering.chosen(said.score, said.duration, share * float(said.duration.sum()))


def confidence(builds: Sequence[Build], told: Sequence[Forecast]) -> pl.DataFrame:
    """Return a row a share of time: `share`, and the shares `failures` and `builds` caught."""
    failing = [pair for pair in zip(builds, told, strict=True) if pair[0].failed.any()]
    rows = [(share, _caught(failing, share)) for share in SHARES]
    return pl.DataFrame(
        [(share, found.failures, found.builds) for share, found in rows],
        schema={"share": pl.Float64, "failures": pl.Float64, "builds": pl.Float64},
        orient="row",
    ).with_columns(pl.col("failures", "builds").fill_nan(None))


def _caught(failing: Sequence[tuple[Build, Forecast]], share: float) -> Caught:
    return ordering.caught(
        [cut(said, share) for _, said in failing],
        [build.failed for build, _ in failing],
        [build.duration for build, _ in failing],
    )


def _ranked(
    asked: pl.DataFrame, history: History, tests: Ints, said: Forecast, touches: Flags | None
) -> pl.DataFrame:
    order = np.lexsort((said.duration, -said.score))
    rank = np.empty(len(tests), dtype=np.int64)
    rank[order] = np.arange(1, len(tests) + 1)
    known = asked.with_columns(
        rank=pl.Series(rank),
        probability=pl.Series(said.probability),
        duration=pl.Series(said.duration),
        runs=pl.Series(history.runs[tests].astype(np.int64)),
        failed_recently=pl.Series(_bits(history.recent[tests])),
        since_run=pl.Series(_since(history, history.last_run[tests])),
        since_failure=pl.Series(_since(history, history.last_failure[tests])),
        near=pl.Series(history.near(tests, 8)),
        usual=pl.lit(history.prior),
        touches=pl.lit(value=False) if touches is None else pl.Series(touches),
    )
    told = known.with_columns(reasons=reasons.selection())
    return told.select("test_id", "rank", "probability", "duration", "reasons").sort("rank")


def _bits(recent: np.ndarray) -> Ints:
    """Return how many of the last five runs failed."""
    return np.bitwise_count(recent & 0b11111).astype(np.int64)


def _since(history: History, when: Ints) -> Floats:
    """Return how many builds ago; 1 is the last one, NaN never."""
    return np.where(when < 0, np.nan, history.builds - when)
