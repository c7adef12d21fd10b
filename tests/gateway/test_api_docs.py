"""What is said of the API holds: every line of curl in docs/api.md, and the page /docs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from golive_core.lake import Lake
from golive_gateway.resources import resources

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "api.md").read_text()
LINES = re.findall(r"^    (curl .*)$", TEXT, re.MULTILINE)
ARTIFACTS = os.environ.get("GOLIVE_ARTIFACTS", "")
ENDLESS = 28
"""What curl ends with when its --max-time is over."""


def test_every_resource_has_its_line() -> None:
    told = {match for line in LINES for match in re.findall(r"/v1/(\w+)", line)}
    assert told >= {*resources(), "sql", "events"}


@pytest.mark.parametrize("line", LINES)
def test_every_line_of_curl_works(
    running: tuple[str, str], simulated: Path, tmp_path: Path, line: str
) -> None:
    if shutil.which("curl") is None:
        message = "curl is missing: apt-get install curl"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    failed = "select test_id, build_id from core.test_results where status = 'failed' limit 1"
    test, build = Lake(simulated / "lake").query(failed).row(0)
    (tmp_path / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n")
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": os.environ["PATH"], "CURL_HOME": str(tmp_path), "GOLIVE": running[0],
             "GOLIVE_TOKEN": running[1], "TEST": str(test), "BUILD": build},
    )  # fmt: skip
    assert done.returncode == (ENDLESS if "--max-time" in line else 0), done.stdout + done.stderr
    assert done.stdout
    if "/v1/" in line and "events" not in line and "csv" not in line:
        assert isinstance(json.loads(done.stdout), list)


@pytest.mark.browser
def test_the_page_draws_every_operation_with_nothing_from_elsewhere(
    running: tuple[str, str], tmp_path: Path, chromium_page: Page
) -> None:
    page, faults, asked = chromium_page, [], []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{running[0]}/docs")
    page.locator("details").first.wait_for()
    paths = httpx.get(f"{running[0]}/openapi.json").json()["paths"]
    assert page.locator("details").count() == sum(map(len, paths.values()))
    flaky = page.locator("details", has_text="GET /v1/flaky")
    flaky.locator("summary").click()
    for word in ("verdict", "flaky, broken, infrastructure", "A row of the answer", "curl"):
        assert flaky.get_by_text(word).first.is_visible(), word
    assert '"project_id": "shop"' in flaky.inner_text()
    assert all(url.startswith(running[0]) for url in asked)
    assert faults == []
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    folder = Path(ARTIFACTS) if ARTIFACTS else tmp_path
    page.screenshot(path=folder / "api_docs.png", full_page=True)
