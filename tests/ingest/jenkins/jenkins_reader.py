"""A source with a cursor and all that its pulls brought: what the framework does, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from golive_core.errors import GoLiveError
from golive_core.window import Window
from ingest.source import Reject, Unit
from ingest.sources.jenkins import Jenkins


@dataclass
class Reader:
    """A source with a cursor, and every payload that its pulls brought, as raw rows."""

    source: Jenkins
    stream: str = "builds"
    cursor: dict[str, Any] | None = None
    raw: list[pl.DataFrame] = field(default_factory=list)
    requests: int = 0
    error: GoLiveError | None = None
    rejects: list[Reject] = field(default_factory=list)

    def pull(self, *, window: Window | None = None, batches: int | None = None) -> int:
        """Pull, store the cursor after each batch, and return the number of new payloads."""
        self.requests, self.error, new = 0, None, 0
        pulling = self.source.pull(self.stream, cursor=self.cursor, window=window)
        try:
            for count, batch in enumerate(pulling, 1):
                new += batch.payloads.height
                self.requests += batch.requests
                self.raw.append(batch.payloads)
                self.cursor = dict(batch.cursor) if window is None else self.cursor
                if count == batches:
                    pulling.close()
                    break
        except GoLiveError as error:
            self.error = error
        return new

    def units(self) -> list[Unit]:
        raw = pl.concat(self.raw).unique("payload_id", keep="last", maintain_order=True)
        return list(self.source.plan(raw))

    def core(self) -> dict[str, pl.DataFrame]:
        """Return the rows of all that was pulled by table; the last of a key wins."""
        frames: dict[str, list[pl.DataFrame]] = {}
        for unit in self.units():
            for parsed in self.source.parse(unit):
                self.rejects += parsed.rejects
                for table, frame in parsed.tables.items():
                    frames.setdefault(table, []).append(frame)
        return {table: pl.concat(parts, how="diagonal") for table, parts in frames.items()}

    def builds(self) -> pl.DataFrame:
        rows = self.core()["core.builds"]
        return rows.unique("build_id", keep="last", maintain_order=True).sort("number")
