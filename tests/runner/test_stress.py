"""New tests found in real changes, run again and again, and fixes verified with what is known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from golive_core.errors import UsageError
from golive_core.lake import Lake
from golive_core.pytest_names import node_of, of_node
from golive_core.settings import child_environment
from golive_runner import changed_tests
from golive_runner.changed_tests import change, top
from golive_runner.reruns import Reruns
from golive_runner.watch import Limits
from ingest.parse.tests import frames

OLD = """
import pytest

@pytest.fixture
def basket():
    return []

def helper():
    return 1

def test_old(): pass

class TestCart:
    size = 1

    def test_add(self, basket):
        basket.append(1)
        assert basket

    def test_total(self):
        assert helper() == 1
"""


def git(path: Path, *words: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *words], cwd=path, capture_output=True, check=True)
    return done.stdout.decode().strip()


def commit(path: Path, message: str, **files: str) -> str:
    for name, text in files.items():
        file = path / "tests" / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", message)
    return git(path, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # rounds begin sooner
    path = tmp_path / "shop"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    (path / ".gitignore").write_text("__pycache__\n")
    commit(path, "one", test_cart=OLD)
    git(path, "checkout", "-q", "-b", "feature")
    return path


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("def test_old(): pass", "def test_old(): assert 1", ["test_old"]),
        ("def test_old(): pass\n", "def test_old(): pass\ndef test_new(): pass\n", ["test_new"]),
        ("    return []", "    return [2]", ["TestCart::test_add"]),
        ("    return 1", "    return 2 - 1", ["TestCart::test_total"]),
        ("    size = 1", "    size = 2", ["TestCart::test_add", "TestCart::test_total"]),
        ("import pytest\n", "import pytest, os\n", []),
        ("    def test_add", "    @pytest.mark.slow\n    def test_add", ["TestCart::test_add"]),
        ("        assert basket\n", "", ["TestCart::test_add"]),
    ],
)
def test_tests_are_found_by_the_lines_that_changed(
    repository: Path, old: str, new: str, found: list[str]
) -> None:
    assert old in OLD
    commit(repository, "two", test_cart=OLD.replace(old, new), helper="def test_not_here(): pass")
    told = changed_tests.tests(change(top(repository), "main...feature"))
    assert told == [f"tests/test_cart.py::{name}" for name in found]
    assert changed_tests.tests(change(top(repository))) == told  # the checkout has the same


def test_what_is_not_committed_counts_without_a_range(repository: Path) -> None:
    (repository / "tests" / "test_new.py").write_text("async def test_a(): pass\nclass X: pass\n")
    (repository / "tests" / "test_odd.py").write_text("def test_a(:\n")
    case = "import unittest\nclass Case(unittest.TestCase):\n    def test_b(self): pass\n"
    (repository / "tests" / "case_test.py").write_text(case)
    told = changed_tests.tests(change(top(repository / "tests")))
    assert told == ["tests/case_test.py::Case::test_b", "tests/test_new.py::test_a"]
    assert changed_tests.tests(change(top(repository), "main...feature")) == []


def test_a_commit_that_is_not_there_is_told(repository: Path) -> None:
    with pytest.raises(UsageError, match="there is no commit 'gone'"):
        change(top(repository), "main...gone")


@pytest.mark.parametrize(
    "node", ["tests/test_a.py::test_b", "test_a.py::TestB::TestC::test_d[a.b::c]", "a_test.py::t"]
)
def test_node_ids_come_back_from_names(node: str) -> None:
    assert node_of(node.partition("::")[0], of_node(node)) == node


NEW = """
import pathlib, pytest

def count(name):
    path = pathlib.Path(__file__).with_name(name)
    path.write_text(path.read_text() + "x" if path.exists() else "x")
    return len(path.read_text())

