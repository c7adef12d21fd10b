"""A server that counts what is asked of it, and refuses or tells what is left as a test wants."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Limited:
    """Answers `status` with `headers` (`times` times, None for ever), else 200 and what is left."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    times: int | None = None
    asked: int = 0
    remaining: int | None = None
    limit: int = 0
    resets_at: float = 0.0

    def left(self, remaining: int, *, of: int, ends_s: float) -> None:
        self.remaining, self.limit, self.resets_at = remaining, of, time.time() + ends_s

    def answer_all(self) -> None:
        self.status, self.headers, self.times = 200, {}, None

    def reply(self) -> tuple[int, dict[str, str]]:
        self.asked += 1
        if self.status != 200:
            refused = self.status, self.headers
            if self.times is not None:
                self.times -= 1
                if not self.times:
                    self.answer_all()
            return refused
        if self.remaining is None:
            return 200, {}
        self.remaining -= 1
        return 200, {
            "X-RateLimit-Limit": f"{self.limit}", "X-RateLimit-Remaining": f"{self.remaining}",
            "X-RateLimit-Reset": f"{self.resets_at:.1f}", "X-RateLimit-Resource": "core",
        }  # fmt: skip


@contextmanager
def serving_limited() -> Iterator[Limited]:
    """Serve from a thread at `url`."""
    limited, lock = Limited(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            with lock:
                status, headers = limited.reply()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "2"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    limited.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield limited
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
