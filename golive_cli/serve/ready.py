"""Asking a server on this machine whether it answers, without any HTTP library."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (lower case) and body of an answer; status 0 if there was none."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return a header, empty if there is none."""
        return next((value for key, value in self.headers if key == name), "")


async def answers(url: str) -> bool:
    """Tell whether a GET of the URL is answered with 200."""
    return (await get(url, timeout_s=2.0)).status == 200  # noqa: PLR2004 - HTTP's OK


async def get(
    url: str, *, cookie: str = "", document: object = None, timeout_s: float = TIMEOUT_S
) -> Answer:
    """Return the answer to a GET, or to a POST of the JSON `document`, without redirects."""
    with suppress(OSError, asyncio.TimeoutError, ValueError, IndexError):
        async with asyncio.timeout(timeout_s):
            return await _ask(url, cookie, document)
    return Answer()


async def _ask(url: str, cookie: str, document: object) -> Answer:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        body = b"" if document is None else json.dumps(document).encode()
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        lines = [
            f"{'GET' if document is None else 'POST'} {target or '/'} HTTP/1.0",
            f"Host: {parts.hostname}:{parts.port}", "Connection: close",
            f"Content-Length: {len(body)}", "Content-Type: application/json",
            *([f"Cookie: {cookie}"] if cookie else []),
        ]  # fmt: skip
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
        return _parsed(await reader.read())
    finally:
        writer.close()


def _parsed(received: bytes) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = tuple((key.strip().lower(), value.strip()) for key, _, value in pairs)
    return Answer(int(first.split()[1]), headers, body)
