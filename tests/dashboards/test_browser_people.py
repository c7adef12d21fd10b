"""People in real Chromium, over a real gateway and real dashboards: in, held to a role, out."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import demo
import polars as pl
import pytest
from browsing import DESKTOP, ROOT, keep, keep_file, serving, settle, violations, wait_for

from golive_core import access, sessions
from golive_core.accounts import Accounts
from golive_core.sessions import REFRESH_COOKIE, Sessions

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
PASSWORD = "correct horse battery"
SOON_MS = 40_000
"""A page looks after its session every 5 s, and the session after its user every 3 s."""


@dataclass(frozen=True)
class Shared:
    """A GoLive that asks for sign-in, where two projects are."""

    home: Path
    dashboards: str
    gateway: str


@contextmanager
def gateway(home: Path, dashboards: str, port: int) -> Iterator[str]:
    command = [sys.executable, "-m", "uvicorn", "--factory", "golive_gateway.app:create_app"]
    environment = {
        "GOLIVE_HOME": str(home), "GOLIVE_BASE": str(home.parent), "GOLIVE_SIGN_IN": "1",
        "GOLIVE_PORT_GATEWAY": str(port), "GOLIVE_GATEWAY_SIGN_INS": "1000/minute",
        "GOLIVE_PORT_DASHBOARDS": str(urlsplit(dashboards).port),
    }  # fmt: skip
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)], cwd=ROOT,
        env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/health/live")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    home = tmp_path_factory.mktemp("shared") / ".golive"
    lake = demo.fill(home, builds=40, tests=40)
    lake.merge("core.projects", pl.DataFrame({"project_id": ["vault"], "name": ["The vault"]}))
    people = Accounts(home)
    people.add("root", "admin", PASSWORD)
    people.add("ada", "viewer", PASSWORD, projects=["demo"])
    people.add("bob", "developer", PASSWORD)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    asks = {"GOLIVE_SIGN_IN": "1", "GOLIVE_PORT_GATEWAY": str(port)}
    with serving(home, **asks) as url, gateway(home, url, port) as door:
        yield Shared(home, url, door)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport=DESKTOP, color_scheme="light")
    yield opened
    opened.close()


def come_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def signed_in(context: BrowserContext, shared: Shared, name: str, at: str = "/") -> Page:
    page = context.new_page()
    page.goto(f"{shared.gateway}/sign-in?to={at}")
    come_in(page, name)
    page.wait_for_url(re.compile(re.escape(shared.dashboards)))
    settle(page)
    return page


def sections(page: Page) -> list[str]:
    more = page.locator("[data-testid=stSidebarNavViewButton]")
    if more.count() and "more" in more.inner_text():
        more.click()
    links = page.locator("[data-testid=stSidebarNavLink]").all_inner_texts()
    return [text.split()[-1] for text in links]


def test_from_a_link_through_the_form_to_the_page_that_was_meant(
    context: BrowserContext, shared: Shared
) -> None:
    page = context.new_page()
    page.goto(f"{shared.dashboards}/builds?days=7")
    with context.expect_page() as opened:
        page.get_by_role("link", name="Sign in").click()
    form = opened.value
    form.get_by_label("Name").wait_for()
    come_in(form, "ada", "a wrong password")
    assert form.get_by_role("alert").inner_text() == "Name or password is wrong."
    assert form.get_by_label("Name").input_value() == "ada"
    come_in(form, "ada")
    form.wait_for_url(f"{shared.dashboards}/builds?days=7*")
    settle(form)
    assert form.get_by_text("7 days to").first.is_visible()


def test_a_viewer_sees_their_project_and_no_page_of_others(
    context: BrowserContext, shared: Shared
) -> None:
    page = signed_in(context, shared, "ada")
    assert not {"Settings", "Security", "health"} & set(sections(page))
    assert "Builds" in sections(page)
    page.goto(f"{shared.dashboards}/builds?project=vault")
    settle(page)
    assert page.get_by_text("The vault").count() == 0
    page.get_by_role("button", name="ada").click()
    page.get_by_text("Viewer of demo").wait_for()
    assert violations(page) == []


def test_a_change_of_role_reaches_a_page_that_is_open(
    context: BrowserContext, shared: Shared
) -> None:
    page = signed_in(context, shared, "bob")
    assert "Settings" in sections(page)
    Accounts(shared.home).change("bob", role="viewer")
    gone = page.locator("[data-testid=stSidebarNavLink]", has_text="Settings")
    gone.wait_for(state="detached", timeout=SOON_MS)
    assert "Builds" in sections(page)
    Accounts(shared.home).change("bob", disabled=True)
    outside = page.get_by_text("Please sign in").or_(page.get_by_label("Password"))
    outside.first.wait_for(timeout=SOON_MS)
    assert sections(page) == []


def test_signing_out_reaches_the_other_page_of_the_browser(
    context: BrowserContext, shared: Shared
) -> None:
    page, other = signed_in(context, shared, "root"), context.new_page()
    other.goto(f"{shared.dashboards}/builds")
    settle(other)
    page.get_by_role("button", name="root").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("Please sign in").wait_for()
    other.locator("[data-testid=stSidebarNavLink]").first.wait_for(
        state="detached", timeout=SOON_MS
    )
    page.goto(f"{shared.dashboards}/")
    page.get_by_label("Password").wait_for(timeout=SOON_MS)


def test_the_owner_signs_out_of_open_pages_too(
    context: BrowserContext, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLIVE_HOME", str(shared.home))
    page = context.new_page()
    page.goto(f"{shared.gateway}/sign-in?token={access.make_token('link')}")
    page.wait_for_url(re.compile(re.escape(shared.dashboards)))
    settle(page)
    assert "Security" in sections(page)
    door = context.new_page()
    door.goto(shared.gateway)
    door.get_by_role("button", name="Sign out").click()
    page.get_by_text("Please sign in").wait_for(timeout=SOON_MS)


def test_a_session_that_is_over_for_now_is_renewed_unasked(
    context: BrowserContext, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sessions, "ACCESS_S", -1)
        pair = Sessions(shared.home).open(Accounts(shared.home).get("ada"))
    host = {"domain": "127.0.0.1", "httpOnly": True, "sameSite": "Lax"}
    context.add_cookies(
        [
            {"name": access.COOKIE, "value": pair.access, "path": "/", **host},
            {"name": REFRESH_COOKIE, "value": pair.refresh, "path": "/sign-in", **host},
        ]
    )  # type: ignore[list-item]
    page = context.new_page()
    page.goto(f"{shared.dashboards}/builds?days=14")
    page.get_by_text("14 days to").first.wait_for(timeout=SOON_MS)
    assert page.url.startswith(f"{shared.dashboards}/builds?days=14")


def test_somebody_changes_their_password_and_an_admin_sees_to_people(
    browser: Browser, shared: Shared, tmp_path: Path
) -> None:
    Accounts(shared.home).add("eve", "tester", PASSWORD, projects=["demo"])
    with browser.new_context(viewport=DESKTOP) as own:
        page = signed_in(own, shared, "eve")
        page.goto(f"{shared.gateway}/sign-in/password")
        page.get_by_label("Present password").fill(PASSWORD)
        page.get_by_label("New password").fill("a better horse battery")
        page.get_by_role("button", name="Change it").click()
        page.get_by_role("status").wait_for()
        keep_file(page, "password-changed", tmp_path)
    for dark in (False, True):
        scheme = "dark" if dark else "light"
        with browser.new_context(viewport=DESKTOP, color_scheme=scheme) as theirs:
            page = theirs.new_page()
            page.goto(f"{shared.gateway}/sign-in")
            assert violations(page) == []
            keep_file(page, f"sign-in-{scheme}", tmp_path)
            page = signed_in(theirs, shared, "root", "/settings")
            page.get_by_role("heading", name="People").scroll_into_view_if_needed()
            keep(page, f"settings-people-{scheme}", tmp_path)
            assert violations(page) == []
