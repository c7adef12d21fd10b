"""Payloads that are committed together with the cursor behind them: not too many, not too late."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping

import polars as pl

from golive_core.schema import RAW_COLUMNS
from ingest.source import Cursor, Pulled

FULL_BYTES = 8 * 1024**2
FULL_PAYLOADS = 256
FULL_S = 5.0
"""What a kill can cost: this many seconds of asking are asked again."""


class Batch:
    """Collects payloads; `flush` hands them out with the cursor."""

    def __init__(self) -> None:
        self._rows: list[tuple[object, ...]] = []
        self._size = 0
        self._began = time.monotonic()
        self._requests = 0

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to commit."""
        return not self._rows

    @property
    def is_full(self) -> bool:
        """Tell whether it is time to commit."""
        late = bool(self._rows) and time.monotonic() - self._began > FULL_S
        return late or self._size > FULL_BYTES or len(self._rows) >= FULL_PAYLOADS

    def add(
        self,
        uri: str,
        body: bytes,
        context: Mapping[str, object],
        media_type: str = "application/json",
    ) -> None:
        """Add a payload. Its id covers address, context and body, so equal ones count once."""
        if not self._rows:
            self._began = time.monotonic()
        text = json.dumps(context, ensure_ascii=False)
        digest = hashlib.sha256("\0".join((uri, text, "")).encode() + body).hexdigest()
        self._rows.append((digest, uri, media_type, len(body), text, body))
        self._size += len(body)

    def flush(self, cursor: Cursor, requests: int) -> Pulled:
        """Return what was collected; `requests` is how many were sent since the pull began."""
        payloads = pl.DataFrame(self._rows, schema=RAW_COLUMNS, orient="row")
        pulled = Pulled(payloads, cursor, requests - self._requests)
        self._rows, self._size, self._requests = [], 0, requests
        return pulled
