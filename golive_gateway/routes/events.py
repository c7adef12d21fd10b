"""`GET /v1/events`: server-sent events, one a change of the lake, for pages that follow it.

The lake's version is looked at once a second for all listeners together. The id of an event is the
version, so that a client that comes back with Last-Event-ID is told at once if it missed something.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import StreamingResponse

from golive_core import settings
from golive_core.errors import GoLiveError
from golive_core.lake import Lake
from golive_gateway.auth import authorise

router = APIRouter(prefix="/v1", tags=["read"])
LOOK_S = 1.0
HEARTBEAT_S = 15.0
"""After so long without news a comment keeps the connection, and the right to listen is checked."""
MOST = 100
"""Listeners of one gateway."""
REMEMBERED = 256
"""Versions whose tables are known: who missed more than these is told of every table."""


@dataclass(slots=True)
class Seen:
    """The newest version of a lake and its tables at the last versions, renewed once in LOOK_S."""

    home: Path
    version: int = 0
    tables: OrderedDict[int, Mapping[str, int]] = field(
        default_factory=OrderedDict[int, Mapping[str, int]]
    )
    looked_at: float = 0.0
    listeners: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self) -> None:
        """Renew what is known, unless another listener has just done so."""
        async with self.lock:
            if time.monotonic() - self.looked_at < LOOK_S:
                return
            with suppress(GoLiveError):  # told by /health/ready; here nothing has changed
                self.version, self.tables[self.version] = await asyncio.to_thread(_now, self.home)
            while len(self.tables) > REMEMBERED:
                self.tables.popitem(last=False)
            self.looked_at = time.monotonic()

    def changed_since(self, version: int) -> list[str]:
        """Return the tables that are others than at a version; all where that is long ago."""
        before = self.tables.get(version, {})
        return sorted(name for name, at in self._newest().items() if before.get(name) != at)

    def _newest(self) -> Mapping[str, int]:
        return self.tables.get(self.version, {})


def _now(home: Path) -> tuple[int, Mapping[str, int]]:
    found = Lake(home / "lake").manifest()
    return found.n, found.tables


seen_of = lru_cache(maxsize=4)(Seen)


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "A stream of events `change`: version and changed tables.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        401: {"description": "There is no valid session or token."},
        403: {"description": "It may not read this."},
        429: {"description": "Too many requests; Retry-After says when to come back."},
        503: {"description": "There are too many listeners."},
    },
)
async def events(request: Request) -> StreamingResponse:
    """Tell of every change of the lake, until the client goes or may not listen any more."""
    await asyncio.to_thread(_authorised, request)
    seen = seen_of(settings.home())
    if seen.listeners >= MOST:
        raise HTTPException(503, "too many listeners", headers={"Retry-After": "30"})
    told = request.headers.get("last-event-id", "")
    last = int(told) if told.isascii() and told.isdigit() and len(told) < 19 else None  # noqa: PLR2004 - of 64 bits
    headers = {"X-Accel-Buffering": "no"}
    stream = _stream(request, seen, last)
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


def _authorised(request: Request) -> None:
    authorise(request, "read", "events")


async def _stream(request: Request, seen: Seen, last: int | None) -> AsyncIterator[str]:
    seen.listeners += 1
    try:
        await seen.look()
        version = seen.version if last is None else last
        yield f"retry: 3000\nid: {version}\nevent: hello\ndata: {version}\n\n"
        said_at = time.monotonic()
        while not await request.is_disconnected():
            await seen.look()
            if seen.version != version:
                data = {"version": seen.version, "tables": seen.changed_since(version)}
                version, said_at = seen.version, time.monotonic()
                yield f"id: {version}\nevent: change\ndata: {json.dumps(data)}\n\n"
            elif time.monotonic() - said_at > HEARTBEAT_S:
                if not await _may_stay(request):
                    return
                said_at = time.monotonic()
                yield ": still here\n\n"
            await asyncio.sleep(LOOK_S)
    finally:
        seen.listeners -= 1


async def _may_stay(request: Request) -> bool:
    """Tell whether the right to listen still holds: sessions end, and tokens are revoked."""
    try:
        await asyncio.to_thread(_authorised, request)
    except HTTPException:
        return False
    return True
