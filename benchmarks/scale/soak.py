"""A whole GoLive under a steady load: whether memory grows, anything fails, or falls behind.

    python benchmarks/scale/soak.py [--minutes 120] [--webhooks 5] [--uploads 0.2] [--reads 5]

A real `golive up` in a folder of its own (gateway, dashboards, Dagster with its sensors) gets
webhooks of an Alertmanager, JUnit reports of 100 cases and reads of its API and of a page in a real
browser, each at its fixed rate a second; a request that is late does not slow the next ones down.
Told every minute and at the end: failed requests, times, how long a report takes to the lake, what
waits in the inbox, memory of each process (shared pages counted once) and its slope after the first
third, by least squares. Everything is on loopback and removed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import psutil

from golive_core.inbox import Inbox
from golive_core.lake import Lake
from golive_core.tokens import Tokens

GOLIVE = [sys.executable, "-c", "from golive_cli.main import main; main()"]
SECRET, CASES, PATIENCE_S = "a-webhook-secret", 100, 300.0
READS = ("builds", "tests", "flaky", "failures", "dora", "test_predictions")
"""Resources asked in turn, those that the gateway has."""
TOML = """
[project.shop]
[source.alerts]
type = "alertmanager"
project = "shop"
url = "{url}"
webhook_secret = "env:SOAK_SECRET"
"""


class Quiet(BaseHTTPRequestHandler):
    """An Alertmanager that has nothing to tell when it is asked."""

    def do_GET(self) -> None:
        """Answer an empty list."""
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@dataclass
class Seen:
    """What happened: seconds by kind, errors, reports not yet in the lake, memory by process."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list[str])
    sent_at: list[float] = field(default_factory=list[float])
    lags: list[float] = field(default_factory=list[float])
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    most_waiting: int = 0

    def note(self, kind: str, work: Callable[[], httpx.Response]) -> bool:
        """Do one request; note its time, or why it failed."""
        started = time.perf_counter()
        try:
            answer = work()
        except httpx.HTTPError as error:
            self.errors.append(f"{kind}: {type(error).__name__}")
            return False
        self.times[kind].append(time.perf_counter() - started)
        if answer.status_code >= 300:
            self.errors.append(f"{kind}: {answer.status_code} {answer.text[:120]}")
        return answer.status_code < 300


def alert(number: int) -> bytes:
    """Return a webhook of one alert."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    one = {"status": "firing", "labels": {"alertname": "Slow", "instance": f"i{number % 50}"},
           "annotations": {}, "startsAt": at, "endsAt": "0001-01-01T00:00:00Z",
           "generatorURL": "", "fingerprint": f"{number:016x}"}  # fmt: skip
    return json.dumps({"version": "4", "groupKey": f"g{number % 50}", "status": "firing",
                       "receiver": "golive", "groupLabels": {"alertname": "Slow"},
                       "commonLabels": {}, "commonAnnotations": {}, "externalURL": "",
                       "truncatedAlerts": 0, "alerts": [one]}).encode()  # fmt: skip


def junit(number: int) -> bytes:
    """Return a report of CASES cases, of which one fails now and then."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    failure = '<failure message="not equal">AssertionError</failure>'
    cases = "".join(
        f'<testcase classname="shop.Cart" name="test_{case}" time="0.01">'
        f"{failure if (number + case) % 97 == 0 else ''}</testcase>"
        for case in range(CASES)
    )
    return f'<testsuite name="cart" tests="{CASES}" timestamp="{at}">{cases}</testsuite>'.encode()


