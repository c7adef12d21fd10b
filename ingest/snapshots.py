"""Lists that say how things stand now and not what happened: runners of a CI, its queue.

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


def is_fresh(at: Position, kind: str, minutes: int) -> bool:
    """Tell whether the list was looked at within `minutes`, by the clock of this machine."""
    last = instant(at.mark(kind))
    if last is None or at.window:
        return False
    return timedelta(0) <= datetime.now(UTC) - last < timedelta(minutes=minutes)


def snapshot(
    kind: str, request: Request, *,
    keys: Callable[[Answer, str], Mapping[str, Any]] | None = None,
    body: Callable[[Answer], bytes] | None = None,
) -> Walk:  # fmt: skip
    """Return the walk of such a list, of one page; `mark` is when it was looked at.

    Its parser is told that time as `at`, and so is `keys`.
    """
    now = datetime.now(UTC).isoformat()
    return Walk(
        kind, kind, request, context={"at": now}, mark=lambda _: now, body=body,
        keys=(lambda answer: keys(answer, now)) if keys else None,
    )  # fmt: skip
