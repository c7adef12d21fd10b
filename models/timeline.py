"""What was known of many groups at many instants: windows over events, found by binary search.

An event is known from its time on. Every answer is of events in (at - window, at], so that nothing
later can be seen, and the same rows come out whether one instant is asked or a whole history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.evaluate import Floats

Ints = NDArray[np.int64]
DAY_US = 86_400_000_000
WINDOW_US = 90 * DAY_US
"""Older events are not looked at: they say little of today's code, and bound what is read."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which events were known: positions `[low, high)` in the order of the timeline, `(n,)`."""

    low: Ints
    high: Ints

    @property
    def count(self) -> Ints:
        """How many events."""
        return self.high - self.low

    def last(self, number: int) -> Span:
        """Return at most the `number` newest of them."""
        return Span(np.maximum(self.low, self.high - number), self.high)


class Timeline:
    """Events of groups with a value each; `value` 1 stands for a failure where it is a verdict.

    `keys` are the columns of `events` that name the group; a null in one of them leaves the event
    out. `at` is the column with the time, Datetime(us, UTC); events without one are left out.
    """

    def __init__(
        self, events: pl.DataFrame, keys: Sequence[str], *, at: str, value: str | None = None
    ) -> None:
        self.keys = list(keys)
        known = events.drop_nulls([*keys, at])
        self.groups = known.select(keys).unique(maintain_order=True).with_row_index("group")
        codes = known.join(self.groups, on=self.keys, how="left", maintain_order="left")
        group = codes["group"].cast(pl.Int64).to_numpy()
        time = known[at].cast(pl.Int64).to_numpy()
        self.order = np.lexsort((time, group))
        self.group, self.time = group[self.order], time[self.order]
        values = known[value].cast(pl.Float64).to_numpy() if value else np.ones(len(time))
        self.value: Floats = values[self.order]
        self.total = np.concatenate([[0.0], np.cumsum(self.value)])
        good = np.where(self.value > 0, -1, np.arange(len(time)))
        self.last_good = np.maximum.accumulate(good) if len(time) else good
        """Position of the newest event of value 0 up to each, of whatever group."""
        self.rows = known[self.order]

    def span(self, asked: pl.DataFrame, at: str, window_us: int = WINDOW_US) -> Span:
        """Return the events that each row of `asked` knows of its own group at its time `at`."""
        found = asked.select(self.keys).join(
            self.groups, on=self.keys, how="left", maintain_order="left"
        )
        group = found["group"].cast(pl.Int64).fill_null(-1).to_numpy()
        time = asked[at].cast(pl.Int64).to_numpy()
        return Span(self._place(group, time - window_us), self._place(group, time))

    def _place(self, group: Ints, time: Ints) -> Ints:
        """Return the position behind the events of each group up to each time, itself included."""
        ranks = np.unique(self.time)
        width = len(ranks) + 1
        own = self.group * width + np.searchsorted(ranks, self.time, side="right")
        wanted = group * width + np.searchsorted(ranks, time, side="right")
        return np.searchsorted(own, wanted, side="right")

    def sum(self, span: Span) -> Floats:
        """Return the sum of values."""
        return self.total[span.high] - self.total[span.low]

    def newest(self, span: Span) -> Floats:
        """Return the newest value, NaN where nothing is known."""
        if not len(self.value):
            return np.full(len(span.high), np.nan)
        return np.where(span.count > 0, self.value[span.high - 1], np.nan)

    def good_place(self, span: Span) -> Ints:
        """Return the position of the newest event of value 0, -1 where there is none."""
        if not len(self.value):
            return np.full(len(span.high), -1)
        place = self.last_good[span.high - 1]
        return np.where((span.count > 0) & (place >= span.low), place, -1)

    def streak(self, span: Span) -> Ints:
        """Return how many events in a row, up to the newest, have another value than 0."""
        return span.high - np.maximum(self.good_place(span) + 1, span.low)

    def since(self, place: Ints, asked: pl.DataFrame, at: str) -> Floats:
        """Return the seconds from the event at each place to each row's time, NaN for place -1."""
        if not len(self.time):
            return np.full(len(place), np.nan)
        gone = (asked[at].cast(pl.Int64).to_numpy() - self.time[place]) / 1e6
        return np.where(place < 0, np.nan, gone)
