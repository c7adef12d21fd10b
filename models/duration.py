"""How long will it take: the next run of a pipeline or a test, with intervals that hold.

A series is one test, or one pipeline on one kind of branch. The forecast is a plain rule, at first
the median of the last RECENT runs; of RULES the one speaks that lost least on the project's own
runs before. A learned correction (least squares on how the rules differ, on the time of the week
and on what started the build; it fades, so that it follows) speaks instead where it was surely
better on the runs before, by the bars of every learned model (`models/gate.py`).
Intervals are quantiles of past errors; see `models/residuals.py`. All of it goes forward in time:
`tell` knows only what `seen` was given before.

Durations are handled as `log(seconds + FLOOR_S)`: their scatter is relative, and nobody minds
milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import gate, residuals
from models.evaluate import Floats
from models.residuals import LEVELS, Residuals, Stretch, pinball

NAME = "duration"
FILES = (__file__, str(residuals.__file__), str(gate.__file__))
FLOOR_S = 0.02
RECENT = 7
"""Runs whose median is the forecast."""
KEPT = 10
"""Newest runs of a series that are kept."""
EWMA_STEP = 0.3
SCATTER_STEP = 0.1
"""Weight of the newest error in the scatter of a series."""
SHARED = 3.0
"""Errors that the scatter of all series weighs as in that of one."""
LEAST_SCATTER = 0.02
FEW = (3, KEPT)
"""Bounds of the known runs between which intervals are kept apart: few, some, enough."""
LONG = 20_000.0
"""Errors in which the weights of the shared scatter fade by half."""
RIDGE = 5.0
MEMORY = 0.5 ** (1 / 20_000)
"""Weight per row of what the correction was learned from."""
CLIP = 3.0
"""Scatters beyond which an error says no more."""
JUDGED = 0.98
"""Weight per batch of the losses by which the correction is judged."""
BETTER = 0.98
"""Share of the leading rule's loss below which another one takes its place."""
FEWEST = 30
"""Batches before the correction may speak."""
TO_WIN, TO_STAY = 1.645, 0.0
"""Standard errors of the mean gain: `gate.WIN` and `gate.STAY` of a normal distribution."""
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def log_s(seconds: Floats) -> Floats:
    """Return durations as they are forecast."""
    return np.log(np.maximum(seconds, 0.0) + FLOOR_S)


def seconds(logs: Floats) -> Floats:
    """Return the inverse of `log_s`, 0 at least."""
    return np.maximum(np.exp(logs) - FLOOR_S, 0.0)


class Told(NamedTuple):
    """A batch of forecasts of `n` series; `quantiles` are LEVELS of seconds, shape `(n, 5)`."""

    series: Ints
    known: Ints
    """How many runs of each series are known; of 0 nothing is told (NaN)."""
    quantiles: Floats
    by: str
    """Who speaks: a name of RULES, or LEARNED."""
    scatter: Floats
    inputs: Floats
    middles: Floats
    """What each of WHO says, as logarithms, shape `(who, n)`."""

    def of(self, rows: Flags) -> Told:
        """Return some of the rows."""
        return Told(
            self.series[rows], self.known[rows], self.quantiles[rows], self.by,
            self.scatter[rows], self.inputs[rows], self.middles[:, rows],
        )  # fmt: skip


@dataclass(slots=True)
class Standing:
    """Who speaks: the rule with the least loss, or the correction where it is surely better."""

    rule: int = 0
    is_learned: bool = False
    losses: Floats = field(default_factory=lambda: np.zeros(len(WHO)))
    """Fading sums of the mean losses of batches."""
    squares: Floats = field(default_factory=lambda: np.zeros(len(RULES)))
    """Fading sums of squares of what the correction saves against each rule."""
    weight: float = 0.0
    batches: int = 0

    @property
    def by(self) -> str:
        """The name of who speaks."""
        return LEARNED if self.is_learned else WHO[self.rule]

    @property
    def lift(self) -> float:
        """Share of the leading rule's loss that the correction saves."""
        loss = float(self.losses[self.rule])
        return 1 - float(self.losses[-1]) / loss if loss else 0.0

    def judge(self, losses: Floats, *, learns: bool) -> None:
        """Take in the mean losses of a batch, `(who,)`, and decide who speaks from now on."""
        self.batches += 1
        self.losses = JUDGED * self.losses + losses
        self.squares = JUDGED * self.squares + (losses[:-1] - losses[-1]) ** 2
        self.weight = JUDGED * self.weight + 1
        best = int(np.argmin(self.losses[:-1]))
        if self.losses[best] < BETTER * self.losses[self.rule]:
            self.rule = best
        if learns and self.batches >= FEWEST:
            self.is_learned = self._score() > (TO_STAY if self.is_learned else TO_WIN)

    def _score(self) -> float:
        """Return what the correction saves against the leading rule, in standard errors."""
        mean = float(self.losses[self.rule] - self.losses[-1]) / self.weight
        spread = max(float(self.squares[self.rule]) / self.weight - mean**2, 1e-18)
        return float(mean / np.sqrt(spread / self.weight))


