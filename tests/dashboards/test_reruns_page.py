"""The page Stress and fixes over verdicts that `golive test stress` and `verify` keep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import Visitor, fits, keep, overhang, serving, violations
from streamlit.testing.v1 import AppTest

from golive_cli import kept_verdicts
from golive_cli.fix_evidence import Evidence
from golive_cli.kept_verdicts import Asked
from golive_core.errors import UsageError
from golive_core.lake import Lake
from golive_runner.stress import Course
from ingest.parse.tests import frames
from models import reruns

Draw = Callable[..., AppTest]
CART = "tests/test_cart.py::TestCart::test_add[<b>one]"


def html(app: AppTest) -> str:
    return " ".join(str(one.proto.body) for one in app.get("html"))


def judged(test: str, failed: int, runs: int, *said: str) -> tuple[Course, reruns.Judged]:
    verdict = reruns.flaky(failed, runs, confidence=0.95)
    return Course(test, failed, runs, messages=list(said)), verdict


def fixed(test: str, failed: int, runs: int, known: Evidence) -> tuple[Course, reruns.Judged]:
    judged = reruns.fix(
        failed + known.failed, runs + known.runs,
        before=(known.before_failed, known.before_runs), confidence=0.95,
    )  # fmt: skip
    return Course(test, failed, runs), judged


def told(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep two verdicts of one stress, and those of two fixes, one of them asked for twice."""
    folder = home.parent
    (folder / "golive.toml").write_text('[project.shop]\nname = "Shop"\n')
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GOLIVE_HOME", str(home))
    lake = Lake(home / "lake")
    seen = {"suite": "ci", "class_name": "tests.test_cart.TestCart", "name": ["test_add[<b>one]"],
            "status": ["passed"], "started_at": [1_700_000_000_000_000], "build_id": "b",
            "commit_sha": "c"}  # fmt: skip
    with lake.transaction("test") as txn:
        for name, frame in frames(seen, "shop").items():
            (txn.merge if name == "core.tests" else txn.insert)(name, frame)
    asked = Asked("stress", "main...feature", "abcdef0123456789")
    kept_verdicts.keep_reruns("shop", asked, [
        judged(CART, 4, 12, "AssertionError: <i>late"), judged("tests/test_new.py::test_a", 0, 40),
        judged("tests/test_new.py::test_far", 3, 3), judged("tests/test_new.py::test_no", 0, 0),
    ])  # fmt: skip
    known = Evidence(10, 20, 0, 5)
    mended = fixed(CART, 0, 80, known)
    lost = fixed("tests/test_new.py::test_lost", 3, 9, Evidence())
    first = Asked("verify", "", "b" * 40, "f" * 40)
    kept_verdicts.keep_reruns("shop", first, [fixed(CART, 1, 3, known)], known)
    kept_verdicts.keep_reruns("shop", first, [mended], known)
    kept_verdicts.keep_reruns("shop", Asked("verify", fix="e" * 40), [lost], Evidence())
    return home


def write_projects(home: Path) -> None:
    from assets.core import write_projects
    from assets.workspace import Workspace
    from golive_core.settings import Project, Settings

    settings = Settings(home=home, base=home.parent, projects={"shop": Project("shop", "Shop")})
    write_projects(Workspace.load(settings))


@pytest.fixture
def ran(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_projects(home)
    return told(home, monkeypatch)


def test_it_says_which_new_tests_flake_and_which_fixes_hold(draw: Draw, ran: Path) -> None:
    app = draw(ran, "reruns")
    assert not app.exception
    assert app.title[0].value == "2 of 4 new or changed tests are flaky or broken"
    said = {one.label: one.value for one in app.metric}
    assert said == {
        "New or changed tests": "4",
        "Flaky": "1",
        "Broken": "1",
        "Fixes that hold": "1",
    }
    shown = app.dataframe[0].value
    verdicts = dict(zip(shown["test"], shown["verdict"], strict=True))
    assert verdicts[CART] == "≈ flaky"
    assert set(verdicts.values()) == {"✓ stable", "\u2013 skipped", "≈ flaky", "✕ broken"}
    page = html(app)
    assert "<b>holds</b>" in page
    assert "failed 10 of 20 before it, 0 of 85 since (80 runs for this verdict)" in page
    assert "<b>does not hold</b>" in page
    assert "failed in no known run before it, 3 of 9 since" in page
    assert "&lt;<wbr>b&gt;one" in page or "&lt;b&gt;one" in page


def test_a_test_that_a_report_named_is_the_same_test(ran: Path) -> None:
    lake = Lake(ran / "lake")
    found = lake.query(
        "select count(distinct rerun.test_id) as tests from ops.reruns as rerun "
        "inner join core.tests as test on rerun.test_id = test.test_id where rerun.test = ?", [CART]
    )  # fmt: skip
    assert found.item() == 1


def test_whose_tests_these_are_has_to_be_known(
    ran: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kept_verdicts.owner("") == "shop"
    with pytest.raises(UsageError, match="there is no project 'shap'"):
        kept_verdicts.owner("shap")
    before = Lake(ran / "lake").query("select count(*) from ops.reruns").item()
    kept_verdicts.keep_reruns("", Asked("stress"), [judged(CART, 0, 40)])
    assert "--project says whose" in capsys.readouterr().err
    assert Lake(ran / "lake").query("select count(*) from ops.reruns").item() == before


def test_a_page_without_runs_says_the_commands(draw: Draw, filled: Path) -> None:
    app = draw(filled, "reruns")
    assert "No test was run again and again" in html(app)
    assert "golive test stress" in app.code[0].value


@pytest.mark.browser
@pytest.mark.slow
def test_the_page_is_whole_in_a_browser(ran: Path, look: Visitor, tmp_path: Path) -> None:
    with serving(ran) as address:
        page = look(f"{address}/reruns")
        assert page.locator("[data-testid=stException], .gl-empty").count() == 0
        assert fits(page), overhang(page)
        assert violations(page) == []
        keep(page, "reruns-light", tmp_path)
        page.emulate_media(color_scheme="dark")
        page.wait_for_timeout(500)
        assert violations(page) == []
        keep(page, "reruns-dark", tmp_path)
        phone = look(f"{address}/reruns", phone=True)
        assert fits(phone), overhang(phone)
        look.leave()
