"""Every page in real Chromium: filled, empty, dark, on a phone; looked at and kept as pictures.

Pictures go to $GOLIVE_ARTIFACTS, else to the test's own folder. GOLIVE_UPDATE_SCREENSHOT=1 makes
docs/screenshot.png anew.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dashboards import app as frame
from dashboards import catalog
from golive_core import access
from golive_core.lake import Lake

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(frame.__file__).parents[1]
ARTIFACTS = os.environ.get("GOLIVE_ARTIFACTS", "")
UPDATE = os.environ.get("GOLIVE_UPDATE_SCREENSHOT") == "1"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
]  # fmt: skip
DESKTOP, PHONE = {"width": 1440, "height": 960}, {"width": 390, "height": 844}
OWN_PROBE = re.compile(r"/[a-z_]+/_stcore/(health|host-config)$")
"""Streamlit first looks for its server below the path of the page: a 404 of its own."""
SLUGS = [view.slug for view in catalog.views()]
PATHS = {slug: "" if slug == SLUGS[0] else slug for slug in SLUGS}
"""Streamlit has its first page at the root, and nothing at that page's own name."""


@contextmanager
def serving(home: Path, **environment: str) -> Iterator[str]:
    """Run the dashboards over `home` on a free port; yield the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboards" / "app.py")]
    process = subprocess.Popen(
        [*command, "--server.port", str(port)], cwd=home.parent, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env=os.environ | {"GOLIVE_HOME": str(home)} | environment,
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return the system's Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        message = "Chromium is missing: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(filled: Path) -> Iterator[str]:
    """Return the address of the dashboards over the demo project."""
    with serving(filled) as url:
        yield url


@pytest.fixture
def look(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Return a function that opens an address and waits until the page has drawn itself."""
    opened: list[Page] = []
    complaints: list[str] = []

    def at(url: str, *, dark: bool = False, phone: bool = False, cookie: str = "") -> Page:
        context = browser.new_context(
            viewport=PHONE if phone else DESKTOP, color_scheme="dark" if dark else "light"
        )
        if cookie:
            context.add_cookies([{"name": access.COOKIE, "value": cookie, "url": url}])
        page = context.new_page()
        opened.append(page)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("response", lambda answer: note(answer.status, answer.url))
        page.on("requestfailed", lambda request: failed(request.url, request.failure))
        page.goto(url)
        settle(page)
        return page

    def note(status: int, url: str) -> None:
        if status >= 400 and not OWN_PROBE.search(url):
            complaints.append(f"{status} {url}")

    def failed(url: str, why: str | None) -> None:
        if why != "net::ERR_ABORTED":  # the page went elsewhere meanwhile
            complaints.append(f"failed: {url}: {why}")

    yield at
    for page in opened:
        page.context.close()
    assert complaints == []


def settle(page: Page) -> None:
    """Wait until the first heading stands and nothing is running any more."""
    page.locator("h1, h2").first.wait_for(timeout=60_000)
    page.locator("[data-testid=stStatusWidget]").wait_for(state="detached", timeout=60_000)
    page.wait_for_timeout(700)


def keep(page: Page, name: str, tmp_path: Path) -> Path:
    """Save a picture of the whole page."""
    folder = Path(ARTIFACTS) if ARTIFACTS else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": page.viewport_size["width"], "height": min(4000, height + 20)})
    page.wait_for_timeout(500)
    path = folder / f"{name}.png"
    page.screenshot(path=path)
    return path


def fits(page: Page) -> bool:
    """Tell whether nothing sticks out of the page on the right."""
    return page.evaluate(
        "(() => { const main = document.querySelector('[data-testid=stMain]');"
        " return main.scrollWidth <= main.clientWidth + 1 })()"
    )


def overhang(page: Page) -> list[str]:
    """Return what sticks out, for the message."""
    return page.evaluate(
        "[...document.querySelectorAll('[data-testid=stMain] *')].filter(one =>"
        " one.getBoundingClientRect().right > innerWidth + 1).slice(-5).map(one => one.outerHTML"
        ".slice(0, 160))"
    )


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("how", ["light", "dark", "phone"])
def test_a_filled_page_is_whole(
    look: Callable[..., Page], address: str, tmp_path: Path, slug: str, how: str
) -> None:
    page = look(f"{address}/{PATHS[slug]}", dark=how == "dark", phone=how == "phone")
    assert page.locator("h1").first.inner_text()
    assert page.locator(".gl-empty").count() == 0
    assert page.get_by_text("SQL / data").count() >= 2
    assert fits(page), overhang(page)
    background = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert (background == "rgb(18, 18, 20)") == (how == "dark")
    assert keep(page, f"{slug}-{how}", tmp_path).stat().st_size > 20_000


