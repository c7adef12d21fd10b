"""The read API under load: p95 of each resource with 16 connections, against the same SQL alone.

    python benchmarks/read_api.py [--results 20000000] [--connections 16] [--seconds 3] [--home DIR]

A real gateway process over a simulated lake, driven by wrk (Debian); each connection asks again as
soon as it was answered. The limit is 50 ms at p95 for reads of marts. Three cases: pages that ask
the same question (`same`: the answer is kept as long as its tables stay), clients that have it
already (`304`), and questions that nobody asked before (`new`: each runs its SQL). Beside them the
same statement by `Lake.query` in one process without a server. `--home` keeps the lake for the
next time; the machine does nothing else, or the load says so.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from golive_core.lake import Lake

LIMIT_MS = 50.0
TESTS = 20_000
SCRIPT = """
local n = 0
function request()
  n = n + 1
  local path = NEW and (PATH .. "&offset=" .. n) or PATH
  return wrk.format("GET", path, HEADERS)
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("\\nTOLD %d %d %d %d %d\\n",
    latency:percentile(50), latency:percentile(95), summary.requests,
    summary.duration, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


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


@dataclass(frozen=True, slots=True)
class Load:
    """A server and how it is asked: address, token, connections, seconds."""

    address: str
    token: str
    connections: int
    seconds: float
    folder: Path


def asked(load: Load, path: str, *, etag: str = "", is_new: bool = False) -> tuple[float, ...]:
    """Return p50 and p95 in milliseconds, and answers a second."""
    program = shutil.which("wrk") or sys.exit("wrk is missing: apt-get install wrk")
    known = f', ["If-None-Match"] = [[{etag}]]' if etag else ""
    script = load.folder / "asked.lua"
    script.write_text(
        f"NEW = {str(is_new).lower()}\nPATH = [[{path}]]\n"
        f'HEADERS = {{["Authorization"] = "Bearer {load.token}"{known}}}\n{SCRIPT}'
    )
    told = subprocess.run(
        [program, "-t1", f"-c{load.connections}", f"-d{load.seconds:g}s", "--timeout", "30s",
         "-s", str(script), load.address],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    p50, p95, count, took, errors = map(int, told.partition("TOLD ")[2].split())
    if errors:
        raise SystemExit(f"{path}: {errors} answers were none\n{told}")
    return p50 / 1000, p95 / 1000, count / took * 1e6


def main() -> None:
    """Fill a lake, serve it, and print a line a resource."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--home", type=Path, help="keeps the lake; filled if there is none")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure((given.home or Path(folder)) / ".golive", Path(folder), given)


@contextmanager
def served(home: Path) -> Iterator[str]:
    """Run the gateway over a home; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ, "GOLIVE_HOME": str(home), "GOLIVE_GATEWAY_REQUESTS": "1000000/second",
    }  # fmt: skip
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--factory", "golive_gateway.app:create_app", "--port",
         str(port), "--log-level", "warning", "--no-access-log"],
        env=environment,
    )  # fmt: skip
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def measure(home: Path, folder: Path, given: argparse.Namespace) -> None:
    """Serve a filled home and measure every resource that needs no parameter."""
    from golive_core.lake import Lake
    from golive_core.tokens import Tokens
    from golive_gateway.resources import resources

    lake = Lake(home / "lake")
    if not lake.version():
        fill(home, given.results)
    print(f"{lake.rows('core.test_results'):,} test results, load {os.getloadavg()[0]:.1f}")
    _, token = Tokens(home).create("bench", ["read"])
    worst = {"same": 0.0, "304": 0.0, "new": 0.0}
    with served(home) as address:
        load = Load(address, token, given.connections, given.seconds, folder)
        print(f"{'p95 ms, answers a second':<26}{'same':>7}{'/s':>7}{'304':>7}{'/s':>7}"
              f"{'new':>8}{'/s':>6}{'SQL alone ms':>14}")  # fmt: skip
        for name, resource in resources().items():
            if any(one.is_required for one in resource.parameters):
                continue
            for case, p95 in one_resource(load, name, lake).items():
                worst[case] = max(worst[case], p95)
    for case, p95 in worst.items():
        print(f"worst p95 of {case} / {LIMIT_MS:g} ms: {p95 / LIMIT_MS:.2f}")


def one_resource(load: Load, name: str, lake: Lake) -> dict[str, float]:
    """Print what one resource takes; return the p95 of each case in milliseconds."""
    path = f"/v1/{name}?project=demo"
    headers = {"authorization": f"Bearer {load.token}"}
    first = httpx.get(f"{load.address}{path}", headers=headers, timeout=60)
    same = asked(load, path)
    known = asked(load, path, etag=first.headers["etag"])
    new = asked(load, path, is_new=True)
    alone = []
    for _ in range(5):
        started = time.perf_counter()
        lake.query(first.headers["x-golive-sql"])
        alone.append(time.perf_counter() - started)
    print(f"{name:<26}{same[1]:>7.1f}{same[2]:>7.0f}{known[1]:>7.1f}{known[2]:>7.0f}"
          f"{new[1]:>8.1f}{new[2]:>6.0f}{1000 * statistics.median(alone):>14.1f}")  # fmt: skip
    return {"same": same[1], "304": known[1], "new": new[1]}


if __name__ == "__main__":
    main()