class Load:
    """The requests of one soak."""

    def __init__(self, url: str, home: Path, seen: Seen) -> None:
        _, token = Tokens(home).create("soak", ["read", "reports:write"])
        head = {"authorization": f"Bearer {token}"}
        self.client = httpx.Client(base_url=url, headers=head, timeout=30)
        self.seen = seen
        names = {path.split("/")[2] for path in self.client.get("/openapi.json").json()["paths"]
                 if path.startswith("/v1/") and path.count("/") == 2}  # fmt: skip
        self.reads = sorted(names & set(READS))

    def webhook(self, number: int) -> None:
        """Send one alert."""
        head = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
        self.seen.note("webhook", lambda: self.client.post(
            "/webhooks/alerts", content=alert(number), headers=head))  # fmt: skip

    def upload(self, number: int) -> None:
        """Hand one report in."""
        query = {"project": "shop", "build": f"soak-{number}", "branch": "main"}
        if self.seen.note("upload", lambda: self.client.post(
            "/v1/reports", params=query, content=junit(number), headers={"x-file-name": "r.xml"}
        )):  # fmt: skip
            self.seen.sent_at.append(time.monotonic())

    def read(self, number: int) -> None:
        """Ask the API for one resource."""
        name = self.reads[number % len(self.reads)]
        self.seen.note("read", lambda: self.client.get(f"/v1/{name}", params={"project": "shop"}))


def paced(work: Callable[[int], None], rate: float, until: float, pool: ThreadPoolExecutor) -> None:
    """Begin the work `rate` times a second, whether or not the last one has ended."""
    began = time.monotonic()
    for number in range(int((until - began) * rate)):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        pool.submit(work, number)


def watched(home: Path, family: psutil.Process, seen: Seen, until: float) -> None:
    """Note lag, inbox and memory until the end; print a line a minute."""
    lake, inbox, began, told = Lake(home / "lake"), Inbox(home), time.monotonic(), 0.0
    before = lake.rows("core.test_results")  # a folder without reports begins with the demo's
    while time.monotonic() < until:
        known = (lake.rows("core.test_results") - before) // CASES
        while len(seen.lags) < min(known, len(seen.sent_at)):
            seen.lags.append(time.monotonic() - seen.sent_at[len(seen.lags)])
        seen.most_waiting = max(seen.most_waiting, inbox.depth())
        if time.monotonic() - told >= 10:
            told = time.monotonic()
            note_memory(family, seen, told - began)
            if int(told - began) % 60 < 10:
                total = sum(rows[-1][1] for rows in seen.memory.values())
                print(f"{(told - began) / 60:5.1f} min: {total:,.0f} MB, {inbox.depth()} wait,"
                      f" {len(seen.errors)} errors, load {os.getloadavg()[0]:.1f}",
                      flush=True)  # fmt: skip
        time.sleep(0.5)


def note_memory(family: psutil.Process, seen: Seen, at: float) -> None:
    """Note what each process holds, by a name from its command."""
    held: dict[str, float] = defaultdict(float)
    for one in [family, *family.children(recursive=True)]:
        try:
            held[title(one.cmdline())] += one.memory_full_info().pss / 2**20
        except psutil.Error:
            continue
    for name, megabytes in held.items():
        seen.memory[name].append((at, megabytes))


def title(words: list[str]) -> str:
    """Return which of our processes a command is."""
    text = " ".join(words)
    known = ("golive_gateway", "streamlit", "dagster_webserver", "_daemon", "code-server", "grpc",
             "golive_cli")  # fmt: skip
    return next((name for name in known if name in text), "worker")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def reader(url: str, seen: Seen, until: float) -> None:
    """Open a page in a browser every ten seconds; note the time to its first heading."""
    from playwright.sync_api import Error, sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        print("no Chromium: no page is opened (apt-get install chromium)")
        return
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        ).new_page()
        while time.monotonic() < until:
            started = time.perf_counter()
            try:
                page.goto(url)
                page.locator("h1, h2").first.wait_for(timeout=30_000)
                seen.times["page"].append(time.perf_counter() - started)
            except Error as error:
                seen.errors.append(f"page: {str(error)[:120]}")
            time.sleep(10)