def test_flaky(): assert count("flaky") % 3, "every third time"
@pytest.mark.parametrize("n", [1, 2])
def test_good(n): pass
def test_broken(): raise OSError("never")
def test_skipped(): pytest.skip("not here")
"""


def golive(path: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from golive_cli.main import main; main()", "test", *words,
         "--python", sys.executable],
        cwd=path, env=child_environment(GOLIVE_HOME=str(home)),
        capture_output=True, text=True,
        timeout=200, check=False,
    )  # fmt: skip


def test_new_tests_are_stressed_until_each_is_judged(repository: Path, home: Path) -> None:
    commit(repository, "two", test_new=NEW)
    before = git(repository, "worktree", "list")
    done = golive(repository, home, "stress", "main...feature", "--json", "--work-tree")
    assert done.returncode == 1, done.stderr
    told = {one["test"].partition("::")[2]: one for one in json.loads(done.stdout)}
    assert {name: one["verdict"] for name, one in told.items()} == {
        "test_flaky": "flaky", "test_good[1]": "stable", "test_good[2]": "stable",
        "test_broken": "broken", "test_skipped": "skipped",
    }  # fmt: skip
    assert told["test_broken"]["runs"] == 3
    assert told["test_flaky"]["messages"] == ["AssertionError: every third time"]
    assert told["test_flaky"]["rate_low"] < 1 / 3 < told["test_flaky"]["rate_high"]
    assert told["test_flaky"]["runs"] < told["test_good[1]"]["runs"] < 60
    assert git(repository, "worktree", "list") == before
    assert git(repository, "status", "--short") == ""
    assert not list(home.iterdir())


def test_a_budget_ends_it_and_tests_that_never_failed_fail_nothing(
    repository: Path, home: Path
) -> None:
    head = commit(repository, "two", test_new="def test_a(): pass")
    (repository / "golive.toml").write_text('[project.shop]\nname = "Shop"\n')
    done = golive(repository, home, "stress", "--runs", "2")
    assert done.returncode == 0, done.stderr
    assert "1 never failed and need more" in done.stderr
    kept = Lake(home / "lake").query(
        "select project_id, kind, test, commit_sha, change, verdict, failed, runs from ops.reruns"
    )
    assert kept.rows() == [
        ("shop", "stress", "tests/test_new.py::test_a", head, "all that is not on the main line",
         "unsure", 0, 2)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["main...gone"], "there is no commit 'gone'"),
        (["tests/test_cart.py::test_gone"], "not found"),
        (["main...feature", "tests/test_cart.py::test_old"], "a range stands alone"),
        (["main..main", "--python", "nowhere"], "is checked out"),
        (["tests/test_cart.py", "--work-tree"], "goes with a range"),
        (["--project", "nowhere"], "there is no project 'nowhere'"),
    ],
)
def test_wrong_use_is_told(repository: Path, home: Path, words: list[str], said: str) -> None:
    commit(repository, "two", test_new="def test_a(): pass")
    done = golive(repository, home, "stress", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_round_that_is_ended_is_an_error_of_the_test_that_ran(repository: Path) -> None:
    floods = "def test_floods():\n    while True: print('x' * 10000)\n"
    commit(repository, "two", test_new=f"def test_a(): pass\n{floods}def test_z(): pass")
    names = [f"tests/test_new.py::{name}" for name in ("test_a", "test_floods", "test_z")]
    limits = Limits(output_bytes=1 << 20)
    made = Reruns(names, repository, sys.executable, 0, limits=limits, options=("-s",))
    found = made.round(names, 1)
    bad = [one for one in found if one.status == "error"]
    assert [(one.test, one.message) for one in bad] == [
        (names[1], "it wrote more than 1 MiB of output")
    ]


def results(lake: Lake, sha: str, statuses: list[str], build: str) -> None:
    """Put attempts of tests/test_new.py::test_flaky at a commit into the lake."""
    columns = {
        "suite": "pytest", "class_name": "tests.test_new", "name": ["test_flaky"] * len(statuses),
        "status": statuses, "started_at": [1_700_000_000_000_000 + i for i in range(len(statuses))],
        "build_id": build, "commit_sha": sha,
    }  # fmt: skip
    with lake.transaction("test") as txn:
        for name, frame in frames(columns, "shop").items():
            (txn.merge if name == "core.tests" else txn.insert)(name, frame)


def test_a_fix_is_verified_with_what_the_lake_knows(repository: Path, lake: Lake) -> None:
    home = lake.root.parent
    flaky = commit(repository, "two", test_new="def test_flaky(): pass  # sometimes")
    fix = commit(repository, "three", test_new="def test_flaky(): pass")
    results(lake, flaky, ["failed", "passed"] * 10, "a")
    results(lake, fix, ["passed"] * 5, "b")
    results(lake, "f" * 40, ["failed"] * 50, "c")
    done = golive(repository, home, "verify", "tests/test_new.py::test_flaky", "--json",
                  "--since-fix", "feature")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "10 failures in 20 attempts before the fix, 0 in 5 since" in done.stderr
    assert "The fix holds." in done.stderr
    assert "--project says whose" in done.stderr
    [told] = json.loads(done.stdout)
    assert told["probability"] >= 0.95
    assert told["runs"] < 100
    git(repository, "checkout", "-q", flaky)
    early = golive(repository, home, "verify", "tests/test_new.py::test_flaky", "--since-fix", fix)
    assert early.returncode == 2
    assert "the fix is not in what is checked out" in early.stderr


def test_a_fix_that_does_not_hold_is_told(repository: Path, home: Path) -> None:
    commit(repository, "two", test_new=NEW)
    done = golive(
        repository, home, "verify", "tests/test_new.py::test_flaky", "--since-fix", "HEAD"
    )
    assert done.returncode == 1
    assert "The fix does not hold." in done.stderr
