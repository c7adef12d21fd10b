"""The read API under load: p95 of each resource with 16 connections, against the same SQL alone.

    python benchmarks/read_api.py [--results 20000000] [--connections 16] [--seconds 5]

A real gateway process over a simulated lake; each connection asks again as soon as it was answered.
The limit is 50 ms at p95 for reads of marts. Beside it: the same statement by `Lake.query` in one
process without a server, and an unchanged answer (304).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from golive_core.lake import Lake

LIMIT_S = 0.05
TESTS = 20_000


def fill(home: Path, results: int) -> None:
    """Write a simulated project of about so many test results, with marts and predictions."""
    from datetime import UTC, datetime

    from assets import predictions, refresh
    from assets.protocols import simulator
    from golive_core.lake import Lake
    from models.simulate import world

    lake = Lake(home / "lake")
    plan = world(
        seed=3,
        builds=max(20, results // TESTS),
        tests=TESTS,
        days=100,
        end=datetime.now(UTC),
        shape=simulator.SHAPE,
    )
    simulator.write(lake, plan)
    for _ in range(2):
        for mart in refresh.marts():
            refresh.refresh(lake, mart)
        predictions.score(lake)


async def asked(url: str, headers: dict[str, str], connections: int, seconds: float) -> list[float]:
    """Return the times of all answers, seconds."""
    took: list[float] = []
    limits = httpx.Limits(max_connections=connections)
    async with httpx.AsyncClient(limits=limits, headers=headers, timeout=60) as client:
        until = time.perf_counter() + seconds

        async def caller() -> None:
            while time.perf_counter() < until:
                started = time.perf_counter()
                answer = await client.get(url)
                assert answer.status_code in (200, 304), answer.text
                took.append(time.perf_counter() - started)

        await asyncio.gather(*(caller() for _ in range(connections)))
    return took


def main() -> None:
    """Fill a lake, serve it, and print a line a resource."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder) / ".golive", given)


def measure(home: Path, given: argparse.Namespace) -> None:
    """Serve a filled home and measure every resource that needs no parameter."""
    os.environ["GOLIVE_HOME"] = str(home)
    os.environ["GOLIVE_GATEWAY_REQUESTS"] = "1000000/second"
    fill(home, given.results)
    from golive_core.lake import Lake
    from golive_core.tokens import Tokens
    from golive_gateway.resources import resources

    lake = Lake(home / "lake")
    print(f"{lake.rows('core.test_results'):,} test results, load {os.getloadavg()[0]:.1f}")
    _, token = Tokens(home).create("bench", ["read"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--factory", "golive_gateway.app:create_app", "--port",
         str(port), "--log-level", "warning", "--no-access-log"]
    )  # fmt: skip
    try:
        root = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                httpx.get(f"{root}/health/live")
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        headers = {"authorization": f"Bearer {token}"}
        print(f"{'resource':<18}{'p50 ms':>9}{'p95 ms':>9}{'a second':>10}{'304 p95':>9}"
              f"{'SQL alone':>11}{'p95 / limit':>13}")  # fmt: skip
        for name, resource in resources().items():
            if any(one.is_required for one in resource.parameters):
                continue
            one_resource(root, name, headers, lake, given)
    finally:
        server.terminate()
        server.wait()


def one_resource(
    root: str, name: str, headers: dict[str, str], lake: Lake, given: argparse.Namespace
) -> None:
    """Print what one resource takes."""
    url = f"{root}/v1/{name}?project=demo"
    first = httpx.get(url, headers=headers, timeout=60)
    took = asyncio.run(asked(url, headers, given.connections, given.seconds))
    known = {**headers, "if-none-match": first.headers["etag"]}
    same = asyncio.run(asked(url, known, given.connections, min(2.0, given.seconds)))
    alone = []
    for _ in range(5):
        started = time.perf_counter()
        lake.query(first.headers["x-golive-sql"])
        alone.append(time.perf_counter() - started)
    p95 = statistics.quantiles(took, n=20)[-1]
    print(f"{name:<18}{1000 * statistics.median(took):>9.1f}{1000 * p95:>9.1f}"
          f"{len(took) / given.seconds:>10.0f}{1000 * statistics.quantiles(same, n=20)[-1]:>9.1f}"
          f"{1000 * statistics.median(alone):>11.1f}{p95 / LIMIT_S:>13.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
