"""A workspace with two tiny sources, and definitions built from it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "assets"))

from tiny_source import Tiny

from assets import core
from assets.checking import Checking
from assets.expectations import Suite, Verdict
from assets.workspace import Workspace
from golive_core.lake import Lake
from golive_core.settings import Instance, Project, Settings
from golive_dagster import definitions as location
from golive_dagster.definitions import build_defs
from golive_dagster.instance import open_instance

MARTS = {
    "build_count": """-- How many builds each day had.
--
-- grain: day
-- refresh: by day
select day, count(*) as builds, count(*) filter (status = 'passed') as passed
from core.builds where day in (select day from changed) group by day
""",
    "busiest_day": """-- The day with most builds.
-- grain: one row
-- refresh: full
select day, builds from marts.build_count order by builds desc, day limit 1
""",
}


@pytest.fixture
def workspace(lake: Lake, home: Path, tmp_path: Path) -> Workspace:
    """Two instances, `tiny-one` that reads files which are dropped and `tiny-two` that polls."""
    instances = {}
    for name, options in (("tiny-one", {"paths": ["*.json"]}), ("tiny-two", {})):
        (tmp_path / name).mkdir()
        folder = {"folder": str(tmp_path / name), **options}
        instances[name] = Instance(name, "tiny", "shop", folder)
    project = Project("shop", name="Shop", owner="team-shop")
    settings = Settings(
        base=tmp_path, home=home, projects={"shop": project}, instances=instances, cores=1
    )
    return Workspace(settings, lake, {"tiny": Tiny})


@pytest.fixture
def one(tmp_path: Path, workspace: Workspace) -> Path:
    """Return the folder of `tiny-one`."""
    return tmp_path / "tiny-one"


@pytest.fixture
def two(tmp_path: Path, workspace: Workspace) -> Path:
    """Return the folder of `tiny-two`."""
    return tmp_path / "tiny-two"


@pytest.fixture
def mart_folder(tmp_path: Path) -> Path:
    """Two marts, one of which reads the other."""
    folder = tmp_path / "marts"
    folder.mkdir()
    for name, sql in MARTS.items():
        (folder / f"{name}.sql").write_text(sql)
    return folder


@pytest.fixture
def view_folder(tmp_path: Path) -> Path:
    """Write a page that reads a mart, one that says nothing, and one with types."""
    folder = tmp_path / "views" / "overview"
    folder.mkdir(parents=True)
    (folder / "today.py").write_text(
        '"""What broke today.\n\nMore."""\nimport nothing\nREADS = ("marts.build_count", "ops.x")\n'
    )
    (folder / "quiet.py").write_text("X: tuple[str, ...] = ('core.builds',)\nREADS = tuple(X)\n")
    (folder / "typed.py").write_text('READS: tuple[str, ...] = ("core.builds",)\n')
    return tmp_path / "views"


@pytest.fixture
def definitions(workspace: Workspace, mart_folder: Path, view_folder: Path) -> dg.Definitions:
    return build_defs(workspace, marts=mart_folder, views=view_folder)


@pytest.fixture(scope="session")
def fresh_instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Set an instance up once: its databases take longer to make than most tests to run."""
    home = tmp_path_factory.mktemp("fresh")
    with open_instance(home) as opened:
        opened.get_runs(limit=1)
    return home / "dagster"


@pytest.fixture(autouse=True)
def made_instance(home: Path, fresh_instance: Path) -> None:
    """Give the test's home a copy of it."""
    shutil.copytree(fresh_instance, home / "dagster")


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(home) as opened:
        yield opened


class Strict:
    """Stands in for the evaluator: a build that failed breaks the only expectation there is."""

    def __enter__(self) -> Strict:
        return self

    def __exit__(self, *problem: object) -> None:
        pass

    def evaluate(self, suite: Suite, frame: pl.DataFrame) -> list[Verdict]:
        bad = int((frame["status"] == "failed").sum()) if "status" in frame.columns else 0
        return [Verdict("status_is_fine", "status", "error", bad == 0, str(bad), frame.height, bad)]


@pytest.fixture(autouse=True)
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the predictions out: they read marts that these tests do not have."""
    monkeypatch.setattr(location, "predictions", tuple)


@pytest.fixture(autouse=True)
def evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the tests the 5 s import of Great Expectations."""
    monkeypatch.setattr(
        core, "Checking", lambda lake, run_id: Checking(lake, run_id, evaluator=Strict)
    )


@pytest.fixture
def rows(lake: Lake) -> Callable[[str], int]:
    """Return a counter of the rows of a table."""
    return lambda table: lake.query(f"select count(*) from {table}").item()
