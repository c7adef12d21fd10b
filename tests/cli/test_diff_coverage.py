"""`golive test coverage` on a real repository and a real measurement of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from golive_cli.diff_coverage import numbers
from golive_cli.main import build
from golive_core.errors import UsageError
from golive_core.settings import child_environment

SHOP = """\
RATE = 2


def price(
    n,
):
    '''Say what it costs.'''
    if n > 10:
        return (
            n
            * RATE
        )
    return n
"""
MORE = """

class Cart:
    def total(self): return 1

    def gone(self):
        for one in []:
            print(one)
        return None
"""
TESTS = """\
import shop

def test_price(): assert shop.price(20) == 40
def test_total(): assert shop.Cart().total() == 1
"""


def git(path: Path, *words: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *words], cwd=path, capture_output=True, check=True)
    return done.stdout.decode().strip()


def commit(path: Path, **files: str) -> str:
    for name, text in files.items():
        (path / f"{name}.py").write_text(text)
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", "change")
    return git(path, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A branch that changes price and adds Cart, measured at its head; `home` has that."""
    path = tmp_path / "shop"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    (path / ".gitignore").write_text("__pycache__\n.coverage\n")
    commit(path, shop=SHOP.replace("return n\n", "return 0\n"), other="def f():\n    return 1\n")
    git(path, "checkout", "-q", "-b", "feature")
    head = commit(path, shop=SHOP + MORE, test_shop=TESTS, other="def f():\n    return 2\n")
    monkeypatch.chdir(path)
    measure(path, head)
    return path


def measure(path: Path, head: str) -> None:
    """Run the tests with coverage by test, and ingest it."""
    clean = {key: one for key, one in child_environment().items() if not key.startswith("COV")}
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "pytest_cov", "--cov=.", "--cov-context=test"],
        cwd=path, env={**clean, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, check=True,
        capture_output=True,
    )  # fmt: skip
    words = ["ingest", "coverage", ".coverage", "--commit", head, "--project", "shop"]
    assert CliRunner().invoke(build(), words).exit_code == 0


def coverage(*words: str) -> Result:
    done = CliRunner().invoke(build(), ["test", "coverage", *words])
    if isinstance(done.exception, UsageError):
        raise done.exception
    return done


def test_changed_lines_that_no_test_runs_are_named(repository: Path) -> None:
    done = coverage("main...feature", "--json")
    assert done.exit_code == 0
    told = {one["path"]: one for one in json.loads(done.stdout)}
    assert set(told) == {"shop.py", "other.py"}
    shop = told["shop.py"]
    assert shop["changed"] == [13, 17, 20, 21, 22]
    assert shop["missed"] == [13, 20, 21, 22]
    assert (shop["tests"], shop["is_measured"]) == (2, True)
    assert told["other.py"]["missed"] == [2]
    shown = coverage("main...feature")
    assert "13,20-22" in shown.stdout
    assert "16.7% of the changed lines" in shown.stderr


def test_a_limit_fails_the_command(repository: Path) -> None:
    assert coverage("main...feature", "--fail-under", "0.5").exit_code == 1
    assert coverage("main...feature", "--fail-under", "0.1").exit_code == 0


def test_another_version_of_a_file_is_not_guessed_at(repository: Path) -> None:
    (repository / "shop.py").write_text("\n" + SHOP + MORE)
    [other, shop] = json.loads(coverage("--json").stdout)
    assert (shop["path"], shop["is_measured"]) == ("shop.py", False)
    assert other["is_measured"]
    (repository / "other.py").write_text("def f(:\n")
    done = coverage("--fail-under", "1")
    assert "this version was not measured" in done.stdout
    assert "Nothing of it was measured" in done.stderr
    assert done.exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["feature"], "is no range"),
        (["main...gone"], "there is no commit"),
        (["main...feature", "--project", "web"], "no coverage of a project"),
    ],
)
def test_wrong_use_is_told(repository: Path, words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        coverage(*words)


def test_without_a_measurement_it_says_how_to_make_one(home: Path) -> None:
    with pytest.raises(UsageError, match="no coverage by test is known yet"):
        coverage("main...feature")


def test_ranges_come_back_as_numbers() -> None:
    assert numbers("") == frozenset()
    assert numbers("3-5,9") == {3, 4, 5, 9}


def generated(*words: str) -> Result:
    """Run golive generate-tests; what it calls wrong use is raised."""
    given = ["generate-tests", *words, "--no-model", "--runs", "1", "--mutants", "2", "--json"]
    done = CliRunner().invoke(build(), given)
    if isinstance(done.exception, UsageError):
        raise done.exception
    return done


def test_tests_are_written_of_what_no_test_runs(repository: Path) -> None:
    """Line 13 is the end of price, which its only test does not reach."""
    (found,) = json.loads(generated("shop.py", "--gaps").stdout)
    assert found["functions"] == ["price"]
    assert found["notes"][0] == "price: no test ran line 13 so far"
    assert found["kept"]
    with pytest.raises(UsageError, match="it is not known which lines tests run"):
        generated("shop.py", "--gaps", "--project", "other")


def test_a_file_without_gaps_is_told(repository: Path) -> None:
    covered = TESTS.replace("assert shop.price(20) == 40", "assert shop.price(20) + shop.price(1)")
    head = commit(repository, test_shop=covered)
    measure(repository, head)
    with pytest.raises(UsageError, match="tests run every line of its functions"):
        generated("shop.py", "--gaps")
