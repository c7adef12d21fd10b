"""JUnit XML reports from files, folders, globs and archives.

Finding files, the store, and which build a report belongs to is `ingest/file_source.py`; `parse`
makes of them tests, results, failures, and the builds that they stand for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import BaseModel

from ingest.file_source import FileOptions, FileSource
from ingest.files import USUAL_PLACES
from ingest.parse.junit_unit import UnitReader, build_rows
from ingest.source import Parsed, Stream, Unit


class JunitOptions(FileOptions):
    """Options of `[source.<name>]` with type junit."""

    paths: tuple[str, ...] = USUAL_PLACES


class JunitSource(FileSource):
    """Reads the reports of one instance."""

    type: ClassVar[str] = "junit"
    title: ClassVar[str] = "JUnit XML test reports"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            "reports",
            "One test report: a file, or a member of an archive.",
            (
                "core.pipelines", "core.builds", "core.tests", "core.test_results",
                "core.failures",
            ),
        ),
    )  # fmt: skip
    scopes: ClassVar[tuple[str, ...]] = ("read access to the files",)
    example: ClassVar[str] = """\
[source.shop-reports]
type = "junit"
project = "shop"
paths = ["**/TEST-*.xml", "ci-archive/*.zip"]
# build = "ci:shop#123"      # attach to this build instead of one told from place and time
# commit = "4f2a..."         # what was tested, and branch = "main", environment = "linux"
# timezone = "Europe/Berlin" # of times without one; UTC unless said
"""
    Options: ClassVar[type[BaseModel]] = JunitOptions

    def parse(self, unit: Unit) -> Iterator[Parsed]:
        """Yield the rows of the unit's reports, then builds and what was rejected."""
        reader = UnitReader(self._store, self.instance.project_id)
        yield from reader.read(unit.payloads.iter_rows(named=True))
        builds = [note for note in unit.notes["builds"] if note["build"] in reader.accepted]
        yield Parsed(build_rows(builds, self.instance.project_id), reader.rejects)
