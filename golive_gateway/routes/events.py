"""`GET /v1/events`: server-sent events, one a change of the lake, for pages that follow it.

The lake's version is looked at once a second for all listeners together. The id of an event is the
version, so that a client that comes back with Last-Event-ID is told at once if it missed something.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import StreamingResponse

from golive_core import settings
from golive_core.errors import GoLiveError
from golive_core.lake import Lake
from golive_gateway.auth import authorise

router = APIRouter(prefix="/v1", tags=["read"])
LOOK_S = 1.0
HEARTBEAT_S = 15.0
MOST = 100
"""Listeners of one gateway."""


@dataclass(slots=True)
class Seen:
    """The newest version of the lake and the tables at it, renewed once in LOOK_S."""

    version: int = 0
    tables: dict[str, int] = field(default_factory=dict[str, int])
    looked_at: float = 0.0
    listeners: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self) -> None:
        """Renew what is known, unless another listener has just done so."""
        async with self.lock:
            if time.monotonic() - self.looked_at < LOOK_S:
                return
            with suppress(GoLiveError):  # told by /health/ready; here nothing has changed
                self.version, self.tables = await asyncio.to_thread(_now)
            self.looked_at = time.monotonic()


def _now() -> tuple[int, dict[str, int]]:
    lake = Lake(settings.home() / "lake")
    return lake.version(), dict(lake.manifest().tables)


seen = Seen()


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
        503: {"description": "There are too many listeners."},
    },
)
async def events(request: Request) -> StreamingResponse:
    """Tell of every change of the lake, until the client goes."""
    await asyncio.to_thread(authorise, request, "read", "events")
    if seen.listeners >= MOST:
        raise HTTPException(503, "too many listeners", headers={"Retry-After": "30"})
    told = request.headers.get("last-event-id", "")
    stream = _stream(request, int(told) if told.isascii() and told.isdigit() else None)
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _stream(request: Request, last: int | None) -> AsyncIterator[str]:
    seen.listeners += 1
    try:
        await seen.look()
        version, tables = (seen.version, seen.tables) if last is None else (last, {})
        yield f"retry: 3000\nid: {version}\nevent: hello\ndata: {version}\n\n"
        quiet_since = time.monotonic()
        while not await request.is_disconnected():
            await seen.look()
            if seen.version > version:
                changed = sorted(name for name, at in seen.tables.items() if tables.get(name) != at)
                version, tables = seen.version, seen.tables
                data = json.dumps({"version": version, "tables": changed})
                yield f"id: {version}\nevent: change\ndata: {data}\n\n"
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > HEARTBEAT_S:
                yield ": still here\n\n"
                quiet_since = time.monotonic()
            await asyncio.sleep(LOOK_S)
    finally:
        seen.listeners -= 1
