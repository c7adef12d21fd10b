"""A server on the loopback whose answers a test makes up, with the troubles of the real world.

A subclass gives `answer`; here are the wire (HTTP/1.1, gzip, Date, keep-alive) and the faults:
`server.fault("part of path?query", kind, times)`. Kinds: a status ("500", "429" with Retry-After
of `seconds`), reset, slow, cut (the connection ends before the body does), half (a whole answer
with half of the JSON), login (200 and a page for people).
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

Reply = tuple[int, bytes, dict[str, str]]
"""Status, body, headers."""


@dataclass
class Fault:
    """What goes wrong `times` times for requests whose path and query contain `where`."""

    where: str
    kind: str
    times: int = 1
    seconds: float = 1.0


@dataclass
class Asked:
    """One request: path without the leading slash, first value of each parameter, decoded.

    `raw_path` is the path as it was sent.
    """

    method: str
    raw_path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return unquote(self.raw_path)

    @property
    def shown(self) -> str:
        return f"{self.path}?" + "&".join(f"{key}={value}" for key, value in self.query.items())

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Loopback:
    """What is served; `seen` are the requests as `path?query`, decoded; `token` is demanded."""

    latency_s: float = 0.0
    token: str | None = None
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    clock_s: float = 0.0
    zips: bool = True
    url: str = ""
    limits: dict[str, str] = field(default_factory=dict)
    """Headers of every answer that tell of limits."""

    def fault(self, where: str, kind: str, times: int = 1, seconds: float = 1.0) -> None:
        self.faults.append(Fault(where, kind, times, seconds))

    def asked(self, part: str) -> list[str]:
        return [path for path in self.seen if part in path]

    def answer(self, asked: Asked) -> Reply:
        """Return what the server says; a subclass gives its own."""
        return missing()

    def is_known(self, headers: Mapping[str, str]) -> bool:
        """Tell whether the credentials of a request hold the token, in any of the usual forms."""
        given = headers.get("authorization", "")
        secret = given.partition(" ")[2]
        if given.lower().startswith("basic "):
            user, _, password = base64.b64decode(secret).decode().partition(":")
            return self.token in (user, password)
        found = {secret, given, *(headers.get(name, "") for name in TOKEN_HEADERS)}
        return self.token in found

    def headers(self) -> dict[str, str]:
        """Return headers of every answer."""
        return {"Content-Type": "application/json;charset=utf-8"}

    # ------------------------------------------------------------ wire

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                asked = parsed(head.decode("latin-1"))
                asked.body = await reader.readexactly(int(asked.headers.get("content-length", 0)))
                if not await self.reply(asked, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def reply(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; tell whether the connection goes on."""
        self.seen.append(asked.shown)
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        fault = self.next_fault(asked.shown)
        kind = fault.kind if fault else ""
        if fault and kind == "slow":
            await asyncio.sleep(fault.seconds)
        status, body, headers = self.checked(asked)
        if fault and kind.isdigit():
            status, body = int(kind), b"trouble"
            headers = {"Retry-After": str(int(fault.seconds))} if status == 429 else {}
        if kind == "login":
            status, body = 200, b"<!DOCTYPE html><html><title>Sign in</title></html>"
            headers = {"Content-Type": "text/html;charset=utf-8"}
        if kind == "reset":
            writer.transport.abort()
            return False
        if kind == "half":
            body = body[: len(body) // 2]
        wire = self.wire(asked, status, body, headers)
        writer.write(wire[: len(wire) - 5] if kind == "cut" else wire)
        await writer.drain()
        return kind != "cut"

    def next_fault(self, shown: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.where in shown:
                fault.times -= 1
                return fault
        return None

    def checked(self, asked: Asked) -> Reply:
        if self.token and not self.is_known(asked.headers):
            given = any(name in asked.headers for name in ("authorization", *TOKEN_HEADERS))
            return (401 if given else 403), b"wrong token", {"Content-Type": "text/plain"}
        return self.answer(asked)

    def wire(self, asked: Asked, status: int, body: bytes, headers: dict[str, str]) -> bytes:
        headers = self.headers() | self.limits | headers
        if self.zips and "gzip" in asked.headers.get("accept-encoding", "") and len(body) > 1000:
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        headers |= {
            "Content-Length": str(len(body)),
            "Date": formatdate(time.time() + self.clock_s, usegmt=True),
        }
        lines = [f"HTTP/1.1 {status} x", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body


TOKEN_HEADERS = ("private-token", "x-api-key", "circle-token")
"""Headers beside Authorization in which servers take a token."""


def parsed(head: str) -> Asked:
    """Return the request of a head."""
    first, *lines = head.strip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    split = urlsplit(target)
    pairs = (line.partition(":") for line in lines)
    return Asked(
        method,
        split.path.lstrip("/"),
        {name: values[0] for name, values in parse_qs(split.query, True).items()},
        {name.strip().lower(): value.strip() for name, _, value in pairs},
    )


def ok(value: object, **headers: str) -> Reply:
    return 200, json.dumps(value).encode(), headers


def missing() -> Reply:
    return 404, b"<html>Not found", {"Content-Type": "text/html"}


def link(server: Loopback, asked: Asked, **params: object) -> dict[str, str]:
    """Return a Link header that names the same list with other parameters as the next page."""
    query = urlencode({**asked.query, **params})
    return {"Link": f'<{server.url}/{asked.path}?{query}>; rel="next"'}


S = TypeVar("S", bound=Loopback)


@contextmanager
def serving(server: S, tls: ssl.SSLContext | None = None) -> Iterator[S]:
    """Serve from a thread at `server.url`, by HTTPS with `tls`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listening = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls), loop
    ).result()
    scheme = "https" if tls else "http"
    server.url = f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:

        async def stop() -> None:
            listening.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
