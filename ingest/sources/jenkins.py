"""Jenkins: jobs, builds and what hangs on them, runners and queue through its JSON API.

Builds come a thousand a request, a poll without news costs one request, running builds are looked
at again until they end. Runners and the queue are looked at when a pull runs anyway. How builds are
asked for is in `ingest/jenkins/`, what the answers mean in `ingest/parse/jenkins_*.py`; this file
puts them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from golive_core.errors import SourceError
from golive_core.http import Http, Request
from golive_core.window import Window
from ingest.api import ApiOptions, ApiSource, Position, Walk
from ingest.doctor import failed
from ingest.jenkins import doctor, walk
from ingest.jenkins.details import Wishes
from ingest.jenkins.pull import Pull, Scope
from ingest.jenkins.state import JobState, State
from ingest.parse import jenkins, jenkins_state
from ingest.parse.chosen import is_chosen
from ingest.parse.jenkins_builds import Place
from ingest.parse.jenkins_jobs import Job
from ingest.payload import Parser, payloads
from ingest.snapshots import is_fresh, snapshot
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


class Options(ApiOptions):
    """`[source.<name>]` of a Jenkins."""

    user: str = ""
    include: list[str] = Field(default_factory=lambda: ["*"])
    exclude: list[str] = Field(default_factory=list)
    repository: str = ""
    stages: bool = True
    tests: bool = True
    runners: bool = True
    queue: bool = True
    state_minutes: int = Field(15, ge=0)
    logs: Literal["failed", "all", "none"] = "failed"
    log_kib: int = Field(1024, ge=1, le=100 * 1024)
    newest: int = Field(500, ge=0)
    depth: int = Field(8, ge=1, le=20)


class Jenkins(ApiSource):
    """Reads one Jenkins."""

    type: ClassVar[str] = "jenkins"
    title: ClassVar[str] = "Jenkins"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            "builds",
            "jobs, builds, stages, artifacts, test reports and console logs",
            (
                "core.pipelines", "core.builds", "core.stages", "core.artifacts", "core.tests",
                "core.test_results", "core.failures", "core.log_lines",
            ),
        ),
        Stream("runners", "agents: online, busy, gone", ("core.runners",)),
        Stream("queue", "items of the queue, and when they left it", ("core.queue_items",)),
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
    parsers: ClassVar[Mapping[str, Parser]] = jenkins.PARSERS

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = Options(**instance.options)

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by one request whether jobs came or went, builds began or ended, or are owed.

        Runners and queue are never news: they change with every build.
        """
        if stream != "builds":
            return cursor is None and self._wants(stream)
        state = State.of_json(cursor)
        with self.http() as http:
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
        """Yield what is new; of builds see `ingest/jenkins/pull.py`."""
        if stream != "builds":
            yield from super().pull(stream, cursor=cursor, window=window)
            return
        state = State() if window else State.of_json(cursor)
        with self.http() as http:
            yield from Pull(http, self._scope(), state, window).run()

    def is_idle(self, stream: str, at: Position) -> bool:
        """Tell that a stream of state is not wanted, or was looked at minutes ago."""
        return not self._wants(stream) or is_fresh(at, stream, self.options.state_minutes)

    def walks(self, stream: str, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the list of runners, or that of what waits."""
        if stream == "runners":
            yield snapshot(
                stream, Request("computer/api/json", {"tree": jenkins_state.RUNNERS}),
                keys=lambda answer, _: jenkins_state.machines(answer.object()),
            )  # fmt: skip
        else:
            yield snapshot(
                stream, Request("queue/api/json", {"tree": jenkins_state.QUEUE}),
                keys=lambda answer, now: jenkins_state.items(answer.object(), now),
            )  # fmt: skip

    def _wants(self, stream: str) -> bool:
        return {"runners": self.options.runners, "queue": self.options.queue}.get(stream, True)

    def parse(self, unit: Unit) -> Iterator[Parsed]:
        """Yield core rows of the unit; an answer that is not what it should be is rejected."""
        if unit.notes["kind"] != "tests":
            yield from super().parse(unit)
            return
        found = payloads(unit.payloads, self.instance)
        yield from jenkins.reports(found, self.instance.project_id)

    def check(self) -> Iterator[Finding]:
        """Yield whether the server answers, knows the user, shows its state and the right time."""
        options = self.options
        try:
            with self.http() as http:
                yield from doctor.findings(
                    http, options.depth, self._is_wanted, has_token=bool(options.token)
                )
                yield from doctor.state_findings(http, runners=options.runners, queue=options.queue)
        except SourceError as error:
            yield failed(error)

    def http(self) -> Http:
        """Return a client of the server, with user and token if there is one."""
        token = self.secret(self.options.token)
        return self.client(self.options, auth=(self.options.user, token) if token else None)

    def _scope(self) -> Scope:
        options = self.options
        wishes = Wishes(
            options.stages, options.tests, options.logs, options.newest, options.log_kib * 1024
        )
        return Scope(self._place, self._is_wanted, options.depth, wishes)

    @property
    def _is_wanted(self) -> Callable[[str], bool]:
        return partial(is_chosen, self.instance)

    def _place(self, job: Job, state: JobState) -> Place:
        return Place(
            self.instance.name, self.instance.project_id, job.name, job.branch, job.is_change,
            state.attempt, self.options.repository,
        )  # fmt: skip
