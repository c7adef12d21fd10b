"""Seconds that every page takes on the server, for one reader and for ten, in real browsers.

    python benchmarks/page_times.py [--home DIR] [--builds N] [--tests N] [--rounds N] [--readers N]
                                    [--small]

Server time: from the request of a page over the browser's own WebSocket to the end of its script,
as the browser hears it; rendering is not in it. Warm: the reader comes back to
it by the navigation. Cold: the first
visit after the start of the server, to the first heading. Without --home a history is simulated;
the issue's figures are for 20 M results, so say how large the lake was beside what is printed.
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
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from dashboards import catalog
from golive_core.lake import Lake

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, WebSocket

ROOT = Path(catalog.__file__).parents[1]
WARM_S, CROWD_S, COLD_S, MEMORY_MB = 1.0, 1.5, 3.0, 700.0
"""Limits: one reader and ten (p95), first content, and the memory of the process."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
]
PATIENCE_S = 90.0
GO = """path => [...document.querySelectorAll('[data-testid=stSidebarNavLink]')]
    .find(one => new URL(one.href).pathname === path).click()"""
"""Goes to a page as a reader does, by its link in the navigation."""


@dataclass
class Reader:
    """One browser session, and how long its page runs took on the server."""

    page: Page
    began: float = 0.0
    is_running: bool = False
    times: list[float] = field(default_factory=list[float])

    def listen(self) -> None:
        """Follow the WebSocket of whatever page is opened."""
        self.page.on("websocket", self._follow)

    def _follow(self, socket: WebSocket) -> None:
        socket.on("framesent", self._asked)
        socket.on("framereceived", self._heard)

    def _asked(self, payload: bytes | str) -> None:
        message = BackMsg()
        if isinstance(payload, str):
            return
        message.ParseFromString(payload)
        if message.HasField("rerun_script") and not message.rerun_script.fragment_id:
            self.began, self.is_running = time.perf_counter(), True

    def _heard(self, payload: bytes | str) -> None:
        message = ForwardMsg()
        if isinstance(payload, str):
            return
        message.ParseFromString(payload)
        if message.WhichOneof("type") == "script_finished" and self.is_running:
            self.times.append(time.perf_counter() - self.began)
            self.is_running = False

    def wait(self, count: int) -> None:
        """Return once so many runs have ended."""
        end = time.monotonic() + PATIENCE_S
        while len(self.times) < count and time.monotonic() < end:
            self.page.wait_for_timeout(10)


@contextmanager
def serving(home: Path) -> Generator[tuple[str, psutil.Process]]:
    """Run the dashboards over a home; yield the address and the process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    server = subprocess.Popen(
        command, cwd=ROOT / "dashboards", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"GOLIVE_HOME": str(home), "GOLIVE_BASE": str(home.parent)},
    )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address, psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(30)


def simulate(home: Path, builds: int, tests: int) -> None:
    """Fill a home with a simulated history, its marts and its predictions."""
    from assets import refresh
    from golive_cli.demo import PROJECT, write_simulation
    from models import features, flaky, next_failure

    now = datetime.now(UTC)
    write_simulation(home, project=PROJECT, seed=7, builds=builds, tests=tests, days=90, end=now)
    lake = Lake(home / "lake")
    for mart in refresh.marts():
        refresh.refresh(lake, mart)
    daily = features.known(lake.query("select * from marts.test_daily"), now)
    evidence = features.evidence(daily, as_of=now)
    lake.overwrite("predictions.flaky", flaky.score(evidence, as_of=now)[0])
    lake.overwrite("predictions.next_failure", next_failure.score(daily, as_of=now)[0])
    for mart in refresh.marts():
        refresh.refresh(lake, mart)


def reader(browser: Browser) -> Reader:
    """Open a session of its own."""
    made = Reader(browser.new_context(viewport={"width": 1440, "height": 960}).new_page())
    made.listen()
    return made


def cold(browser: Browser, url: str) -> float:
    """Return seconds until the first heading of a page nobody has opened."""
    one = reader(browser)
    started = time.perf_counter()
    one.page.goto(url)
    one.page.locator("h1").first.wait_for(timeout=PATIENCE_S * 1000)
    taken = time.perf_counter() - started
    one.wait(1)
    one.page.context.close()
    return taken


def warm(readers: list[Reader], slug: str, away: str, rounds: int) -> list[float]:
    """Return the server times of all readers going to a page at once, again and again."""
    found: list[float] = []
    for number in range(rounds + 1):
        for target in (away, slug):
            for one in readers:
                one.times.clear()
                one.page.evaluate(GO, target)
            for one in readers:
                one.wait(1)
        found += [taken for one in readers for taken in one.times] if number else []
    return found


def p95(times: list[float]) -> float:
    """Return the 95 % quantile."""
    return statistics.quantiles(times, n=20)[-1] if len(times) > 1 else max(times, default=0.0)


def measure(home: Path, rounds: int, crowd: int) -> bool:
    """Print the table; return whether every figure is within its limit."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        sys.exit("Chromium is missing: apt-get install chromium")
    worst: list[float] = []
    print(f"{'page':<14}{'cold':>8}{'/limit':>8}{'1 reader':>10}{'/limit':>8}"
          f"{f'{crowd} readers':>12}{'/limit':>8}   (seconds, p95)")  # fmt: skip
    with serving(home) as (address, process), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        views = catalog.views()
        links = {view.slug: "/" if view is views[0] else f"/{view.slug}" for view in views}
        urls = {view.slug: f"{address}/{'' if view is views[0] else view.slug}" for view in views}
        colds = {slug: cold(browser, url) for slug, url in urls.items()}
        readers = [reader(browser) for _ in range(crowd)]
        for one in readers:
            one.page.goto(address)
            one.wait(1)
        for number, slug in enumerate(urls):
            here, away = links[slug], links[views[number - 1].slug]
            alone = p95(warm(readers[:1], here, away, rounds))
            many = p95(warm(readers, here, away, max(2, rounds // 4)))
            ratios = (colds[slug] / COLD_S, alone / WARM_S, many / CROWD_S)
            worst.extend(ratios)
            print(f"{slug:<14}{colds[slug]:>8.2f}{ratios[0]:>8.2f}{alone:>10.3f}{ratios[1]:>8.2f}"
                  f"{many:>12.3f}{ratios[2]:>8.2f}", flush=True)  # fmt: skip
        memory = process.memory_info().rss / 1e6
        browser.close()
    print(f"memory {memory:.0f} MB, {memory / MEMORY_MB:.2f} of the limit, "
          f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")  # fmt: skip
    return max([*worst, memory / MEMORY_MB]) <= 1


def main() -> None:
    """Make or take a lake, measure, and exit 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="a .golive folder that is there already")
    parser.add_argument("--builds", type=int, default=2000)
    parser.add_argument("--tests", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--readers", type=int, default=10)
    parser.add_argument("--small", action="store_true", help="a small lake, few rounds")
    given = parser.parse_args()
    if given.small:
        given.builds, given.tests, given.rounds = 300, 300, 5
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder) / ".golive"
        if not given.home:
            simulate(home, given.builds, given.tests)
        lake = Lake(home / "lake")
        sizes = {
            name: lake.rows(f"core.{name}") for name in ("test_results", "builds", "log_lines")
        }
        print(", ".join(f"{rows:,} {name.replace('_', ' ')}" for name, rows in sizes.items()))
        if not measure(home, given.rounds, given.readers):
            sys.exit(1)


if __name__ == "__main__":
    main()
