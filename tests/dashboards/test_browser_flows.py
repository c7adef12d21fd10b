"""What a reader does in real Chromium: opens the SQL, follows links, signs in, sees news arrive.

GOLIVE_UPDATE_SCREENSHOT=1 makes docs/screenshot.png anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from browsing import PATHS, ROOT, Visitor, fits, keep, serving

from golive_core import access
from golive_core.lake import Lake

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
UPDATE = os.environ.get("GOLIVE_UPDATE_SCREENSHOT") == "1"


def test_the_demo_is_labelled_in_sight(look: Visitor, address: str) -> None:
    for slug in ("today", "builds", "tests"):
        assert look(f"{address}/{PATHS[slug]}").get_by_text("made by golive simulate").is_visible()


def test_every_figure_opens_its_sql_and_offers_its_rows(look: Visitor, address: str) -> None:
    page = look(address)
    page.get_by_text("SQL / data").first.click()
    page.get_by_text("from marts.pipeline_state").first.wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").first.click()
    rows = download.value.path().read_text().splitlines()
    assert rows[0].startswith("pipeline_id,pipeline_name")
    assert len(rows) > 1


def test_filters_stay_when_the_page_changes_and_come_from_a_link(
    look: Visitor, address: str
) -> None:
    page = look(f"{address}/?days=7")
    assert page.get_by_text("7 days to").first.is_visible()
    page.get_by_role("link", name="Builds").first.click()
    page.wait_for_url("**/builds?*days=7*")
    page.get_by_text("7 days to").first.wait_for()


def test_from_today_to_the_build_that_broke(look: Visitor, address: str) -> None:
    page = look(address)
    page.locator("[class*=st-key-links-] a").first.click()
    page.wait_for_url("**/builds?*build=*")
    page.get_by_text("All builds").wait_for()
    page.get_by_text("All builds").click()
    page.get_by_text("Health by pipeline and day").wait_for()
    assert "build=" not in page.url


def test_one_test_and_one_build_are_whole(
    look: Visitor, address: str, filled: Path, tmp_path: Path
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


def test_only_who_is_signed_in_comes_in(look: Visitor, filled: Path, monkeypatch) -> None:
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


def test_a_change_of_the_lake_shows_without_a_reload(look: Visitor, home: Path) -> None:
    import demo

    with serving(home) as url:
        page = look(url)
        assert page.get_by_text("Nothing to show yet").is_visible()
        demo.fill(home, builds=40, tests=40)
        page.get_by_text("Builds by day").wait_for(timeout=60_000)
        page.context.close()


@pytest.mark.skipif(not UPDATE, reason="GOLIVE_UPDATE_SCREENSHOT=1 makes the picture of the README")
def test_the_picture_of_the_readme_is_made_anew(look: Visitor, address: str) -> None:
    page = look(address)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.wait_for_timeout(800)
    page.screenshot(path=ROOT / "docs" / "screenshot.png")
