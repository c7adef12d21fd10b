"""CircleCI: pipelines, workflows, jobs, their tests and artifacts, deployments.

Pipelines are listed newest first and only as far as there is news. One costs a request for its
workflows, a workflow one for its jobs, a job up to two (tests, artifacts): the API has no lists of
these over a project, so `since` is worth setting. Workflows change long after their pipeline left
the top of the list: a pipeline that goes on is looked at again until it is over, one that failed
for a week, since it may be re-run, ever less often the older it is (`due`). A re-run of what
succeeded, or of what failed longer ago, is seen by webhook only. Machines and credits are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, cast

from pydantic import BaseModel, Field, field_validator

from golive_core.http import Answer, Http, Request
from golive_core.http.paging import items, next_cursor
from ingest.api import ApiOptions, ApiSource, Detail, Position, Walk, WalkState, digest
from ingest.changes import Changes
from ingest.doctor import hidden
from ingest.hosted import header
from ingest.parse import circleci, circleci_hooks
from ingest.parse.hosted import Hooked
from ingest.parse.rows import instant
from ingest.payload import Parser
from ingest.source import Context, Cursor, Finding, Instance, Stream
from ingest.webhook import signed

__all__ = ["Circleci"]

Json = dict[str, Any]
CREATED = Changes(("created_at",), at="items")
NEXT = next_cursor(at=("next_page_token",), param="page-token")
LATE_S = 60.0
"""What shows up this much later with an earlier time is still asked for in detail."""
DONE = "done"
FRESH = timedelta(days=1)
"""So long a pipeline that goes on is looked at by every pull."""
LONGEST = timedelta(days=90)
"""After this CircleCI itself gives up a workflow that waits."""
RERUN = timedelta(days=7)
"""So long a failed pipeline is looked at for re-runs."""
SOON = timedelta(minutes=5)
BEGINS = timedelta(hours=1)
"""A pipeline that has no workflows after this long was filtered and gets none."""

SEEN = "Check the slug, and that whoever made the token follows the project"


class Options(ApiOptions):
    """`[source.<name>]` of CircleCI; `projects` are slugs as in the address of a project."""

    url: str = "https://circleci.com"
    projects: list[str] = Field(min_length=1)
    git_sources: dict[str, str] = Field(default_factory=dict[str, str])
    since: date | None = None
    tests: bool = True
    artifacts: bool = True
    deployment_jobs: str = circleci.DEPLOYS

    @field_validator("projects")
    @classmethod
    def _slugs(cls, value: list[str]) -> list[str]:
        found = [circleci.short(slug.strip("/")) for slug in value]
        if not all(slug.count("/") == 2 for slug in found):  # noqa: PLR2004 - parts of a slug
            raise ValueError("a project is vcs/organisation/name, such as gh/acme/shop")
        return found

    @field_validator("deployment_jobs")
    @classmethod
    def _pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value


class Circleci(ApiSource):
    """Reads projects of CircleCI or of a CircleCI server."""

    type: ClassVar[str] = "circleci"
    title: ClassVar[str] = "CircleCI"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            "pipelines", "pipelines, workflows and jobs, with tests, artifacts and deployments",
            (
                "core.pipelines", "core.builds", "core.stages", "core.deployments", "core.tests",
                "core.test_results", "core.failures", "core.artifacts",
            ),
        ),
    )  # fmt: skip
    scopes: ClassVar[tuple[str, ...]] = ("a personal API token; project tokens do not read API v2",)
    example: ClassVar[str] = """
