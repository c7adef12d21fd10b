"""A Git server on loopback that can refuse, fail, redirect or show a login page."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@dataclass
class Served:
    """What the server does and what it saw. `password` is asked for if it is set."""

    root: Path
    password: str = ""
    status: int = 200
    page: bytes | None = None
    location: str = ""
    port: int = 0
    seen: list[str] = field(default_factory=list)
    authorized: list[str] = field(default_factory=list)

    def url(self, name: str, credentials: str = "") -> str:
        """Return the URL of a repository below the root."""
        return f"http://{credentials}127.0.0.1:{self.port}/{name}"


@contextmanager
def serving(root: Path) -> Generator[Served]:
    """Serve the repositories below `root` by git's own backend until the end of the block."""
    served = Served(root)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
            """Keep the test's output clean."""

        def do_GET(self) -> None:
            answer(self, served)

        def do_POST(self) -> None:
            answer(self, served)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(request: BaseHTTPRequestHandler, served: Served) -> None:
    """Answer one request."""
    served.seen.append(request.path)
    given = request.headers.get("Authorization", "")
    if given:
        served.authorized.append(base64.b64decode(given.removeprefix("Basic ")).decode())
    if served.location:
        return reply(request, 302, [("Location", served.location + request.path)], b"")
    if served.page is not None or served.status != 200:
        return reply(request, served.status, [("Content-Type", "text/html")], served.page or b"")
    if served.password and not (given and served.authorized[-1].endswith(f":{served.password}")):
        return reply(request, 401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
    return backend(request, served)


def reply(
    request: BaseHTTPRequestHandler, status: int, headers: list[tuple[str, str]], body: bytes
) -> None:
    """Send an answer."""
    request.send_response(status)
    for name, value in [*headers, ("Content-Length", str(len(body)))]:
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


def backend(request: BaseHTTPRequestHandler, served: Served) -> None:
    """Hand the request to `git http-backend`."""
    path, _, query = request.path.partition("?")
    length = int(request.headers.get("Content-Length") or 0)
    variables = {
        "GIT_PROJECT_ROOT": str(served.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
        "QUERY_STRING": query, "REQUEST_METHOD": request.command,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(length),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
    }  # fmt: skip
    done = subprocess.run(
        ["git", "http-backend"], input=request.rfile.read(length), capture_output=True,
        env={**os.environ, **variables}, check=False,
    )  # fmt: skip
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    headers = [tuple(line.split(": ", 1)) for line in head.decode().splitlines()]
    status = next((int(value[:3]) for name, value in headers if name == "Status"), 200)
    reply(request, status, [pair for pair in headers if pair[0] != "Status"], body)
