"""One failure and one build down to its log in real Chromium, and the slider of the selection."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import Visitor, fits, keep, overhang, violations

from golive_core.lake import Lake

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


def test_one_failure_and_a_build_with_its_log_are_whole(
    look: Visitor, address: str, filled: Path, tmp_path: Path
) -> None:
    lake = Lake(filled / "lake")
    failure = lake.query("select min(signature_id) from marts.failure_fixes").item()
    build = lake.query("select max(build_id) from marts.new_templates_by_build").item()
    for name, url in (
        ("one-failure", f"{address}/failures?failure={failure}"),
        ("one-build-log", f"{address}/builds?build={build.replace('#', '%23')}"),
    ):
        for dark in (False, True):
            page = look(url, dark=dark)
            page.get_by_text("Why it failed").wait_for()
            page.get_by_role("log", name="Telling lines").wait_for()
            assert fits(page), overhang(page)
            assert violations(page) == []
            keep(page, f"{name}-{'dark' if dark else 'light'}", tmp_path)
        page = look(url, phone=True)
        assert fits(page), overhang(page)
        keep(page, f"{name}-phone", tmp_path)


def test_from_a_new_failure_to_what_it_says_and_back(look: Visitor, address: str) -> None:
    page = look(f"{address}/failures")
    page.get_by_text("Tests, builds and past fixes").first.click()
    page.get_by_text("What it says").wait_for()
    assert "failure=" in page.url
    page.get_by_text("All failures").click()
    page.get_by_text("Look at these first").wait_for()
    assert "failure=" not in page.url


def test_another_share_of_the_time_stands_in_the_url(look: Visitor, address: str) -> None:
    page = look(f"{address}/selection")
    assert page.get_by_text("50 % of the test time").is_visible()
    page.get_by_role("slider").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/selection?*share=0.55*")
    page.get_by_text("55 % of the test time").wait_for()