[source.circle]
type = "circleci"
project = "shop"
url = "https://circleci.com"           # or the address of a CircleCI server
token = "env:CIRCLE_TOKEN"             # a personal API token
projects = ["gh/acme/shop"]            # slugs, as in the address of the project
git_sources = {"gh/acme/shop" = "git"} # the source that reads the repository, for deployments
since = "2026-01-01"                   # pipelines before are not read; all if left out
tests = true                           # one more request a job
artifacts = true                       # one more request a job
"""
    Options: ClassVar[type[BaseModel]] = Options
    parsers: ClassVar[Mapping[str, Parser]] = circleci.PARSERS

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = Options(**instance.options)

    def http(self) -> Http:
        """Return a client of the API, with the token if there is one."""
        token = self.secret(self.options.token)
        headers = {"Circle-Token": token} if token else {}
        return self.client(self.options, headers=headers, path="/api/v2")

    def walks(self, stream: str, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the pipelines of each project, then those that are to be looked at again."""
        for slug in self.options.projects:
            project = Project(slug, at, self.options, datetime.now(UTC))
            yield project.pipelines()
            yield from project.again()

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by one request a project whether it has new pipelines, or by none what is due."""
        at, now = Position.of(cursor), datetime.now(UTC)
        projects = [Project(slug, at, self.options, now) for slug in self.options.projects]
        if cursor is None or any(state.next for state in at.lists.values()):
            return True
        if any(not walk.is_known for one in projects for walk in one.again()):
            return True
        with self.http() as http:
            return any(self.is_changed(one.pipelines(), at, http) for one in projects)

    def check(self) -> Iterator[Finding]:
        """Yield whether the token is somebody's, and whether each project can be read."""
        yield from self.checked(Request("me"))

    def granted(self, http: Http) -> Iterator[Finding]:
        """Yield the projects; one that the token may not see is as good as none."""
        for slug in self.options.projects:
            lost = list(hidden(http, slug, Request(f"project/{slug}"), SEEN))
            yield from lost or [Finding("project", "ok", slug)]

    def verify(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Tell whether a webhook was signed with the secret; there may be several signatures."""
        given = header(headers, "circleci-signature").split(",")
        pairs = (one.strip().partition("=") for one in given)
        return any(name == "v1" and signed(body, secret, value) for name, _, value in pairs)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hooked]:
        """Return contexts and bodies of payloads for a hook; none where it tells too little.

        Raises SourceDataError for a body that is not CircleCI's.
        """
        return circleci_hooks.payloads(body)


@dataclass(frozen=True, slots=True)
class Project:
    """One project of a pull that began at `now`."""

    slug: str
    at: Position
    options: Options
    now: datetime

    def pipelines(self) -> Walk:
        """Return the list of pipelines, newest first, with details of those that are news."""
        name = f"{self.slug}:pipelines"
        return Walk(
            name, "pipelines", Request(f"project/{self.slug}/pipeline"), NEXT,
            {"project": self.slug}, details=self._of_page, mark=CREATED.newest,
            stops=CREATED.until(self._since()),
        )  # fmt: skip

    def again(self) -> Iterator[Walk]:
        """Yield the pipelines that are remembered; those that are not due are left as they are."""
        prefix = f"{self.slug}:pipeline/"
        for name, state in list(self.at.lists.items()):
            if not name.startswith(prefix) or state.mark == DONE or is_past(state.keys, self.now):
                continue
            pipeline = state.keys["pipeline"]
            yield Walk(
                name, "workflows", Request(f"pipeline/{pipeline['id']}/workflow"),
                context={"project": self.slug}, details=partial(self._of_look, pipeline),
                mark=partial(self._mark, pipeline), keys=partial(self._keys, pipeline),
                may_be_gone=True, is_known=not due(state.keys, self.now) and not state.next,
            )  # fmt: skip

    def _since(self) -> str:
        """Return the time of creation from which pipelines are read."""
        if self.at.window:
            return self.at.window.start.isoformat()
        first = f"{self.options.since}T00:00:00+00:00" if self.options.since else ""
        return max(first, self.at.since(f"{self.slug}:pipelines", overlap_s=LATE_S))

    def _of_page(self, page: Answer) -> Iterator[Request]:
        end = self.at.window.end if self.at.window else None
        for one in CREATED.after(page, self._since()):
            made = CREATED.of(one)
            if one.get("state") != "errored" and not (end and made and made >= end):
                yield self._workflows(circleci.slim(one))

    def _workflows(self, pipeline: Json) -> Request:
        tag = Detail(
            "workflows", {"project": self.slug}, partial(self._of_pipeline, pipeline), NEXT, "items"
        )
        return Request(f"pipeline/{pipeline['id']}/workflow", tag=tag)

    def _of_pipeline(self, pipeline: Json, answer: Answer) -> Iterator[Request]:
        """Remember a pipeline that may change, and ask for the jobs of its workflows."""
        if not self.at.window and self._mark(pipeline, answer) != DONE:
            state = WalkState(keys=self._keys(pipeline, answer), pages=[digest(answer.body)])
            self.at.lists.setdefault(f"{self.slug}:pipeline/{pipeline['id']}", state)
        return self._of_workflows(pipeline, answer)

    def _of_look(self, pipeline: Json, page: Answer) -> Iterator[Request]:
        """Yield what a remembered pipeline entails; attempts are counted on the whole list."""
        if NEXT(page):
            yield self._workflows(pipeline)
        else:
            yield from self._of_workflows(pipeline, page)

    def _of_workflows(self, pipeline: Json, answer: Answer) -> Iterator[Request]:
        for attempt, one in circleci.numbered(_entries(answer)):
            kept = {name: one.get(name) for name in KEPT}
            context: Json = {
                "project": self.slug, "pipeline": pipeline, "workflow": kept, "attempt": attempt,
            }  # fmt: skip
            tag = Detail("jobs", context, partial(self._of_jobs, context), NEXT, "items")
            yield Request(f"workflow/{one['id']}/job", tag=tag)

    def _of_jobs(self, context: Json, answer: Answer) -> Iterator[Request]:
        """Yield the requests for tests and artifacts of jobs that ran and ended."""
        kinds = [name for name in ("tests", "artifacts") if getattr(self.options, name)]
        for job in _entries(answer):
            number = job.get("job_number")
            if not (
                number and circleci.is_over(job) and circleci.ran_here(context["workflow"], job)
            ):
                continue
            told = {name: job.get(name) for name in ("name", "started_at", "stopped_at")}
            for kind in kinds:
                tag = Detail(
                    kind, {**context, "job": {"number": number, **told}}, following=NEXT, at="items"
                )
                yield Request(f"project/{self.slug}/{number}/{kind}", tag=tag)

    def _goes_on(self, pipeline: Json, found: list[Json]) -> bool:
        """Tell whether a pipeline may get on by itself; without workflows it may yet begin."""
        if not found:
            return self.now - _time(pipeline["created_at"]) < BEGINS
        return not all(map(circleci.is_over, found))

    def _mark(self, pipeline: Json, page: Answer) -> str:
        """Return the mark of a pipeline that is over and did not fail, as far as is known."""
        found = _entries(page)
        last = {one["name"]: circleci.status_of(one) for _, one in circleci.numbered(found)}
        is_bad = bool({"failed", "error"} & set(last.values()))
        return "" if is_bad or self._goes_on(pipeline, found) else DONE

    def _keys(self, pipeline: Json, page: Answer) -> Json:
        """Return what is remembered of a pipeline that is looked at."""
        is_open = self._goes_on(pipeline, _entries(page))
        looked = datetime.now(UTC).isoformat()
        return {"pipeline": pipeline, "looked": looked, "is_open": is_open}


KEPT = ("id", "name", "status", "created_at", "stopped_at")
"""What the parser of jobs is told of their workflow."""


def due(keys: Json, now: datetime) -> bool:
    """Tell whether a remembered pipeline is to be looked at.

    A fresh one that goes on is, always; else one that has doubled its age since it was last looked
    at (failed), or has aged by a tenth (goes on).
    """
    made, looked = _time(keys["pipeline"]["created_at"]), _time(keys["looked"])
    if looked >= now:
        return False
    if keys["is_open"] and now - made < FRESH:
        return True
    pause = (looked - made) * (0.1 if keys["is_open"] else 1.0)
    return now - looked >= max(SOON, pause)


def is_past(keys: Json, now: datetime) -> bool:
    """Tell whether a remembered pipeline is too old to change."""
    age = now - _time(keys["pipeline"]["created_at"])
    return age > (LONGEST if keys["is_open"] else RERUN)


def _time(text: str) -> datetime:
    return instant(text) or datetime.min.replace(tzinfo=UTC)


def _entries(answer: Answer) -> list[Json]:
    return cast("list[Json]", items(answer, ("items",)))
