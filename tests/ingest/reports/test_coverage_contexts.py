"""Coverage by test: what coverage.py itself wrote for a small real suite, in both of its forms."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from golive_core.lake import Lake
from golive_core.settings import child_environment
from ingest.parse.reports.coverage_data import numbers
from ingest.parse.test_lines import named, ranges, root_of

SHOP = """\
def price(n):
    if n > 10:
        return n * 2
    return n


def unused():
    return 1
"""
TESTS = """\
import pytest, shop

@pytest.mark.parametrize("n", [1, 20])
def test_price(n):
    assert shop.price(n)

class TestCart:
    @pytest.fixture
    def full(self):
        return shop.price(30)

    def test_total(self, full):
        assert full == 60
"""
CONTEXT = "--cov-context=test"
SQL = """
select test.class_name, test.name || coalesce('[' || test.parameters || ']', ''), lines,
    lines_covered, commit_sha
from core.test_coverage as run left join core.tests as test using (test_id)
where path = 'shop.py' order by all
"""
RAN = [
    ("tests.test_shop", "test_price[1]", "2,4", 2, "c" * 40),
    ("tests.test_shop", "test_price[20]", "2-3", 2, "c" * 40),
    ("tests.test_shop.TestCart", "test_total", "2-3", 2, "c" * 40),
]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that runs the suite with options and gives its folder."""
    made: dict[tuple[str, ...], Path] = {}

    def run(*options: str) -> Path:
        if options not in made:
            made[options] = _run(tmp_path_factory.mktemp("measured"), options)
        return made[options]

    return run


def _run(root: Path, options: tuple[str, ...]) -> Path:
    (root / "tests").mkdir()
    (root / "shop.py").write_text(SHOP)
    (root / "tests" / "test_shop.py").write_text(TESTS)
    environment = {
        key: value for key, value in child_environment().items() if not key.startswith("COV")
    }
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for command in (
        ["-m", "pytest", "-q", "-p", "pytest_cov", "--cov=.", "--junitxml=junit.xml", *options],
        ["-m", "coverage", "json", "--show-contexts", "-q", "-o", "cov.json"],
    ):
        subprocess.run(
            [sys.executable, *command], cwd=root, env=environment, check=True, capture_output=True
        )
    return root


def ingest(*words: str) -> object:
    """Return the exit code; None is 0."""
    from golive_cli.main import build

    return build()(["ingest", *words, "--project", "shop"], standalone_mode=False)


@pytest.mark.parametrize("file", [".coverage", "cov.json"])
@pytest.mark.parametrize(
    "options", [("--cov-context=test",), ("--cov-context=test", "--cov-branch")]
)
def test_what_each_test_ran_of_each_file(
    measured: Callable[..., Path], lake: Lake, options: tuple[str, ...], file: str
) -> None:
    root = measured(*options)
    ingest("junit", str(root / "junit.xml"))
    ingest("coverage", str(root / file), "--commit", "c" * 40)
    assert lake.query(SQL).rows() == RAN
    paths = lake.query("select distinct path from core.test_coverage order by 1")["path"].to_list()
    assert paths == ["shop.py", "tests/test_shop.py"]
    ingest("coverage", str(root / file), "--commit", "c" * 40)
    assert lake.query(SQL).rows() == RAN


def test_data_without_tests_in_it_say_how_to_get_them(
    measured: Callable[..., Path], lake: Lake
) -> None:
    root = measured()
    assert ingest("coverage", str(root / ".coverage")) == 1
    [reason] = lake.query("select reason from ops.quarantine")["reason"].to_list()
    assert "does not say which test ran what" in reason


def odd(path: Path, *statements: str) -> Path:
    database = sqlite3.connect(path)
    for one in statements:
        database.execute(one)
    database.commit()
    database.close()
    return path


TABLES = (
    "create table file (id integer, path text)", "create table context (id integer, context text)",
    "create table arc (file_id integer, context_id integer, fromno integer, tono integer)",
)  # fmt: skip
BITS = "create table line_bits (file_id integer, context_id integer, numbits blob)"


@pytest.mark.parametrize(
    "statements",
    [
        ("create table line_bits (a)",),
        (*TABLES, "create view line_bits as select 1 as file_id, 1 as context_id, 'x' as numbits"),
        (*TABLES, BITS, "insert into line_bits values (1, 1, 'text'), (1, 1, null)",
         "insert into file values (1, 'a.py')", "insert into context values (1, 't')",
         "insert into arc values (1, 1, 'one', null), (1, 1, -3, -1)"),
    ],
    ids=["other tables", "a view", "no blobs"],
)  # fmt: skip
def test_other_databases_are_refused(
    tmp_path: Path, lake: Lake, statements: tuple[str, ...]
) -> None:
    assert ingest("coverage", str(odd(tmp_path / "x.coverage", *statements))) == 1
    assert lake.query("select count(*) from ops.quarantine").item() == 1
    assert not lake.exists("core.test_coverage")


def test_a_torn_database_is_refused(
    measured: Callable[..., Path], lake: Lake, tmp_path: Path
) -> None:
    whole = (measured("--cov-context=test") / ".coverage").read_bytes()
    (tmp_path / "torn.coverage").write_bytes(whole[: len(whole) // 2])
    assert ingest("coverage", str(tmp_path / "torn.coverage")) == 1


def test_numbers_ranges_names_and_roots() -> None:
    from coverage.numbits import nums_to_numbits

    lines = {1, 7, 8, 9, 300}
    assert numbers(nums_to_numbits(lines)) == lines
    assert ranges(lines) == "1,7-9,300"
    assert named("tests.test_a.TestB.test_c") == ("tests.test_a.TestB", "test_c")
    assert root_of(["/x/lib/a.py", "/x/repo/tests/t.py"], ["tests/t.py"]) == "/x/repo/"
    assert root_of(["/x/a.py", "b.py"], ["tests/t.py", "/x/a.py"]) == ""