@pytest.mark.parametrize("slug", SLUGS)
def test_an_empty_page_says_what_to_do(
    look: Callable[..., Page], home: Path, tmp_path: Path, slug: str
) -> None:
    with serving(home) as empty:
        page = look(f"{empty}/{PATHS[slug]}")
        assert page.get_by_text("golive").first.is_visible()
        assert page.locator("[data-testid=stException]").count() == 0
        keep(page, f"{slug}-empty", tmp_path)
        page.context.close()


def test_a_lake_that_cannot_be_read_is_told(
    look: Callable[..., Page], broken: Path, tmp_path: Path
) -> None:
    with serving(broken) as url:
        page = look(url)
        assert page.get_by_role("alert").first.is_visible()
        assert page.get_by_text("golive doctor").is_visible()
        keep(page, "today-error", tmp_path)
        page.context.close()


def test_the_demo_is_labelled_in_sight(look: Callable[..., Page], address: str) -> None:
    for slug in ("today", "builds", "tests"):
        assert look(f"{address}/{PATHS[slug]}").get_by_text("made by golive simulate").is_visible()


def test_every_figure_opens_its_sql_and_offers_its_rows(
    look: Callable[..., Page], address: str
) -> None:
    page = look(address)
    page.get_by_text("SQL / data").first.click()
    page.get_by_text("from marts.pipeline_state").first.wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").first.click()
    rows = download.value.path().read_text().splitlines()
    assert rows[0].startswith("pipeline_id,pipeline_name")
    assert len(rows) > 1


def test_filters_stay_when_the_page_changes_and_come_from_a_link(
    look: Callable[..., Page], address: str
) -> None:
    page = look(f"{address}/?days=7")
    assert page.get_by_text("7 days to").first.is_visible()
    page.get_by_role("link", name="Builds").first.click()
    page.wait_for_url("**/builds?*days=7*")
    page.get_by_text("7 days to").first.wait_for()


def test_from_today_to_the_build_that_broke(look: Callable[..., Page], address: str) -> None:
    page = look(address)
    page.locator("[class*=st-key-links-] a").first.click()
    page.wait_for_url("**/builds?*build=*")
    page.get_by_text("All builds").wait_for()
    page.get_by_text("All builds").click()
    page.get_by_text("Health by pipeline and day").wait_for()
    assert "build=" not in page.url


def test_one_test_and_one_build_are_whole(
    look: Callable[..., Page], address: str, filled: Path, tmp_path: Path
) -> None:
    lake = Lake(filled / "lake")
    test = lake.query("select test_id from marts.flaky_tests where rank = 1").item()
    build = lake.query("select max(last_build_id) from marts.pipeline_state").item()
    for name, url in (
        ("one-test", f"{address}/tests?test={test}"),
        ("one-build", f"{address}/builds?build={build.replace('#', '%23')}"),
    ):
        for phone in (False, True):
            page = look(url, phone=phone)
            assert fits(page)
            keep(page, f"{name}-{'phone' if phone else 'light'}", tmp_path)


def test_only_who_is_signed_in_comes_in(
    look: Callable[..., Page], filled: Path, monkeypatch
) -> None:
    monkeypatch.setenv("GOLIVE_HOME", str(filled))
    token = access.make_token("session")
    with serving(filled, GOLIVE_SIGN_IN="1") as url:
        stranger = look(url)
        assert stranger.get_by_text("Please sign in").is_visible()
        assert stranger.get_by_text("Broken now").count() == 0
        assert stranger.locator("[data-testid=stSidebarNavLink]").count() == 0
        guest = look(url, cookie=token)
        assert guest.get_by_text("SQL / data").first.is_visible()
        for page in (stranger, guest):
            page.context.close()


def test_a_change_of_the_lake_shows_without_a_reload(look: Callable[..., Page], home: Path) -> None:
    import demo

    with serving(home) as url:
        page = look(url)
        assert page.get_by_text("Nothing to show yet").is_visible()
        demo.fill(home, builds=40, tests=40)
        page.get_by_text("Builds by day").wait_for(timeout=60_000)
        page.context.close()


@pytest.mark.skipif(not UPDATE, reason="GOLIVE_UPDATE_SCREENSHOT=1 makes the picture of the README")
def test_the_picture_of_the_readme_is_made_anew(look: Callable[..., Page], address: str) -> None:
    page = look(address)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.wait_for_timeout(800)
    page.screenshot(path=ROOT / "docs" / "screenshot.png")
