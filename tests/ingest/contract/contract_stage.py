"""A source, its world and the lake that they meet in; the cases by name."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from contract_case import Case, World

from assets.load import IngestResult, ingest
from golive_core.http import Retry
from golive_core.http.limits import FOLDER
from golive_core.lake import Lake
from ingest.source import Context, Instance, Source

QUICK = Retry(first_s=0.01, attempts=3, total_s=5, chance=lambda: 0.0)
TOKEN = "right-token"


def module(path: Path) -> ModuleType:
    name = f"contract_{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec
        assert spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


FILES = {path.stem: path for path in sorted((Path(__file__).parent / "cases").glob("*.py"))}


@dataclass
class Stage:
    """A source, its world, and the lake that they meet in."""

    name: str
    case: Case
    world: World
    lake: Lake
    home: Path

    def source(self, **options: object) -> Source:
        given = {**self.case.options(self.world.url), **options}
        if self.world.token:
            given |= self.case.secret
        instance = Instance("it", self.case.source.type, "shop", given)
        return self.case.source(instance, Context(self.home, self.home.parent))

    def ingest(self, **options: object) -> IngestResult:
        source = self.source(**options)
        return ingest(self.lake, source, source.instance, processes=1)

    def end_of_pause(self) -> None:
        """Let the time pass for which the server wanted to be left alone."""
        shutil.rmtree(self.home / FOLDER, ignore_errors=True)

    def rows(self) -> dict[str, int]:
        """Return the rows of every core table that has some."""
        tables = [name for name in self.lake.tables() if name.startswith("core.")]
        counts = {name: self.lake.rows(name) for name in tables}
        return {name: count for name, count in counts.items() if count}

    def raw(self) -> tuple[int, int]:
        """Return raw rows and distinct payloads."""
        table = f"raw.{self.case.source.type}"
        if not self.lake.exists(table):
            return 0, 0
        return self.lake.query(f"select count(*), count(distinct payload_id) from {table}").row(0)
