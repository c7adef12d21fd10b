"""Cost Explorer: costs of each day by service and account; the last days are asked for again.

AWS bills every request and has new numbers a few times a day, so it is asked rarely. What it says
of a day is revised until the bill is closed; what it no longer says of it is told to the parser.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import cast

from golive_core.window import Window
from ingest.aws.client import Aws, Json, body
from ingest.batch import Batch
from ingest.source import Cursor, Pulled

METRICS = ["AmortizedCost", "UnblendedCost", "UsageQuantity"]
BY = [{"Type": "DIMENSION", "Key": key} for key in ("SERVICE", "LINKED_ACCOUNT")]


class Costs:
    """One pull of the costs; the cursor has when it was asked, to which day, what it said."""

    def __init__(self, aws: Aws, cursor: Cursor | None, window: Window | None) -> None:
        self._aws, self._window, self._batch = aws, window, Batch()
        self._state: Json = dict(cursor or {}) if not window else {}

    def has_news(self) -> bool:
        """Tell without a request whether it is time to ask."""
        since = time.time() - float(self._state.get("asked_at", 0))
        is_due = self._window is not None or since >= self._aws.options.costs_hours * 3600
        return self._aws.options.costs and is_due

    def run(self) -> Iterator[Pulled]:
        """Yield the costs of new days and of those that may have been revised."""
        if not self.has_news():
            return
        start, end = self._range()
        pages = list(self._aws.pages(
            "ce", "GetCostAndUsage", "NextPageToken", Granularity="DAILY", Metrics=METRICS,
            GroupBy=BY, TimePeriod={"Start": start.isoformat(), "End": end.isoformat()},
        ))  # fmt: skip
        said = [key for page in pages for key in keys(page)]
        before = cast("list[list[str]]", self._state.get("said", []))
        gone = [key for key in before if key not in said and key[0] >= start.isoformat()]
        whole = hashlib.sha256(b"".join(map(body, pages))).hexdigest()
        if whole != self._state.get("whole") or gone:
            for number, page in enumerate(pages):
                self._batch.add(f"ce:GetCostAndUsage?{start}&part={number}", body(page),
                                {"kind": "costs"})  # fmt: skip
            self._batch.add(f"ce:GetCostAndUsage?{start}#gone", body({"gone": gone}),
                            {"kind": "costs.gone"})  # fmt: skip
        recent = (end - timedelta(days=self._aws.options.revise_days + 1)).isoformat()
        self._state = {
            "asked_at": time.time(), "after": end.isoformat(), "whole": whole,
            "said": [key for key in said if key[0] >= recent],
        }  # fmt: skip
        yield self._batch.flush(dict(self._state), self._aws.requests)

    def _range(self) -> tuple[date, date]:
        """Return the first day to ask for and the day after the last."""
        said, today = self._aws.options, datetime.now(UTC).date()
        if self._window:
            return self._window.start.date(), min(self._window.end.date(), today) + _days(1)
        if "after" not in self._state:
            return today - _days(said.costs_days), today + _days(1)
        after = date.fromisoformat(self._state["after"])
        return after - _days(said.revise_days), today + _days(1)


def keys(page: Json) -> Iterator[list[str]]:
    """Yield [day, service, account] of everything that a page tells a cost of."""
    for day in page["ResultsByTime"]:
        for group in day.get("Groups", ()):
            yield [str(day["TimePeriod"]["Start"]), *group["Keys"]]


def _days(count: int) -> timedelta:
    return timedelta(days=count)