class Forecaster:
    """Forecasts of many series of one kind, going forward in time.

    `extra` is the number of further columns that `tell` is given, known before the run. `only`
    names one of RULES that speaks alone, whatever comes: for comparisons.
    """

    def __init__(self, series: int, *, extra: int = 0, only: str = "") -> None:
        self.recent: Floats = np.full((series, KEPT), np.nan)
        self.known: Ints = np.zeros(series, dtype=np.int64)
        self.ewma: Floats = np.full(series, np.nan)
        self.off: Floats = np.zeros(series)
        self.weight: Floats = np.zeros(series)
        self.shared = [1.0, 2.0]
        """Sum of errors and of weights of all series: the scatter where nothing is known."""
        self.only = only
        self.standing = Standing()
        self.errors = [Residuals(len(FEW) + 1) for _ in WHO]
        self.stretch = Stretch()
        """Of what was told, whoever spoke: who is chosen by past losses is a little too sure."""
        width = len(FEATURES) + extra
        self.squares, self.products = RIDGE * np.eye(width), np.zeros(width)

    def tell(self, series: Ints, extra: Floats | None = None) -> Told:
        """Forecast the next run of each of `series` (each once), `extra` of shape `(n, extra)`."""
        recent, known, ewma = self.recent[series], self.known[series], self.ewma[series]
        middles = np.vstack([rule(recent, known, ewma) for rule in RULES.values()])
        scatter = self._scatter(series)
        inputs = _inputs(middles, scatter, extra)
        step = np.linalg.solve(self.squares, self.products)
        middles = np.vstack([middles, middles[0] + scatter * (inputs @ step)])
        by = self.only or self.standing.by
        told = Told(series, known, np.empty((len(series), 5)), by, scatter, inputs, middles)
        said = self.stretch.apply(self._quantiles(told, WHO.index(by)))
        return told._replace(quantiles=seconds(said))

    def seen(self, told: Told, took_s: Floats) -> None:
        """Take in how long the runs took that were told before, seconds of shape `(n,)`."""
        took, had = log_s(took_s), told.known > 0
        if had.any():
            self._learn(told.of(had), took[had])
        at = told.series
        self.recent[at] = np.concatenate([self.recent[at][:, 1:], took[:, None]], axis=1)
        old = np.where(self.known[at] > 0, self.ewma[at], took)
        self.ewma[at] = old + EWMA_STEP * (took - old)
        self.known[at] += 1

    def _scatter(self, series: Ints) -> Floats:
        shared = self.shared[0] / self.shared[1]
        own = (self.off[series] + SHARED * shared) / (self.weight[series] + SHARED)
        return np.maximum(own, LEAST_SCATTER)

    def _quantiles(self, told: Told, who: int) -> Floats:
        """Return what one of WHO says of the quantiles LEVELS, as logarithms."""
        off = self.errors[who].quantiles()[_bins(told.known)]
        return told.middles[who][:, None] + told.scatter[:, None] * off

    def _learn(self, told: Told, took: Floats) -> None:
        losses = [pinball(took, self._quantiles(told, who)).mean() for who in range(len(WHO))]
        self.standing.judge(np.array(losses), learns=not self.only)
        self.stretch.adapt(log_s(told.quantiles), took)
        bins, off = _bins(told.known), took - told.middles
        for errors, one in zip(self.errors, off, strict=True):
            errors.add(bins, one / told.scatter)
        self._correct(told, np.clip(off[0] / told.scatter, -CLIP, CLIP))
        self._widen(told, np.abs(off[0]))

    def _correct(self, told: Told, aim: Floats) -> None:
        """Learn what the median is off by from what was known: least squares that fades."""
        fade = MEMORY ** len(aim)
        ridge = (1 - fade) * RIDGE * np.eye(len(self.products))
        self.squares = fade * self.squares + ridge + told.inputs.T @ told.inputs
        self.products = fade * self.products + told.inputs.T @ aim

    def _widen(self, told: Told, off: Floats) -> None:
        most = np.minimum(off, 4 * CLIP * told.scatter)
        keep = 1 - SCATTER_STEP
        self.off[told.series] = keep * self.off[told.series] + most
        self.weight[told.series] = keep * self.weight[told.series] + 1
        fade = 0.5 ** (len(off) / LONG)
        self.shared = [fade * self.shared[0] + float(most.sum()),
                       fade * self.shared[1] + len(off)]  # fmt: skip


