"""The page Journeys over a small lake: the list, the film strip, what changed where it stopped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from browsing import Visitor, fits, keep, overhang, serving, violations
from streamlit.testing.v1 import AppTest

sys.path.insert(0, str(Path(__file__).parents[1] / "runner"))

from shop import open_shop

from golive_core.artifacts import ArtifactStore
from golive_core.lake import Lake
from golive_core.settings import child_environment
from golive_runner.attempt import Attempt, Evidence, Status, StepResult, write

Draw = Callable[..., AppTest]
STEPS = ("open /", "click “Sign in”", "see text “Hello Ada”")


def html(app: AppTest) -> str:
    return " ".join(str(one.proto.body) for one in app.get("html"))


def ingested(base: Path, report: Path) -> Path:
    """Return the home of a project whose one report that is."""
    from assets import load
    from assets.core import write_projects
    from assets.workspace import Workspace
    from golive_core.settings import Instance, Project, Settings

    instance = Instance("shop-runs", "reports", "shop", {"paths": [str(report)]})
    settings = Settings(
        home=base / ".golive", base=base, instances={"shop-runs": instance},
        projects={"shop": Project("shop")},
    )  # fmt: skip
    workspace = Workspace.load(settings)
    write_projects(workspace)
    load.ingest(workspace.lake, workspace.source("shop-runs"), instance, context=workspace.context,
                full=True)  # fmt: skip
    return settings.home


@pytest.fixture(scope="module")
def run_twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a journey that passed, then stopped at its last step."""
    base = tmp_path_factory.mktemp("journeys")
    store, now = ArtifactStore(base / ".golive"), datetime.now(UTC).replace(microsecond=0)
    report = base / "run.json"
    write(report, "journeys", [
        attempt(store, now - timedelta(minutes=5), "passed", "- heading \"Hello Ada\""),
        attempt(store, now, "failed", "- heading \"Hello\"\n- text: <b>odd</b>"),
    ])  # fmt: skip
    return ingested(base, report)


def attempt(store: ArtifactStore, at: datetime, status: Status, tree: str) -> Attempt:
    """Return an attempt whose last step ends so, with a picture and a tree of every step."""

    def kept(kind: str, name: str, media: str, body: bytes) -> Evidence:
        return Evidence(kind, name, media, store.put_bytes(body), len(body))

    steps = tuple(
        StepResult(
            name, name.partition(" ")[0], status if nth == 2 else "passed", at, 0.4,
            "text “Hello Ada” did not appear" if status == "failed" and nth == 2 else "",
            evidence=(kept("screenshot", "1.jpg", "image/jpeg", b"\xff\xd8picture"),
                      kept("accessibility", "1.yaml", "text/yaml", tree.encode())),
        )
        for nth, name in enumerate(STEPS)
    )  # fmt: skip
    vitals = b'{"http://shop/": {"lcp": 3100.4, "cls": 0.02, "ttfb": 12}}'
    whole = (
        kept("trace", "trace.zip", "application/zip", b"PK"),
        kept("console", "console.txt", "text/plain", b"console error: odd"),
        kept("vitals", "vitals.json", "application/json", vitals),
    )
    message = "see text “Hello Ada”: text “Hello Ada” did not appear" if status == "failed" else ""
    return Attempt("sign_in.yaml", "Sign in", status, at, 1.2, "sign_in.yaml", "chromium",
                   "NotFound", message, steps=steps, evidence=whole)  # fmt: skip


def test_the_list_says_which_journey_does_not_get_through(draw: Draw, run_twice: Path) -> None:
    app = draw(run_twice, "journeys")
    assert not app.exception
    assert app.title[0].value == "1 journey of 1 did not get through"
    assert "did not appear" in html(app)
    shown = app.dataframe[0].value
    assert shown["strip"].tolist() == ["✓ ✕"]
    assert shown["rate"].tolist() == [50]


def test_one_journey_shows_its_film_and_what_changed(draw: Draw, run_twice: Path) -> None:
    test = Lake(run_twice / "lake").query("select test_id from core.tests").item()
    app = draw(run_twice, "journeys", journey=str(test))
    assert not app.exception
    told = html(app)
    assert told.count("data:image/jpeg;base64,") == 3
    assert "Hello Ada" in told
    assert "&lt;b&gt;odd" in told, "what a page says is text, never HTML of ours"
    assert "gl-minus" in told
    assert "gl-plus" in told
    told_of = {one.label: (one.value, one.delta) for one in app.metric}
    assert told_of["Largest paint"] == ("3,100 ms", "needs work")


def test_an_attempt_that_passed_is_not_compared(draw: Draw, run_twice: Path) -> None:
    test = Lake(run_twice / "lake").query("select test_id from core.tests").item()
    app = draw(run_twice, "journeys", journey=str(test))
    app.selectbox(key="attempt").set_value(1).run()
    assert not app.exception
    assert "gl-minus" not in html(app)


def test_an_unknown_journey_and_no_journey_say_what_to_do(
    draw: Draw, run_twice: Path, bare: Path
) -> None:
    assert "No attempt of such a journey" in html(draw(run_twice, "journeys", journey="12x"))
    assert "No journey has run in this period" in html(draw(bare, "journeys"))


SUITE = """
from selenium import webdriver
from selenium.webdriver.common.by import By

def test_signs_in():
    with webdriver.Chrome() as browser:
        browser.get("http://{shop}/")
        assert browser.title == "Shop"

class TestShop:
    def setup_method(self): self.browser = webdriver.Chrome()
    def teardown_method(self): self.browser.quit()
    def test_greets(self):
        self.browser.get("http://{shop}/")
        assert self.browser.find_element(By.TAG_NAME, "h1").text == "Welcome back"
"""


@pytest.mark.browser
@pytest.mark.slow
def test_a_failed_test_of_selenium_shows_its_browser(
    draw: Draw, look: Visitor, tmp_path: Path
) -> None:
    if shutil.which("chromedriver") is None:
        message = "chromedriver is missing: apt-get install chromium-driver"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    with open_shop() as shop:
        (tmp_path / "test_shop.py").write_text(SUITE.replace("{shop}", shop))
        subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "golive", "--golive-webdriver", "-q"],
            cwd=tmp_path, check=False, capture_output=True,
            env=child_environment(GOLIVE_HOME=str(tmp_path / ".golive"),
                                  PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        )  # fmt: skip
    [report] = (tmp_path / ".golive").glob("pytest/*/report-*.jsonl")
    home = ingested(tmp_path, report)
    app = draw(home, "journeys")
    assert app.title[0].value == "1 journey of 1 did not get through"
    test = Lake(home / "lake").query("select test_id from core.test_artifacts limit 1").item()
    app = draw(home, "journeys", journey=str(test))
    assert not app.exception
    assert "data:image/png;base64," in html(app)
    assert "a warning for testers" in " ".join(one.value for one in app.code)
    assert {one.label for one in app.expander} == {"What the page said", "The page's source"}
    with serving(home) as address:
        page = look(f"{address}/journeys?journey={test}")
        assert fits(page), overhang(page)
        assert violations(page) == []
        keep(page, "selenium-light", tmp_path)
        page.emulate_media(color_scheme="dark")
        page.wait_for_timeout(500)
        keep(page, "selenium-dark", tmp_path)
        assert fits(look(f"{address}/journeys?journey={test}", phone=True))
        look.leave()
