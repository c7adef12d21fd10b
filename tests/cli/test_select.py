"""golive select prints what a runner takes, and says what the past vouches for."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from assets.test_builds import past
from golive_cli import runner_arguments
from golive_cli.main import build
from golive_core import schema
from golive_core.errors import UsageError
from golive_core.lake import Lake

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
TESTS = 12


def rows(table: schema.Table, given: list[dict[str, Any]]) -> pl.DataFrame:
    """Return rows of a table; what is not said is null."""
    return schema.conform(table, pl.DataFrame(given, infer_schema_length=None))


def fill(lake: Lake, builds: int, project: str = "shop") -> None:
    """Write builds of twelve tests of two files; test 3 fails in every second build."""
    files = ["tests/cart/test_total.py", "tests/pay/test_card.py"]
    lake.append(
        "core.tests",
        rows(schema.TESTS, [
            {"test_id": test, "project_id": project, "suite": "unit", "name": f"test_{test}",
             "class_name": files[test % 2][:-3].replace("/", "."), "file": files[test % 2]}
            for test in range(TESTS)
        ]),
    )  # fmt: skip
    results: list[dict[str, Any]] = []
    for number in range(builds):
        at = START + timedelta(hours=number)
        for test in range(TESTS):
            bad = test == 3 and number % 2 == 0
            results.append({
                "project_id": project, "build_id": f"{project}#{number:03}", "test_id": test,
                "attempt": 1, "day": at.date(), "status": "failed" if bad else "passed",
                "duration_s": 1.0, "started_at": at, "commit_sha": f"{number:040}",
                "environment": "", "report_id": f"r{number}",
            })  # fmt: skip
    lake.append("core.test_results", rows(schema.TEST_RESULTS, results))


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv("GOLIVE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return Lake(tmp_path / "lake")


def select(*args: str) -> tuple[list[str], str]:
    """Return the lines on stdout and the text on stderr."""
    done = CliRunner().invoke(build(), ["select", *args], catch_exceptions=True)
    if done.exception:
        raise done.exception
    return done.stdout.splitlines(), done.stderr


def test_the_test_that_fails_comes_first_within_the_budget(lake: Lake) -> None:
    fill(lake, 40)
    out, said = select("--budget-s", "3", "--why")
    assert out[0] == "tests/pay/test_card.py::test_3"
    assert len(out) == 3
    assert "3 of 12 tests" in said
    assert "25% of the time caught 95.0% of the failures" in " ".join(said.split())
    assert "Would have been missed in past builds: 1 failure." in said
    assert "40 builds ago: tests.pay.test_card::test_3" in said  # when nothing was known of it
    assert "of its last 5 runs" in said
    assert select("--share", "0.25")[0] == out


def test_a_recall_takes_the_share_that_the_past_needed(lake: Lake) -> None:
    fill(lake, 40)
    out, said = select("--recall", "0.9")
    assert "tests/pay/test_card.py::test_3" in out
    assert len(out) < TESTS / 2
    assert "In 40 past builds, 20 of them failing" in said


def test_a_new_project_runs_everything_and_is_told_why(lake: Lake) -> None:
    fill(lake, 6)
    out, said = select("--budget-s", "1")
    assert len(out) == TESTS
    assert "too few to leave any out" in " ".join(said.split())
    assert "ranked by failure rate" in said


def test_json_holds_reasons_and_the_curve(lake: Lake) -> None:
    fill(lake, 40)
    out, _ = select("--format", "json", "--share", "0.5", "--files", "tests/cart/data.json")
    told = json.loads("\n".join(out))
    first = told["tests"][0]
    assert (first["rank"], first["name"]) == (1, "test_3")
    assert {row["share"] for row in told["curve"]} >= {0.05, 0.5, 1.0}
    assert told["left_out"]
    assert len(told["tests"]) + len(told["left_out"]) == TESTS
    assert all(one["flaky_probability"] is None for one in told["left_out"])
    touched = [test for test in told["tests"] if test["file"].startswith("tests/cart")]
    assert touched
    assert all("touches the same folder" in test["reasons"][0] for test in touched)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--project", "shpo"], "no test results of a project"),
        (["--format", "ant"], "no format is called ant"),
        (["--share", "0.5", "--budget-s", "3"], "both say how long"),
        (["--change", "main...nowhere"], "git knows no change"),
        (["--change", "--output=x"], "no range of commits"),
    ],
)
def test_wrong_use_is_told(lake: Lake, args: list[str], said: str) -> None:
    fill(lake, 2)
    with pytest.raises(UsageError, match=said):
        select(*args)


def test_several_projects_must_be_told_apart(lake: Lake) -> None:
    with pytest.raises(UsageError, match="no test results yet"):
        select()
    fill(lake, 2)
    fill(lake, 2, "till")
    with pytest.raises(UsageError, match="which project"):
        select()


def test_what_came_after_an_instant_is_not_read(lake: Lake) -> None:
    fill(lake, 10)
    known = past(lake, "shop", as_of=START + timedelta(hours=4.5))
    assert known.results["build_id"].unique().sort().to_list() == [f"shop#{n:03}" for n in range(5)]


TEST = {
    "file": "t/test_a.py",
    "class_name": "t.test_a.TestA",
    "name": "test_b",
    "parameters": "1 x",
}
JAVA = {"class_name": "org.shop.CartTest", "name": "adds()", "file": None, "parameters": None}


@pytest.mark.parametrize(
    ("name", "test", "words"),
    [
        ("pytest", TEST, ["t/test_a.py::TestA::test_b[1 x]"]),
        ("pytest", {**TEST, "file": None}, ["t/test_a.py::TestA::test_b[1 x]"]),
        ("maven", JAVA, ["-Dtest=org.shop.CartTest#adds"]),
        ("gradle", JAVA, ["--tests", "org.shop.CartTest.adds"]),
        ("junit", JAVA, ["--select-method=org.shop.CartTest#adds"]),
    ],
)
def test_arguments_are_those_of_the_runner(name: str, test: dict[str, Any], words: list[str]):
    assert runner_arguments.FORMATS[name]([test]) == words


def test_methods_of_a_class_are_joined_for_maven_and_said_once() -> None:
    more = [JAVA, {**JAVA, "name": "adds(int)"}, {**JAVA, "name": "sums"}]
    assert runner_arguments.maven(more) == ["-Dtest=org.shop.CartTest#adds+sums"]
    assert len(runner_arguments.junit(more)) == 2


def test_pytest_takes_what_is_printed(tmp_path: Path) -> None:
    """Its collection finds exactly the cases that were named."""
    import subprocess
    import sys

    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "test_a.py").write_text(
        "import pytest\n\nclass TestA:\n"
        "    @pytest.mark.parametrize('x', ['1 x', '2'])\n    def test_b(self, x): pass\n"
    )
    words = shlex.split(" ".join(map(shlex.quote, runner_arguments.pytest([TEST]))))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", *words],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[0] == words[0]


def covers(lake: Lake, **files: list[int]) -> None:
    """Write which tests ran which file, now and, wrongly, a week before."""
    at = START + timedelta(days=9)
    told = [
        {"project_id": "shop", "test_id": test, "path": f"src/{name}.py", "lines": "1-2",
         "lines_covered": 2, "measured_at": when, "day": when.date()}
        for name, tests in files.items() for test in tests
        for when in [at, *([at - timedelta(days=7)] if name == "often" else [])]
    ]  # fmt: skip
    told += [{**told[0], "path": "src/before.py", "measured_at": at - timedelta(days=7)}]
    lake.insert("core.test_coverage", rows(schema.TEST_COVERAGE, told))


def test_tests_that_ran_a_changed_file_are_candidates(lake: Lake) -> None:
    fill(lake, 40)
    covers(lake, often=list(range(TESTS)), seldom=[2, 7], other=[4])

    def touched(*paths: str) -> list[int]:
        tests = past(lake, "shop", changed=list(paths)).tests
        return tests.filter("touches")["test_id"].sort().to_list()

    assert touched("src/seldom.py") == [2, 7]
    assert touched("src/seldom.py", "src/other.py") == [2, 4, 7]
    assert touched("src/often.py") == []  # all run it: it tells none apart
    assert touched("src/before.py") == []  # not any more
    assert touched("seldom.py") == [2, 7]