def _inputs(middles: Floats, scatter: Floats, extra: Floats | None) -> Floats:
    """Return what the correction is learned from: what the other rules say, and `extra`."""
    near = np.clip((middles[1:] - middles[0]) / scatter, -CLIP, CLIP)
    found = np.nan_to_num(np.column_stack([near.T, np.ones(len(scatter))]))
    return found if extra is None else np.column_stack([found, extra])


def _bins(known: Ints) -> Ints:
    """Return whether few, some or enough runs are known: the group of the errors."""
    return np.searchsorted(np.array(FEW), known, side="right").astype(np.int64)


def _median(count: int) -> Callable[[Floats, Ints, Floats], Floats]:
    def rule(recent: Floats, known: Ints, ewma: Floats) -> Floats:
        del ewma
        size = np.minimum(known, min(count, KEPT))
        ordered = np.sort(recent[:, -count:], axis=1)  # NaN comes last
        rows = np.arange(len(recent))
        low, high = np.maximum(size - 1, 0) // 2, np.maximum(size, 0) // 2
        return (ordered[rows, low] + ordered[rows, np.minimum(high, count - 1)]) / 2

    return rule


def _mean(recent: Floats, known: Ints, ewma: Floats) -> Floats:
    del ewma
    total = np.where(np.isnan(recent), 0.0, np.exp(recent)).sum(axis=1)
    return np.log(np.where(known > 0, total / np.maximum(np.minimum(known, KEPT), 1), np.nan))


def _last(recent: Floats, known: Ints, ewma: Floats) -> Floats:
    del known, ewma
    return recent[:, -1]


def _ewma(recent: Floats, known: Ints, ewma: Floats) -> Floats:
    del recent, known
    return ewma


OTHERS = ("median of 3", "median of 10", "mean of 10", "last", "EWMA")
RULES: Mapping[str, Callable[[Floats, Ints, Floats], Floats]] = {
    f"median of {RECENT}": _median(RECENT),
    "median of 3": _median(3),
    "median of 10": _median(10),
    "mean of 10": _mean,
    "last": _last,
    "EWMA": _ewma,
}
"""Plain rules: newest logarithms `(n, KEPT)`, how many are known `(n,)`, EWMA `(n,)` -> `(n,)`."""
LEARNED = "learned"
WHO = (*RULES, LEARNED)
FEATURES = (*OTHERS, "always")


def sentences(by: str, known: int, quantiles: Floats, lift: float) -> Iterator[str]:
    """Yield why a forecast says what it says; `quantiles` are LEVELS, in seconds."""
    if by == LEARNED:
        yield f"learned from the runs before: {100 * lift:.0f} % less loss than the best plain rule"
    else:
        yield f"the {by.replace('of', 'of the last')} run{'s' * (by != 'last')}"
    if known < FEW[0]:
        yield f"only {known} earlier runs are known, so the interval is wide"
    low, high = quantiles[LEVELS.index(0.05)], quantiles[LEVELS.index(0.95)]
    yield f"9 of 10 runs are expected to take {low:.3g} s to {high:.3g} s"
