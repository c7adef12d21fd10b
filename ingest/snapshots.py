"""Lists that say how things stand now and not what happened: agents of a CI, its queue.

They change with every build, so they are no news that would start a run: they are looked at when
an instance is pulled anyway, but not again within some minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from golive_core.http import Answer, Request
from ingest.api import Position, Walk
from ingest.parse.rows import instant


def snapshot(
    kind: str, request: Request, at: Position, *, minutes: int,
    keys: Callable[[Answer, str], Mapping[str, Any]] | None = None,
    body: Callable[[Answer], bytes] | None = None,
) -> Walk:  # fmt: skip
    """Return the walk of such a list of one page; within `minutes` of the last look it is known.

    Its parser is told as `at` when it was looked at, by the clock of this machine; `keys` is too.
    """
    now = datetime.now(UTC)
    last = instant(at.mark(kind))
    age = now - last if last and not at.window else None
    stamp = now.isoformat()
    return Walk(
        kind, kind, request, context={"at": stamp}, mark=lambda _: stamp, body=body,
        keys=(lambda answer: keys(answer, stamp)) if keys else None,
        is_known=age is not None and timedelta(0) <= age < timedelta(minutes=minutes),
    )  # fmt: skip
