"""REST checks beside plain httpx for the same requests: what captures, masks and evidence cost.

    python benchmarks/rest_checks.py [--rows N] [--rounds N]

A server in a process of its own answers at once; three requests a row, one after the other over a
connection that is kept. Each round runs, alternated:

httpx             a client's requests, their JSON parsed and the values compared
engine, none      the same as a document, no evidence kept
engine, all       the same, request and answer of every step masked and stored
engine, 5 ms      as all, the server taking 5 ms for an answer, beside httpx likewise

Ratios are medians over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from golive_core.artifacts import ArtifactStore
from golive_runner import rest

SLOW_S = 0.005
SERVER = """
import asyncio, json, socket, sys
import uvicorn

async def app(scope, receive, send):
    delay = float(scope["query_string"] or 0)
    if scope["method"] == "POST":
        await receive()
    if delay:
        await asyncio.sleep(delay)
    name = scope["path"].rsplit("/", 1)[-1]
    body = json.dumps({"id": len(name), "name": name, "tags": ["a", "b"], "text": "x" * 400})
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body.encode()})

listening = socket.socket()
listening.bind(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
config = uvicorn.Config(app, log_level="critical", lifespan="off", access_log=False)
uvicorn.Server(config).run(sockets=[listening])
"""


@contextmanager
def server() -> Iterator[str]:
    """Serve in a process of its own and yield the address."""
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        base = f"http://127.0.0.1:{int(process.stdout.readline())}"
        while True:
            try:
                httpx.get(base)
                break
            except httpx.ConnectError:
                time.sleep(0.02)
        yield base
    finally:
        process.kill()
        process.wait()


def plain(base: str, rows: int, delay: float) -> None:
    """Ask as a client does, without any engine."""

    async def go() -> None:
        async with httpx.AsyncClient() as client:
            for number in range(rows):
                user = f"user{number}"
                one = await client.get(f"{base}/users/{user}?{delay}")
                assert (one.status_code, one.json()["name"]) == (200, user)
                sent = {"user": one.json()["id"]}
                two = await client.post(f"{base}/orders/{user}?{delay}", json=sent)
                assert two.json()["tags"] == ["a", "b"]
                three = await client.get(f"{base}/orders/{two.json()['id']}?{delay}")
                assert three.status_code == 200

    asyncio.run(go())


def document(base: str, rows: int, delay: float, keep: str) -> str:
    """Return the same requests as a document."""
    users = ", ".join(f"{{user: user{number}}}" for number in range(rows))
    return f"""checks: bench
base: {base}
rows: [{users}]
keep: {keep}
steps:
  - get: /users/{{user}}?{delay}
    expect: {{status: 200, json: {{$.name: "{{user}}"}}}}
    capture: {{id: $.id}}
  - post: /orders/{{user}}?{delay}
    json: {{user: "{{id}}"}}
    expect: {{json: {{$.tags: [a, b]}}}}
    capture: {{order: $.id}}
  - get: /orders/{{order}}?{delay}
    expect: {{status: 200}}
"""


def engine(base: str, rows: int, delay: float, keep: str) -> None:
    """Run the document."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.yaml"
        path.write_text(document(base, rows, delay, keep))
        attempts = list(rest.run(path, store=ArtifactStore(Path(folder))))
    assert [one.status for one in attempts] == ["passed"] * rows


def timed(work: Callable[[], None]) -> float:
    """Return the seconds that it takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    given, _ = parser.parse_known_args()
    rows, found = given.rows, dict[str, list[float]]()
    with server() as base:
        works: dict[str, Callable[[], None]] = {
            "httpx": lambda: plain(base, rows, 0),
            "engine, none": lambda: engine(base, rows, 0, "none"),
            "engine, all": lambda: engine(base, rows, 0, "all"),
            "httpx, 5 ms": lambda: plain(base, rows, SLOW_S),
            "engine, 5 ms": lambda: engine(base, rows, SLOW_S, "all"),
        }
        for turn in range(given.rounds + 1):
            for name, work in works.items():
                took = timed(work)
                if turn:
                    found.setdefault(name, []).append(took)
    for name, times in found.items():
        peer = found["httpx, 5 ms" if name.endswith("5 ms") else "httpx"]
        ratio = statistics.median(one / other for one, other in zip(times, peer, strict=True))
        each = 1000 * statistics.median(times) / (3 * rows)
        print(f"{name:14} {each:6.2f} ms a request   {ratio:5.2f} of httpx")


if __name__ == "__main__":
    main()