def told(seen: Seen, minutes: float) -> bool:
    """Print what came out; return whether nothing failed or fell behind."""
    for kind, times in seen.times.items():
        cuts = (
            statistics.quantiles(times, n=20, method="inclusive") if len(times) > 1 else times * 19
        )
        print(f"{kind:<10}{len(times):>8,} done, p50 {cuts[9] * 1e3:.0f} ms, p95 "
              f"{cuts[18] * 1e3:.0f} ms, longest {max(times) * 1e3:.0f} ms")  # fmt: skip
    late = len(seen.sent_at) - len(seen.lags)
    print(f"reports to the lake: median {statistics.median(seen.lags or [0]):.1f} s, longest "
          f"{max(seen.lags, default=0):.1f} s, {late} not there at the end; at most "
          f"{seen.most_waiting} webhooks waited")  # fmt: skip
    for name, rows in sorted(seen.memory.items()):
        kept = rows[len(rows) // 3 :]
        if len(kept) > 2:
            slope = statistics.linear_regression(*zip(*kept, strict=True)).slope * 3600
            print(f"memory {name:<20}{kept[-1][1]:>8.0f} MB, slope {slope:+8.1f} MB an hour")
    for error in dict.fromkeys(seen.errors):
        print(f"error: {error} ({seen.errors.count(error)} times)")
    print(f"{minutes:g} minutes, {len(seen.errors)} errors, load {os.getloadavg()[0]:.1f}")
    return not seen.errors and max(seen.lags, default=0) <= 10


def soak(folder: Path, asked: argparse.Namespace) -> bool:
    """Start everything, load it, and end it."""
    quiet = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=quiet.serve_forever, daemon=True).start()
    (folder / "golive.toml").write_text(TOML.format(url=f"http://127.0.0.1:{quiet.server_port}"))
    for words in (
        ("init", "-q"),
        ("add", "golive.toml"),
        ("-c", "user.name=soak", "-c", "user.email=soak@example.org", "commit", "-qm", "a"),
    ):
        subprocess.run(["git", *words], cwd=folder, check=True)  # fmt: skip
    ports = {name: free_port() for name in ("gateway", "dashboards", "dagster")}
    words = [part for name, port in ports.items() for part in (f"--port-{name}", str(port))]
    surroundings = os.environ | {"SOAK_SECRET": SECRET, "GOLIVE_GATEWAY_REQUESTS": "100000/minute",
                                 "GOLIVE_GATEWAY_WEBHOOKS": "100000/minute"}  # fmt: skip
    with (folder / "said.txt").open("wb") as said:
        up = subprocess.Popen([*GOLIVE, "up", "--no-browser", *words],
                              cwd=folder, env=surroundings, stdout=said, stderr=said)  # fmt: skip
        try:
            return loaded(folder / ".golive", ports, up, asked)
        except BaseException:
            print((folder / "said.txt").read_text()[-3000:])
            raise
        finally:
            up.terminate()
            up.wait(60)
            quiet.shutdown()


def loaded(
    home: Path, ports: dict[str, int], up: subprocess.Popen[bytes], asked: argparse.Namespace
) -> bool:
    """Wait until all of it answers, then load it for the time asked."""
    url, page = (f"http://127.0.0.1:{ports[name]}" for name in ("gateway", "dashboards"))
    for ready in (
        f"{url}/health/live",
        f"{page}/_stcore/health",
        f"http://127.0.0.1:{ports['dagster']}/server_info",
    ):
        wait_for(ready, up)  # fmt: skip
    seen = Seen()
    load, until = Load(url, home, seen), time.monotonic() + asked.minutes * 60
    print(f"reads: {', '.join(load.reads)}", flush=True)
    with ThreadPoolExecutor(32) as pool:
        rates = (
            (load.webhook, asked.webhooks),
            (load.upload, asked.uploads),
            (load.read, asked.reads),
        )
        threads = [threading.Thread(target=paced, args=(work, rate, until, pool))
                   for work, rate in rates]  # fmt: skip
        threads.append(threading.Thread(target=reader, args=(page, seen, until)))
        for thread in threads:
            thread.start()
        watched(home, psutil.Process(up.pid), seen, until + 15)  # the last ones arrive
        for thread in threads:
            thread.join()
    return told(seen, asked.minutes)


def wait_for(url: str, up: subprocess.Popen[bytes]) -> None:
    """Return once an address answers 200."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and up.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise SystemExit(f"{url} does not answer")


def main() -> int:
    """Run the soak; 1 if a request failed or a report took more than 10 s."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--webhooks", type=float, default=5, help="a second")
    parser.add_argument("--uploads", type=float, default=0.2, help="a second")
    parser.add_argument("--reads", type=float, default=5, help="a second")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        return 0 if soak(Path(name), asked) else 1


if __name__ == "__main__":
    sys.exit(main())
