"""A server on this machine that speaks OpenAI's protocol as told, and notes all it gets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Body = dict[str, Any]
CREATED = 1_700_000_000


@dataclass
class Plan:
    """How the server answers: the text for a body; statuses that it gives before, in order."""

    answer: Callable[[Body], str] = lambda _: "{}"
    statuses: list[int] = field(default_factory=list[int])
    location: str = ""
    delay_s: float = 0.0
    refuses_shapes: bool = False
    tells_usage: bool = True
    endless: bool = False
    seen: list[Body] = field(default_factory=list[Body])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])


@contextmanager
def serving(plan: Plan) -> Iterator[str]:
    """Run the server on a free port; yield the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            _handle(self, plan)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _handle(request: BaseHTTPRequestHandler, plan: Plan) -> None:
    body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
    plan.seen.append(body)
    plan.headers.append(dict(request.headers))
    status = plan.statuses.pop(0) if plan.statuses else 200
    if plan.refuses_shapes and "response_format" in body:
        status = 400
    if status != 200:
        _refuse(request, status, plan)
        return
    request.send_response(200)
    request.send_header("Content-Type", "text/event-stream")
    request.end_headers()
    try:
        for chunk in _chunks(plan, body):
            request.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            request.wfile.flush()
            time.sleep(plan.delay_s)
        request.wfile.write(b"data: [DONE]\n\n")
    except OSError:
        pass  # the client has had enough


def _refuse(request: BaseHTTPRequestHandler, status: int, plan: Plan) -> None:
    content = json.dumps({"error": {"message": f"refused with {status}", "type": "x"}}).encode()
    request.send_response(status)
    if plan.location:
        request.send_header("Location", plan.location)
    request.send_header("Retry-After", "0")
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


def _chunks(plan: Plan, body: Body) -> Iterator[Body]:
    text = plan.answer(body)
    pieces = [text[at : at + 16] for at in range(0, len(text), 16)] or [""]
    while True:
        for piece in pieces:
            yield _chunk(body, [{"index": 0, "delta": {"content": piece}, "finish_reason": None}])
        if not plan.endless:
            break
    yield _chunk(body, [{"index": 0, "delta": {}, "finish_reason": "stop"}])
    if plan.tells_usage and body.get("stream_options"):
        usage = {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150}
        yield {**_chunk(body, []), "usage": usage}


def _chunk(body: Body, choices: list[Any]) -> Body:
    return {
        "id": "chat-1", "object": "chat.completion.chunk", "created": CREATED,
        "model": body["model"], "choices": choices,
    }  # fmt: skip


def told(body: Body) -> str:
    """Return all that a body says, as text."""
    return json.dumps(body, ensure_ascii=False)
