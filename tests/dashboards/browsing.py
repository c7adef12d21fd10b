"""Real Chromium over real dashboards: servers, visits, pictures, and axe-core on what is there.

Pictures of all pages go to one folder: $GOLIVE_ARTIFACTS, which CI keeps, else the test's own.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dashboards import app as frame
from dashboards import catalog
from golive_core import access

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(frame.__file__).parents[1]
ARTIFACTS = os.environ.get("GOLIVE_ARTIFACTS", "")
AXE = ROOT / ".venv" / "node" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
]  # fmt: skip
DESKTOP, PHONE = {"width": 1440, "height": 960}, {"width": 390, "height": 844}
MAIN = "document.querySelector('[data-testid=stMainBlockContainer]').parentElement"
"""What scrolls: a page with a chat input has another element than the others."""
OWN_PROBE = re.compile(r"/[a-z_]+/_stcore/(health|host-config)$")
"""Streamlit first looks for its server below the path of the page: a 404 of its own."""
SLUGS = [view.slug for view in catalog.views()]
NOT_SIMULATED = {"journeys", "visual", "checks", "covered", "reruns"}
"""Pages of what a browser, server or suite really did, empty on the demo; they have own tests."""
PATHS = {slug: "" if slug == SLUGS[0] else slug for slug in SLUGS}
"""Streamlit has its first page at the root, and nothing at that page's own name."""
UNAVOIDABLE = {
    "list": "[data-testid=stSidebarNav]",  # Streamlit sets a div between each ul and its li
    "listitem": "[data-testid=stSidebarNav]",  # the same
}
"""Rule of axe-core -> selector of the part of the page that Streamlit itself draws so."""


@contextmanager
def serving(home: Path, **environment: str) -> Iterator[str]:
    """Run the dashboards over `home` on a free port; yield the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboards" / "app.py")]
    process = subprocess.Popen(
        [*command, "--server.port", str(port)], cwd=ROOT / "dashboards", stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"GOLIVE_HOME": str(home), "GOLIVE_BASE": str(home.parent)} | environment,
    )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/_stcore/health")
        yield address
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url: str, seconds: float = 90) -> None:
    """Return once the address answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(url)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the system's Chromium; the test is skipped where there is none, and fails in CI."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        message = "Chromium is missing: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@dataclass
class Visitor:
    """One reader's browser; `complaints` collects errors of scripts and failed requests."""

    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __call__(
        self, url: str, *, dark: bool = False, phone: bool = False, cookie: str = ""
    ) -> Page:
        """Open an address and wait until the page has drawn itself."""
        context = self.browser.new_context(
            viewport=PHONE if phone else DESKTOP,
            color_scheme="dark" if dark else "light", accept_downloads=True,
        )  # fmt: skip
        self.contexts.append(context)
        if cookie:
            context.add_cookies([{"name": access.COOKIE, "value": cookie, "url": url}])
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("response", lambda answer: self._note(answer.status, answer.url))
        page.on("requestfailed", lambda request: self._failed(request.url, request.failure))
        page.goto(url)
        settle(page)
        return page

    def _note(self, status: int, url: str) -> None:
        if status >= 400 and not OWN_PROBE.search(url):
            self.complaints.append(f"{status} {url}")

    def _failed(self, url: str, why: str | None) -> None:
        if why != "net::ERR_ABORTED":  # the page went elsewhere meanwhile
            self.complaints.append(f"failed: {url}: {why}")

    def leave(self) -> None:
        """Close everything that was opened."""
        for context in self.contexts:
            context.close()
        self.contexts.clear()


def settle(page: Page) -> None:
    """Wait until the first heading stands and nothing is running any more."""
    page.locator("h1, h2").first.wait_for(timeout=60_000)
    page.locator("[data-testid=stStatusWidget]").wait_for(state="detached", timeout=60_000)
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')", timeout=60_000)
    page.wait_for_timeout(400)


def keep(page: Page, name: str, tmp_path: Path) -> Path:
    """Save a picture of the whole page."""
    folder = Path(ARTIFACTS) if ARTIFACTS else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    size = page.viewport_size
    height = page.evaluate(f"{MAIN}.scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(4000, height + 20)})
    page.wait_for_timeout(400)
    path = folder / f"{name}.png"
    page.screenshot(path=path)
    page.set_viewport_size(size)
    return path


def keep_file(page: Page, name: str, tmp_path: Path) -> None:
    """Save a picture of a whole document that is no page of the dashboards."""
    folder = Path(ARTIFACTS) if ARTIFACTS else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)


def fits(page: Page) -> bool:
    """Tell whether nothing sticks out of the page on the right."""
    return page.evaluate(
        f"(() => {{ const main = {MAIN}; return main.scrollWidth <= main.clientWidth + 1 }})()"
    )


def overhang(page: Page) -> list[str]:
    """Return what sticks out, for the message."""
    return page.evaluate(
        f"[...{MAIN}.querySelectorAll('*')].filter(one =>"
        " one.getBoundingClientRect().right > innerWidth + 1).slice(-5).map(one => one.outerHTML"
        ".slice(0, 160))"
    )


def background(page: Page) -> str:
    """Return the colour behind the page."""
    return page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")


def violations(page: Page) -> list[str]:
    """Return what axe-core finds serious or critical, without what Streamlit leaves unavoidably."""
    if not AXE.exists():
        message = "axe-core is missing: deploy/node_packages.sh"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    page.evaluate(AXE.read_text())
    found: list[dict[str, str]] = page.evaluate(LOOK, UNAVOIDABLE)
    return [f"{one['rule']} at {one['at']}: {one['html']}\n    {one['why']}" for one in found]


LOOK = """
async unavoidable => {
    const all = await axe.run(document, {resultTypes: ['violations']});
    const serious = all.violations.filter(one => ['serious', 'critical'].includes(one.impact));
    const known = (rule, node) => unavoidable[rule]
        && document.querySelector(node.target[0])?.closest(unavoidable[rule]);
    return serious.flatMap(one => one.nodes.filter(node => !known(one.id, node)).map(node => ({
        rule: one.id, at: node.target.join(' ').slice(-160), html: node.html.slice(0, 200),
        why: node.failureSummary.slice(0, 400)})));
}
"""
