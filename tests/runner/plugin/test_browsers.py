"""Suites that drive browsers: Selenium on the system's chromedriver, pytest-playwright's files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from shop import open_shop

from golive_core.artifacts import ArtifactStore
from golive_core.lake import Lake
from golive_runner.journeys import launch

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PNG = b"\x89PNG"
SELENIUM = """
import os, unittest
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

SHOP = "http://" + os.environ["SHOP"]

@pytest.fixture(scope="module")
def browser():
    made = webdriver.Chrome()
    yield made
    made.quit()

class Front:
    def __init__(self, driver): self.driver = driver
    def sign_in(self, name):
        self.driver.get(SHOP)
        self.driver.find_element(By.ID, "n").send_keys(name)
        self.driver.find_element(By.TAG_NAME, "button").click()
        return self.driver.find_element(By.ID, "out").text

@pytest.fixture
def front(browser): return Front(browser)

def test_signs_in(front): assert front.sign_in("Ada") == "Hello Ada"
def test_fails(front): assert front.sign_in("Ada") == "Welcome back"
def test_without_a_browser(): assert 1 == 2

def test_open_dialog(browser):
    browser.get(SHOP + "/dialog")
    browser.find_element(By.TAG_NAME, "button").click()
    raise AssertionError("a dialog is open")

def test_quits(browser):
    browser.quit()
    raise AssertionError("nothing is left to show")

class TestOld(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.driver = webdriver.Chrome(options=webdriver.ChromeOptions())
    @classmethod
    def tearDownClass(cls): cls.driver.quit()
    def test_title(self):
        self.driver.get(SHOP)
        self.assertEqual(self.driver.title, "Shop 2")
"""
PLAYWRIGHT = """
import os, shutil
import pytest

@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    return {**browser_type_launch_args, "executable_path": os.environ["CHROMIUM"],
            "args": ["--no-sandbox", "--disable-gpu"]}

def test_welcome(page):
    page.goto("http://" + os.environ["SHOP"])
    assert page.title() == "Shop"

def test_fails(page):
    page.goto("http://" + os.environ["SHOP"])
    assert page.title() == "Shop 2"

def test_reads_a_file(): assert True
"""


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    with open_shop() as address:
        yield address


def kinds(attempt: dict) -> list[tuple[str, str]]:
    return [(one["kind"], one["name"]) for one in attempt.get("evidence", [])]


def need(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        message = f"{program} is missing: apt-get install chromium chromium-driver"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    return path


def test_a_selenium_suite_runs_on_this_machine_and_keeps_what_a_failure_showed(
    suite, shop: str
) -> None:
    need("chromedriver")
    suite.write(test_shop=SELENIUM)
    ran = suite.run("--golive-webdriver", SHOP=shop, SE_OFFLINE="true")
    assert ran.counts == {"failed": 5, "passed": 1}, ran.out
    told = {one["name"]: one for one in suite.attempts()}
    store = ArtifactStore(suite.root / ".golive")
    assert kinds(told["test_signs_in"]) == []
    assert kinds(told["test_without_a_browser"]) == []
    assert kinds(told["test_quits"]) == []
    assert kinds(told["test_fails"]) == [
        ("screenshot", "browser.failed.png"), ("page", "browser.page.html"),
        ("console", "browser.console.log"),
    ]  # fmt: skip
    picture, page, console = (store.get(one["sha256"]) for one in told["test_fails"]["evidence"])
    assert picture.startswith(PNG)
    assert b"Hello Ada" in page
    assert page.startswith(f"<!-- http://{shop}/ -->".encode())
    assert b"a warning for testers" in console
    assert ("page", "browser.page.html") in kinds(told["test_open_dialog"])
    assert ("screenshot", "driver.failed.png") in kinds(told["test_title"])


def test_with_xdist_the_worker_keeps_and_the_lake_names_the_files(suite, shop: str) -> None:
    need("chromedriver")
    suite.beside = ("xdist",)
    suite.write(test_shop=SELENIUM)
    suite.run("-n1", "-k", "test_fails or signs", "--golive-webdriver", SHOP=shop)
    [failed] = [one for one in suite.attempts() if one["status"] == "failed"]
    assert [kind for kind, _ in kinds(failed)] == ["screenshot", "page", "console"]
    ingest(suite.root)
    rows = artifacts(suite.root)
    assert [(test, kind) for test, kind, _ in rows] == [
        ("test_fails", "screenshot"), ("test_fails", "page"), ("test_fails", "console"),
    ]  # fmt: skip
    assert all(sha in ArtifactStore(suite.root / ".golive") for _, _, sha in rows)


def ingest(root: Path) -> None:
    from golive_cli.main import build

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("GOLIVE_HOME", str(root / ".golive"))
        assert not build()(["ingest", "reports", ".golive/pytest", "--project", "shop"],
                           standalone_mode=False)  # fmt: skip


def artifacts(root: Path) -> list[tuple[str, str, str]]:
    return Lake(root / ".golive" / "lake").query(
        "select test.name, file.kind, file.sha256 from core.test_artifacts as file "
        "inner join core.tests as test on file.test_id = test.test_id order by test.name, file.nth"
    ).rows()  # fmt: skip


def test_files_of_pytest_playwright_belong_to_their_attempts(suite, shop: str) -> None:
    chromium = need("chromium")
    need("ffmpeg")
    suite.beside = ("pytest_playwright.pytest_playwright",)
    suite.write(test_shop=PLAYWRIGHT)
    ran = suite.run(
        "--tracing=retain-on-failure", "--screenshot=only-on-failure", "--video=retain-on-failure",
        "-W", "ignore::pytest.PytestRemovedIn10Warning", SHOP=shop, CHROMIUM=chromium,
        **{launch.PLACE: launch.with_ffmpeg(suite.root).get(launch.PLACE, "")},
    )  # fmt: skip
    assert ran.counts == {"failed": 1, "passed": 2}, ran.out
    told = {one["name"].partition("[")[0]: one for one in suite.attempts()}
    assert kinds(told["test_welcome"]) == kinds(told["test_reads_a_file"]) == []
    assert kinds(told["test_fails"]) == [
        ("screenshot", "test-failed-1.png"),
        ("trace", "trace.zip"),
        ("video", "video.webm"),
    ]
    store = ArtifactStore(suite.root / ".golive")
    assert store.get(told["test_fails"]["evidence"][1]["sha256"]).startswith(b"PK")


def test_keeping_files_needs_the_standard_library_alone(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from golive_runner.pytest_plugin import evidence;"
        f"kept = evidence.Keeping(Path({str(tmp_path)!r}));"
        "kept._put('page', 'a', 'text/html', kept._masked(b'a'));"
        "print([one for one in ('polars', 'pydantic', 'httpx', 'selenium') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_missing_is_told_before_the_suite_runs(suite) -> None:
    suite.write(test_a="def test_a(): pass")
    ran = suite.run("--golive-webdriver", PATH=str(suite.root))
    assert ran.code == 4
    assert "there is no chromedriver" in ran.out
    (suite.root / "selenium.py").write_text("")
    ran = suite.run("--golive-webdriver")
    assert ran.code == 4
    assert "this Python has no Selenium" in ran.out
