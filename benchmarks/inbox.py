"""The inbox under load: durable webhooks a second with 32 connections, and what the commit costs.

    python benchmarks/inbox.py [--seconds 6] [--kills 20] [--postgres]

A real gateway with one worker, driven by wrk (Debian) with signed 2 kB events of GitHub, each with
a delivery id of its own. Beside it the same requests with a delivery id that is known already: all
of the handler but the new row. With --kills the gateway is killed (SIGKILL) under load so often;
every event that was acknowledged must be in the inbox once. With --postgres the same gateway, by
turns, with its inbox in a PostgreSQL on this disk (fsync on, as always) beside that in SQLite.
Limits: 2,500 durable events a second, p99 of 100 ms.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

SECRET = "a-webhook-secret"
BODY = json.dumps({"action": "completed", "padding": "x" * 1960}).encode()
LEAST, MOST_P99_MS = 2500, 100.0
SCRIPT = """
local number = 0
local thread_id = 0
function setup(thread) thread:set("name", tostring(thread_id)); thread_id = thread_id + 1 end
function request()
  number = number + 1
  local id = KNOWN and "known" or (RUN .. "-" .. name .. "-" .. number)
  return wrk.format("POST", "/webhooks/hub", {
    ["Content-Type"] = "application/json", ["X-GitHub-Event"] = "ping",
    ["X-GitHub-Delivery"] = id, ["X-Hub-Signature-256"] = SIGNATURE }, BODY)
end
"""


def script(folder: Path, run: str, *, known: bool) -> Path:
    """Write what wrk sends; return its path."""
    signature = "sha256=" + hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    head = (
        f"KNOWN = {str(known).lower()}\nRUN = '{run}'\nSIGNATURE = '{signature}'\n"
        f"BODY = [[{BODY.decode()}]]\n"
    )
    path = folder / f"{run}.lua"
    path.write_text(head + SCRIPT)
    return path


def started(folder: Path, port: int, url: str = "") -> subprocess.Popen[bytes]:
    """Start the gateway of a folder and wait until it answers; `url` is that of a PostgreSQL."""
    environment = {
        **os.environ, **({"GOLIVE_DATABASE_URL": url} if url else {}),
        "GOLIVE_HOME": str(folder / ".golive"), "GOLIVE_BASE": str(folder),
        "HUB_SECRET": SECRET, "GOLIVE_GATEWAY_WEBHOOKS": "1000000/second",
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--factory", "golive_gateway.app:create_app", "--port",
         str(port), "--log-level", "error", "--no-access-log"],
        env=environment,
    )  # fmt: skip
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.1)
    raise SystemExit("the gateway did not start")


def driven(folder: Path, port: int, run: str, seconds: int, *, known: bool) -> tuple[float, float]:
    """Return requests a second and the p99 in milliseconds."""
    program = shutil.which("wrk") or sys.exit("wrk is missing: apt-get install wrk")
    told = subprocess.run(
        [program, "-t1", "-c32", f"-d{seconds}s", "--latency", "-s",
         str(script(folder, run, known=known)), f"http://127.0.0.1:{port}"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    if "Non-2xx" in told:
        raise SystemExit(told)
    rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", told)[0])
    number, unit = re.findall(r"99%\s+([\d.]+)(us|ms|s)", told)[0]
    return rate, float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def main() -> None:
    """Measure, and kill if that is wished."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "golive.toml").write_text(
            '[project.shop]\n[source.hub]\ntype = "github"\nproject = "shop"\n'
            'repositories = ["team/shop"]\nwebhook_secret = "env:HUB_SECRET"\n'
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        if given.postgres:
            compared(folder, port, given.seconds)
            return
        measured(folder, port, given.seconds)
        if given.kills:
            killed(folder, port, given.kills)


def measured(folder: Path, port: int, seconds: int) -> None:
    """Print rates of new and of known deliveries, three rounds by turns."""
    process = started(folder, port)
    try:
        print(f"32 connections, {len(BODY)} bytes, load {os.getloadavg()[0]:.1f}")
        fresh, same = [], []
        for turn in range(3):
            fresh.append(driven(folder, port, f"new{turn}", seconds, known=False))
            same.append(driven(folder, port, f"same{turn}", seconds, known=True))
            print(f"round {turn + 1}: durable {fresh[-1][0]:,.0f}/s, p99 {fresh[-1][1]:.0f} ms; "
                  f"known {same[-1][0]:,.0f}/s, p99 {same[-1][1]:.0f} ms")  # fmt: skip
        rate, p99 = sorted(fresh)[1]
        print(f"ratio durable / without a new row: {rate / sorted(same)[1][0]:.2f}")
        print(f"ratio to {LEAST}/s: {rate / LEAST:.2f}; p99 / {MOST_P99_MS:g} ms: "
              f"{p99 / MOST_P99_MS:.2f}")  # fmt: skip
    finally:
        process.terminate()
        process.wait()


def compared(folder: Path, port: int, seconds: int) -> None:
    """Print rates of both inboxes, three rounds by turns, one gateway at a time."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from tests import postgres

    print(f"32 connections, {len(BODY)} bytes, load {os.getloadavg()[0]:.1f}")
    rates: dict[str, list[float]] = {"SQLite": [], "PostgreSQL": []}
    with postgres.running() as server:
        urls = {"SQLite": "", "PostgreSQL": server.made()}
        for turn in range(3):
            for name, url in urls.items():
                process = started(folder, port, url)
                try:
                    driven(folder, port, f"warm{name}{turn}", 1, known=False)
                    rate, p99 = driven(folder, port, f"{name}{turn}", seconds, known=False)
                finally:
                    process.terminate()
                    process.wait()
                rates[name].append(rate)
                print(f"round {turn + 1}: {name} {rate:,.0f}/s, p99 {p99:.0f} ms")
    middle = {name: sorted(found)[1] for name, found in rates.items()}
    print(f"ratio PostgreSQL / SQLite: {middle['PostgreSQL'] / middle['SQLite']:.2f}")
    print(f"ratio PostgreSQL to {LEAST}/s: {middle['PostgreSQL'] / LEAST:.2f}")


def killed(folder: Path, port: int, times: int) -> None:
    """Kill the gateway under load; whatever was acknowledged must be there once."""
    from golive_core.inbox import Inbox

    known: set[str] = set()
    for turn in range(times):
        process, stop = started(folder, port), threading.Event()
        threads = [
            threading.Thread(target=sent, args=(port, f"kill-{turn}-{number}", known, stop))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        time.sleep(1.5 + 0.05 * turn)
        process.kill()
        process.wait()
        stop.set()
        for thread in threads:
            thread.join()
    waiting = Inbox(folder / ".golive").waiting(limit=10_000_000)
    held = [one.delivery_id for one in waiting if one.delivery_id.startswith("kill-")]
    lost, doubled = known - set(held), len(held) - len(set(held))
    print(f"{times} kills: {len(known):,} acknowledged, {len(lost)} lost, {doubled} doubled")


def sent(port: int, name: str, known: set[str], stop: threading.Event) -> None:
    """Send events until the gateway is gone; note those that it acknowledged."""
    signature = "sha256=" + hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
        for count in range(100_000):
            if stop.is_set():
                return
            headers = {
                "x-hub-signature-256": signature, "x-github-event": "ping",
                "x-github-delivery": f"{name}-{count}", "content-type": "application/json",
            }  # fmt: skip
            try:
                answer = client.post("/webhooks/hub", content=BODY, headers=headers)
            except httpx.HTTPError:
                return
            if answer.status_code == 202:
                known.add(f"{name}-{count}")


if __name__ == "__main__":
    main()
