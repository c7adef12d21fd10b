"""Reports of every format but JUnit XML: test results, coverage, findings; and other artifacts.

Which formats there are is what stands in `ingest/parse/reports/`. Finding files, the store, and
which build a report belongs to is `ingest/file_source.py`. What stands in the context of a raw
row beside what is said there: `format`, and `kind` (run, part, measures, findings, artifact).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, cast

from pydantic import BaseModel

from golive_core.artifacts import ArtifactStore
from ingest.file_source import FileOptions, FileSource
from ingest.files import OTHER_PLACES, Found, Search
from ingest.intake import Intake, Taken
from ingest.parse.junit_unit import build_rows
from ingest.parse.report_unit import ReportReader
from ingest.report_intake import (
    LOOKED_FOR,
    ReportHead,
    ReportIntake,
    is_named_like_a_report,
    media_of,
)
from ingest.runs import Placed, Runs
from ingest.source import Context, Instance, Parsed, Stream, Unit


class ReportOptions(FileOptions):
    """Options of `[source.<name>]` with type reports."""

    paths: tuple[str, ...] = OTHER_PLACES
    artifacts: tuple[str, ...] = ()


class ReportsSource(FileSource):
    """Reads the reports of one instance."""

    type: ClassVar[str] = "reports"
    aliases: ClassVar[tuple[str, ...]] = ("ctrf", "coverage", "sarif")
    title: ClassVar[str] = "CTRF, TRX, NUnit, TAP, Allure ... test reports, coverage and SARIF"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            "reports",
            "One report or artifact: a file, or a member of an archive.",
            (
                "core.pipelines", "core.builds", "core.tests", "core.test_results",
                "core.failures", "core.test_steps", "core.test_artifacts", "core.visual_checks",
                "core.test_coverage",
                "core.code_measures",
                "core.code_findings",
            ),
        ),
    )  # fmt: skip
    scopes: ClassVar[tuple[str, ...]] = ("read access to the files",)
    example: ClassVar[str] = """\
[source.shop-quality]
type = "reports"
project = "shop"
paths = ["**/*.trx", "**/lcov.info", "ci-archive/*.zip"]
# artifacts = ["**/screenshots/*.png"] # kept as they are, by the hash of their content
# build = "ci:shop#123"      # attach to this build instead of one told from place and time
# commit = "4f2a..."         # what was tested, and branch = "main", environment = "linux"
# timezone = "Europe/Berlin" # of times without one; UTC unless said
"""
    Options: ClassVar[type[BaseModel]] = ReportOptions
    suffixes: ClassVar[tuple[str, ...]] = LOOKED_FOR
    order: ClassVar[tuple[str, ...]] = ("sequence", "run_at", "uri")

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        artifacts = cast("ReportOptions", self.options).artifacts
        self._artifacts = Search(context.base, artifacts, ("",))

    def intake(self, store: ArtifactStore, context: Context) -> Intake:
        """Return what takes files in."""
        self._kept: set[Path] = set()
        return ReportIntake(
            store, context.base, self.options.timezone, is_named_like_a_report, self._kept
        )

    def files(self) -> list[Found]:
        """Return what the patterns find now; what is an artifact is no report."""
        kept = {one.path: one for one in self._artifacts.files()}
        self._kept.update(kept)
        found = {one.path: one for one in super().files()} | kept
        return [found[path] for path in sorted(found)]

    def media(self, taken: Taken) -> str:
        """Return the media type of a report."""
        return media_of(taken)

    def note(self, placed: Placed, runs: Runs) -> dict[str, object]:
        """Return the context of a report; see the head of this module."""
        head = placed.taken.head
        name = head.format if isinstance(head, ReportHead) else ""
        return {**super().note(placed, runs), "kind": head.root, "format": name}

    def parse(self, unit: Unit) -> Iterator[Parsed]:
        """Yield the rows of the unit's reports, then builds and what was rejected."""
        project = self.instance.project_id
        reader = ReportReader(self._store, self.instance.name, project, self.type)
        yield from reader.read(unit.payloads.iter_rows(named=True))
        builds = [note for note in unit.notes["builds"] if note["build"] in reader.accepted]
        yield Parsed(build_rows(builds, project, self.type), reader.rejects)
