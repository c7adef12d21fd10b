"""One JSON line a request in `.golive/logs/gateway.jsonl`, with an id that goes with it everywhere.

The id is that of the caller's X-Request-ID where it is a harmless word, else a new one; the answer
carries it. GoLive reads the file like any other log:

    [source.golive]
    type = "logs"
    project = "golive"
    paths = [".golive/logs/*.jsonl*"]
"""

from __future__ import annotations

import json
import queue
import re
import threading
import time
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from golive_core import settings
from golive_core.log import get_logger
from golive_core.redact import redact

FILE = Path("logs") / "gateway.jsonl"
MOST_BYTES = 64 << 20
"""Where the file is this long it is renamed to .1, and the one before goes."""
HARMLESS = re.compile(r"[A-Za-z0-9._-]{1,64}")
QUIET = ("/health/", "/metrics")
MOST_WAITING = 10_000
PROCESS = uuid4().hex[:20]
_numbers = count(1)
"""Ids of requests: of this process, then counted; random bits for each would cost a system call."""
log = get_logger(__name__)


class Writer:
    """Appends lines in a thread of its own, so that no request waits for the disk."""

    def __init__(self, home: Path) -> None:
        self.path = home / FILE
        self._lines: queue.Queue[str] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="request log", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Hand a line over; where the disk is far behind it is left out."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            log.warning("the request log is behind: a line is left out")

    def flush(self) -> None:
        """Wait until every line is written."""
        self._lines.join()

    def _run(self) -> None:
        while True:
            lines = [self._lines.get()]
            while not self._lines.empty():
                lines.append(self._lines.get())
            try:
                self._write(lines)
            except OSError as error:
                log.warning("the request log cannot be written", error=str(error))
            for _ in lines:
                self._lines.task_done()

    def _write(self, lines: list[str]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and self.path.stat().st_size > MOST_BYTES:
            self.path.replace(self.path.with_suffix(".jsonl.1"))
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))


class Told:
    """Gives every request an id and writes a line about it; probes are not worth one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.writer: Writer | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        identity = given if HARMLESS.fullmatch(given) else f"{PROCESS}{next(_numbers):012x}"
        scope.setdefault("state", {})["request_id"] = identity
        status, size, started = 500, 0, time.perf_counter()

        async def counting(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = identity
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counting)
        finally:
            if not scope["path"].startswith(QUIET):
                took = time.perf_counter() - started
                self._put(line_of(scope, identity, status, size, took))

    def _put(self, line: str) -> None:
        if self.writer is None:
            self.writer = Writer(settings.home())
        self.writer.put(line)


def line_of(scope: Scope, identity: str, status: int, size: int, took: float) -> str:
    """Return the line: no header, no query, no body, and secrets in the path masked."""
    level = "error" if status >= 500 else "warning" if status >= 400 else "info"  # noqa: PLR2004 - of HTTP
    path = redact(scope["path"][:500])
    return json.dumps({
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level,
        "service": "gateway", "message": f"{scope['method']} {path} {status}",
        "request_id": identity, "method": scope["method"], "path": path, "status": status,
        "route": getattr(scope.get("route"), "path", ""), "size_bytes": size,
        "duration_s": round(took, 6), "address": str((scope.get("client") or ("", 0))[0]),
        "caller": str(scope.get("state", {}).get("caller", "")),
    })  # fmt: skip
