"""Every page in real Chromium: filled, empty, broken, dark, on a phone, and what axe-core says.

Pages are found by looking: a new page is looked at here without a line for it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import (
    NOT_SIMULATED,
    PATHS,
    SLUGS,
    Visitor,
    background,
    fits,
    keep,
    overhang,
    violations,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
DARK = "rgb(18, 18, 20)"


@pytest.mark.parametrize("slug", [slug for slug in SLUGS if slug not in NOT_SIMULATED])
def test_a_filled_page_is_whole(look: Visitor, address: str, tmp_path: Path, slug: str) -> None:
    page = look(f"{address}/{PATHS[slug]}")
    assert page.locator("h1").first.inner_text()
    assert page.locator("[data-testid=stException], .gl-empty").count() == 0
    assert fits(page), overhang(page)
    assert violations(page) == []
    assert keep(page, f"{slug}-light", tmp_path).stat().st_size > 20_000
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(500)
    assert background(page) == DARK
    assert violations(page) == []
    keep(page, f"{slug}-dark", tmp_path)
    look.leave()
    page = look(f"{address}/{PATHS[slug]}", phone=True)
    assert fits(page), overhang(page)
    keep(page, f"{slug}-phone", tmp_path)


@pytest.mark.parametrize("slug", SLUGS)
def test_an_empty_page_says_what_to_do(
    look: Visitor, empty_address: str, tmp_path: Path, slug: str
) -> None:
    page = look(f"{empty_address}/{PATHS[slug]}")
    assert page.get_by_text("golive").first.is_visible()
    assert page.locator("[data-testid=stException]").count() == 0
    assert violations(page) == []
    keep(page, f"{slug}-empty", tmp_path)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_page_of_a_lake_that_cannot_be_read_says_so(
    look: Visitor, broken_address: str, tmp_path: Path, slug: str
) -> None:
    page = look(f"{broken_address}/{PATHS[slug]}")
    assert page.get_by_role("alert").first.is_visible()
    page.get_by_text("golive doctor").wait_for()
    assert page.locator("[data-testid=stException]").count() == 0
    keep(page, f"{slug}-error", tmp_path)
