"""Jenkins: jobs, builds, stages, test reports and console logs through its JSON API.

Builds come a thousand a request, a poll without news costs one request, running builds are looked
at again until they end. How it is asked is in `ingest/jenkins/`, what the answers mean in
`ingest/parse/jenkins_*.py`; this file puts them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import ClassVar, Literal

import polars as pl
from pydantic import BaseModel, Field

from golive_core.errors import SourceError
from golive_core.http import Endpoint, Http, Retry
from golive_core.settings import resolve
from golive_core.window import Window
from ingest.api import ApiOptions
from ingest.doctor import failed
from ingest.jenkins import doctor, walk
from ingest.jenkins.details import Wishes
from ingest.jenkins.pull import Pull, Scope
from ingest.jenkins.state import JobState, State
from ingest.parse import jenkins
from ingest.parse.jenkins_builds import Place
from ingest.parse.jenkins_jobs import Job
from ingest.source import (
    Context,
    Cursor,
    Finding,
    Instance,
    Parsed,
    Pulled,
    Stream,
    Unit,
)  # fmt: skip

UNIT_BYTES = 4 * 1024**2
"""Payloads of one kind that are parsed together."""


class Options(ApiOptions):
    """`[source.<name>]` of a Jenkins."""

    user: str = ""
    include: list[str] = Field(default_factory=lambda: ["*"])
    exclude: list[str] = Field(default_factory=list)
    repository: str = ""
    stages: bool = True
    tests: bool = True
    logs: Literal["failed", "all", "none"] = "failed"
    log_kib: int = Field(1024, ge=1, le=100 * 1024)
    newest: int = Field(500, ge=0)
    depth: int = Field(8, ge=1, le=20)


class Jenkins:
    """Reads one Jenkins."""

    type: ClassVar[str] = "jenkins"
    title: ClassVar[str] = "Jenkins"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            "builds",
            "jobs, builds, stages, test reports and console logs",
            (
                "core.pipelines", "core.builds", "core.stages", "core.tests", "core.test_results",
                "core.failures", "core.log_lines",
            ),
        ),
    )  # fmt: skip
    scopes: ClassVar[tuple[str, ...]] = ("Overall/Read", "Job/Read")
    example: ClassVar[str] = """
[source.ci]
type = "jenkins"
project = "shop"
url = "https://ci.example.org"
user = "bot"
token = "env:JENKINS_TOKEN"   # an API token of that user
include = ["shop/*"]          # full names of jobs; all if left out
logs = "failed"               # console logs of failed builds; "all" or "none"
"""
    Options: ClassVar[type[BaseModel]] = Options
    retry: ClassVar[Retry] = Retry()

    def __init__(self, instance: Instance, context: Context) -> None:
        self.instance = instance
        self.options = Options(**instance.options)
        self._base, self._home = context.base, context.home

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by one request whether jobs came or went, builds began or ended, or are owed."""
        state = State.of_json(cursor)
        with self._http() as http:
            jobs = Pull(http, self._scope(), State.of_json(cursor), None).jobs()
        if {job.name for job in jobs} != set(state.jobs):
            return True
        scope = self._scope()
        return any(
            walk.was_made_anew(job, state.of(job.name))
            or walk.errand(job, state.of(job.name), scope.place(job, state.of(job.name)))
            for job in jobs
        )

    def pull(
        self, stream: str, *, cursor: Cursor | None, window: Window | None
    ) -> Iterator[Pulled]:
        """Yield what is new; see `ingest/jenkins/pull.py`."""
        state = State() if window else State.of_json(cursor)
        with self._http() as http:
            yield from Pull(http, self._scope(), state, window).run()

    def plan(self, payloads: pl.DataFrame) -> Iterable[Unit]:
        """Yield units of one kind of payload and about UNIT_BYTES, in the order received."""
        kinds = payloads["context"].str.json_path_match("$.kind").alias("kind")
        for (kind,), part in payloads.with_columns(kinds).group_by("kind", maintain_order=True):
            number = (part["size_bytes"].cum_sum() // UNIT_BYTES).alias("unit")
            for _, unit in part.with_columns(number).group_by("unit", maintain_order=True):
                yield Unit(self.streams[0].name, unit.drop("kind", "unit"), {"kind": kind})

    def parse(self, unit: Unit) -> Iterator[Parsed]:
        """Yield core rows of the unit; an answer that is not what it should be is rejected."""
        options, instance = self.options, self.instance
        site = jenkins.Site(
            instance.name, instance.project_id, options.url, options.repository, self._is_wanted
        )
        yield from jenkins.parse(str(unit.notes["kind"]), unit.payloads, site)

    def check(self) -> Iterator[Finding]:
        """Yield whether the server answers, knows the user, shows jobs and has the right time."""
        try:
            with self._http() as http:
                yield from doctor.findings(
                    http, self.options.depth, self._is_wanted, has_token=bool(self.options.token)
                )
        except SourceError as error:
            yield failed(error)

    def _http(self) -> Http:
        options = self.options
        auth = None
        if options.token:
            auth = (options.user, resolve(options.token, base=self._base))
        return Http(
            Endpoint(
                options.url, where=self.instance.name, auth=auth, in_flight=options.in_flight,
                per_second=options.per_second, timeout_s=options.timeout_s, proxy=options.proxy,
                max_body_bytes=options.max_body_mib * 1024**2, verify=options.verify,
                ca=self._base / options.ca if options.ca else None, retry=self.retry,
                home=self._home,
            )
        )  # fmt: skip

    def _scope(self) -> Scope:
        options = self.options
        wishes = Wishes(
            options.stages, options.tests, options.logs, options.newest, options.log_kib * 1024
        )
        return Scope(self._place, self._is_wanted, options.depth, wishes)

    def _is_wanted(self, job: str) -> bool:
        def fits(patterns: list[str]) -> bool:
            return any(fnmatchcase(job, pattern) for pattern in patterns)

        return fits(self.options.include) and not fits(self.options.exclude)

    def _place(self, job: Job, state: JobState) -> Place:
        return Place(
            self.instance.name, self.instance.project_id, job.name, job.branch, job.is_change,
            state.attempt, self.options.repository,
        )  # fmt: skip
