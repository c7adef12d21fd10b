"""Workflow runs with their attempts, jobs, logs and artifacts.

Runs are listed by when they were made, and stay in their place when they end or are run again:
a run that goes on is remembered and looked at until it ends, and the runs that are in progress are
listed apart, which shows those that somebody started again long after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from golive_core.http import Answer, Request, next_link
from ingest.api import Detail, Walk
from ingest.github.scope import (
    DONE,
    Json,
    Scope,
    entries,
    kept,
    newest,
    next_pages,
    older,
)
from ingest.parse.github import is_open, status_of
from ingest.parse.github_files import attempt_of
from ingest.parse.github_runs import build_of, pipeline_of, queued_at, stages

RUNS = "workflow_runs"


def runs(scope: Scope, instance: str) -> Iterator[Walk]:
    """Yield all runs, those in progress, and those that were not over when last seen."""
    asker = RunDetails(scope, instance)
    yield Walk(
        scope.name("runs"), "runs", scope.request("actions/runs"), next_link, scope.context(),
        details=asker.of_page, mark=newest("updated_at", RUNS),
        stops=older(scope.since("runs"), "created_at", RUNS),
    )  # fmt: skip
    active = scope.request("actions/runs", status="in_progress")
    yield Walk(
        scope.name("active"), "runs", active, next_link, scope.context(),
        details=asker.remember, may_be_gone=True,
    )  # fmt: skip
    for number, keys in scope.remembered("run/"):
        request = Request(f"repos/{scope.repository}/actions/runs/{number}")
        yield Walk(
            scope.name(f"run/{number}"), "runs", request, context=scope.context(),
            details=asker.of_run, mark=_done, keys=kept(**keys), may_be_gone=True,
        )  # fmt: skip


def _done(answer: Answer) -> str:
    return "" if is_open(answer.object()) else DONE


@dataclass(frozen=True, slots=True)
class Build:
    """One attempt of a run, as the details' parsers are told of it."""

    id: str
    service: str
    queued: str
    run: Json = field(repr=False)

    def context(self, scope: Scope, **more: object) -> Json:
        """Return the context of a detail."""
        return scope.context(build=self.id, day=self.queued, **more)


@dataclass(frozen=True, slots=True)
class RunDetails:
    """Asks for what belongs to a run."""

    scope: Scope
    instance: str

    def of_page(self, page: Answer) -> Iterator[Request]:
        """Yield what the runs of a page entail that have news.

        A run that goes on is remembered, and asked for by itself.
        """
        for run in self.scope.news("runs", entries(page, RUNS)):
            if is_open(run):
                self._remember(run)
            else:
                yield from self._of(run)

    def of_run(self, answer: Answer) -> Iterator[Request]:
        """Yield what a single run entails."""
        return self._of(answer.object())

    def remember(self, page: Answer) -> Iterator[Request]:
        """Remember the runs of a page, and ask for nothing."""
        for run in entries(page, RUNS):
            self._remember(run)
        return iter(())

    def _remember(self, run: Json) -> None:
        self.scope.remember(f"run/{run['id']}", queued_at(run))

    def _of(self, run: Json) -> Iterator[Request]:
        if status_of(run) == "queued":
            return
        path, build = f"actions/runs/{run['id']}", self._build(run)
        builds = [_start(build)]
        for attempt in range(1, run.get("run_attempt") or 1):
            request = Request(f"repos/{self.scope.repository}/{path}/attempts/{attempt}")
            tag = Detail("runs", self.scope.context(), self._earlier(builds))
            yield replace(request, tag=tag)
        yield self._jobs(build)
        if self.scope.options.artifacts and not is_open(run):
            context = self.scope.context(builds=builds)
            tag = Detail("artifacts", context, self._reports(build, builds))
            yield replace(self.scope.request(f"{path}/artifacts"), tag=tag)

    def _build(self, run: Json) -> Build:
        service = pipeline_of(self.scope.repository, run)
        return Build(build_of(f"{self.instance}:{service}", run), service, queued_at(run), run)

    def _earlier(self, builds: list[list[str]]) -> Callable[[Answer], Iterator[Request]]:
        """Return what an earlier attempt entails; it is noted in `builds`, for the artifacts."""

        def then(answer: Answer) -> Iterator[Request]:
            build = self._build(answer.object())
            builds.append(_start(build))
            yield self._jobs(build)

        return then

    def _jobs(self, build: Build, request: Request | None = None, first: int = 0) -> Request:
        """Return the request for the jobs of an attempt, or for a further page of them."""
        attempt = build.run.get("run_attempt") or 1
        path = f"actions/runs/{build.run['id']}/attempts/{attempt}/jobs"

        def then(answer: Answer) -> Iterator[Request]:
            found = entries(answer, "jobs")
            for job in found:
                if self._wants_log(build, job):
                    yield self._log(build, job)
            following = next_link(answer)
            if following:
                yield self._jobs(build, following, first + len(list(stages(found))))

        tag = Detail("jobs", build.context(self.scope, first=first), then)
        return replace(request or self.scope.request(path), tag=tag)

    def _wants_log(self, build: Build, job: Json) -> bool:
        if is_open(build.run) or is_open(job):
            return False
        wish = self.scope.options.logs
        return wish == "all" or (wish == "failed" and status_of(job) in ("failed", "error"))

    def _log(self, build: Build, job: Json) -> Request:
        context = build.context(
            self.scope, service=f"{build.service}/{job['name']}",
            started=job.get("started_at") or build.queued,
        )  # fmt: skip
        return Request(
            f"repos/{self.scope.repository}/actions/jobs/{job['id']}/logs", expect="text",
            limit_bytes=self.scope.options.log_kib * 1024, tag=Detail("log", context),
        )  # fmt: skip

    def _reports(
        self, build: Build, builds: list[list[str]]
    ) -> Callable[[Answer], Iterator[Request]]:
        """Return what a page of artifacts entails: those that look like test reports."""

        def then(answer: Answer) -> Iterator[Request]:
            found = [one for one in entries(answer, "artifacts") if self._holds_reports(one)]
            for one in found:
                start, build_id, _ = attempt_of(one, builds)
                context = self.scope.context(
                    build=build_id, started=start, made=one.get("created_at") or start,
                    commit=build.run.get("head_sha"), branch=build.run.get("head_branch"),
                    environment=one["name"] if len(found) > 1 else "",
                )  # fmt: skip
                path = f"repos/{self.scope.repository}/actions/artifacts/{one['id']}/zip"
                yield Request(path, expect="any", tag=Detail("reports", context))
            yield from next_pages(answer)

        return then

    def _holds_reports(self, artifact: Json) -> bool:
        limit = self.scope.options.report_mib * 1024**2
        is_there = not artifact.get("expired") and (artifact.get("size_in_bytes") or 0) <= limit
        return is_there and self.scope.options.is_report(artifact["name"])


def _start(build: Build) -> list[str]:
    """Return start, id and day of an attempt, as the artifacts' parser is told."""
    return [build.queued, build.id, build.queued]
