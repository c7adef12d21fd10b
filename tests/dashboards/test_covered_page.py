"""The page Coverage by test over what coverage.py measured of a small real suite in real Git."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import Visitor, fits, keep, overhang, serving, violations
from streamlit.testing.v1 import AppTest

from assets import refresh
from golive_cli.main import build
from golive_core.lake import Lake
from golive_core.settings import child_environment

Draw = Callable[..., AppTest]
CHANGE = "Discounts for large carts"
FILES = {
    "shop/__init__.py": "",
    "shop/prices.py": "def price(n):\n    if n > 10:\n        return n * 2\n    return n\n",
    "shop/cart.py": "from shop.prices import price\n\ndef total(*some):\n"
    "    return sum(price(one) for one in some)\n",
    "shop/mail.py": "def send(text):\n    return len(text)\n",
    "shop/stock.py": "def count(rows):\n    return len(rows)\n",
    "tests/test_prices.py": "import pytest\nfrom shop.prices import price\n\n"
    "@pytest.mark.parametrize('n', [1, 20])\ndef test_price(n): assert price(n)\n",
    "tests/test_cart.py": "from shop.cart import total\n\nclass TestCart:\n"
    "    def test_total(self): assert total(1, 20) == 41\n"
    "    def test_empty(self): assert total() == 0\n",
    "tests/test_stock.py": "from shop.stock import count\n\n"
    "def test_none(): assert count([]) == 0\n",
    "golive.toml": '[project.shop]\nname = "Shop"\n\n[source.shop-git]\ntype = "git"\n'
    'project = "shop"\npath = "."\n',
}
DISCOUNT = "\ndef discount(n):\n    if n > 100:\n        return n * 0.9\n    return n\n"


def html(app: AppTest) -> str:
    return " ".join(str(one.proto.body) for one in app.get("html"))


def git(path: Path, *words: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *words], cwd=path, capture_output=True, check=True)
    return done.stdout.decode().strip()


def golive(*words: str) -> None:
    assert not build()(list(words), standalone_mode=False)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the home of a project whose last change brought lines that no test runs."""
    root = tmp_path_factory.mktemp("shop")
    for name, text in FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    (root / ".gitignore").write_text(".golive\n__pycache__\n.coverage\njunit.xml\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "A shop")
    (root / "shop/cart.py").write_text(FILES["shop/cart.py"] + DISCOUNT)
    (root / "shop/mail.py").write_text(FILES["shop/mail.py"] + "\n\ndef reset():\n    return 0\n")
    git(root, "commit", "-qam", CHANGE)
    kept = {key: value for key, value in child_environment().items() if key[:3] != "COV"}
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "pytest_cov", "--cov=.", "--cov-context=test",
         "--junitxml=junit.xml"],
        cwd=root, env=kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": "."},
        check=True, capture_output=True,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        head = git(root, "rev-parse", "HEAD")
        golive("ingest", "coverage", ".coverage", "--commit", head)
        golive("ingest", "junit", "junit.xml", "--commit", head)
        golive("ingest", "shop-git")
    lake = Lake(root / ".golive" / "lake")
    for mart in refresh.marts():
        refresh.refresh(lake, mart)
    return root / ".golive"


def test_it_says_what_no_test_runs_and_who_runs_the_rest(draw: Draw, measured: Path) -> None:
    app = draw(measured, "covered")
    assert not app.exception
    assert app.title[0].value == "1 changed file is run by no test"
    untested, files = app.dataframe[0].value, app.dataframe[1].value
    assert untested["path"].tolist() == ["shop/mail.py"]
    tests = dict(zip(files["path"], files["tests"], strict=True))
    assert {path: tests[path] for path in tests if path.startswith("shop/")} == {
        "shop/stock.py": 1, "shop/cart.py": 2, "shop/prices.py": 3,
    }  # fmt: skip
    told = {one.label: one.value for one in app.metric}
    assert told["Tests measured"] == "5"


def test_a_change_is_told_by_file_and_by_line_once_that_was_asked(
    draw: Draw, measured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = html(draw(measured, "covered"))
    assert "<b>no test runs it</b>" in said
    assert "2 tests run it" in said
    monkeypatch.chdir(measured.parent)
    golive("test", "coverage", "HEAD~1...HEAD")
    golive("test", "coverage", "HEAD~1...HEAD")
    app = draw(measured, "covered")
    said = html(app)
    assert not app.exception
    assert "no test runs lines 7-9" in said
    assert "0 of 3 changed statements are run; 2 tests of the file" in said
    assert "no test runs line 6" in said
    offered = app.selectbox(key="change").options
    assert offered[0].startswith("HEAD~1...HEAD at ")
    assert len(offered) == 3


def test_a_file_shows_its_tests_and_the_lines_of_each(draw: Draw, measured: Path) -> None:
    app = draw(measured, "covered", file="shop/prices.py")
    assert not app.exception
    assert app.title[0].value == "shop/prices.py"
    shown = app.dataframe[0].value
    lines = dict(zip(shown["test"], shown["lines"], strict=True))
    assert lines == {"test_total": "2-4", "test_price[20]": "2-3", "test_price[1]": "2,4"}


def test_nothing_measured_and_an_unknown_file_say_what_to_do(
    draw: Draw, measured: Path, filled: Path
) -> None:
    assert "Nobody measured which test runs what" in html(draw(filled, "covered"))
    assert "--cov-context=test" in draw(filled, "covered").code[0].value
    for wanted in ("gone.py", "'; drop", "<b>"):
        assert "No test runs this file" in html(draw(measured, "covered", file=wanted))


@pytest.mark.browser
@pytest.mark.slow
def test_the_page_is_whole_in_a_browser(look: Visitor, measured: Path, tmp_path: Path) -> None:
    with serving(measured) as address:
        for name, query in (("covered", ""), ("covering", "?file=shop/prices.py")):
            page = look(f"{address}/covered{query}")
            assert page.locator("[data-testid=stException], .gl-empty").count() == 0
            assert fits(page), overhang(page)
            assert violations(page) == []
            keep(page, f"{name}-light", tmp_path)
            page.emulate_media(color_scheme="dark")
            page.wait_for_timeout(500)
            assert violations(page) == []
            keep(page, f"{name}-dark", tmp_path)
            phone = look(f"{address}/covered{query}", phone=True)
            assert fits(phone), overhang(phone)
        look.leave()
