"""Request bodies that arrive in pieces: never more in memory than allowed, never for ever."""

from __future__ import annotations

import asyncio

from fastapi import HTTPException, Request

MOST_BYTES = 25 * 1024**2
"""What GitHub sends at most; others send less."""
MOST_S = 30.0


async def read(request: Request, *, most: int = MOST_BYTES, seconds: float = MOST_S) -> bytes:
    """Return the body; raises HTTPException 413 for one that is too large, 408 for a slow one."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > most:
        raise too_large(most)
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, most)
    except TimeoutError:
        raise HTTPException(408, f"the body took longer than {seconds:g} s") from None


async def _read(request: Request, most: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise too_large(most)
        pieces.append(piece)
    return b"".join(pieces)


def too_large(most: int) -> HTTPException:
    """Return the error for a body above `most` bytes."""
    return HTTPException(413, f"the body is larger than {most} bytes")
