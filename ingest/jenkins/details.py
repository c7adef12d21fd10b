"""Stages, test reports and console logs of ended builds: what is owed, asked for and kept.

They cost a request a build, so only the newest builds of a job are owed any when it is first
read. What fails is tried again by the next pulls, `TRIES` times in all; nothing else waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from golive_core.errors import SourceError, SourceThrottledError
from golive_core.http import Answer, Http, Request
from golive_core.http.client import Outcome
from ingest.batch import Batch
from ingest.jenkins.state import JobState, Json, Owed, Want
from ingest.jenkins.troubles import IN_A_ROW, Troubles
from ingest.jenkins.walk import GONE, Errand
from ingest.parse import jenkins_tests
from ingest.parse.jenkins_builds import (
    Place,
    actions_of,
    branch_of,
    commit_of,
    day_of,
    git_data,
    has_tests,
    is_open,
    is_pipeline,
    status_of,
)
from ingest.parse.jenkins_jobs import job_path

RUNS = 10
"""Newest runs that `wfapi/runs` brings in one request."""
TRIES = 5
TAIL = 2
"""A log that is too long keeps its first part and a last part of limit / TAIL bytes."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the options ask for; `newest` counts builds, `log_bytes` is kept of one log."""

    stages: bool = True
    tests: bool = True
    logs: str = "failed"
    newest: int = 500
    log_bytes: int = 1024**2


def owe(state: JobState, build: Json, place: Place, wishes: Wishes) -> None:
    """Note what is to be fetched of a build, keeping how far its log was read."""
    wants = list(wanted(build, wishes))
    if not wants:
        return
    actions = actions_of(build)
    data = git_data(build, actions, place)
    before = state.owed.get(build["number"], Owed(0, ""))
    state.owed[build["number"]] = Owed(
        at=build["timestamp"],
        day=day_of(build).isoformat(),
        commit=commit_of(build, actions, data),
        branch=branch_of(data, place),
        wants=wants,
        log_start=before.log_start,
        log_line=before.log_line,
        log_rest=before.log_rest,
    )


def wanted(build: Json, wishes: Wishes) -> Iterator[Want]:
    """Yield what there is to fetch of a build; of one that runs only the log so far."""
    is_over = not is_open(build)
    if is_over and wishes.stages and is_pipeline(build):
        yield "stages"
    if is_over and wishes.tests and has_tests(build):
        yield "tests"
    has_failed = is_over and status_of(build) in ("failed", "error")
    if wishes.logs == "all" or (wishes.logs == "failed" and has_failed):
        yield "log"


class Details:
    """Fetches what a job owes."""

    def __init__(self, http: Http, batch: Batch, troubles: Troubles, wishes: Wishes) -> None:
        self._http, self._batch, self._troubles, self._wishes = http, batch, troubles, wishes

    def fetch(self, errand: Errand) -> Iterator[None]:
        """Fetch what is owed and was not tried yet, newest build first; yields after each answer.

        Where several fail one after the other, the rest of the job waits for the next pull.
        """
        state, failed = errand.state, 0
        for outcome in self._http.outcomes(self._requests(errand)):
            numbers, want = outcome.request.tag
            owed = {number: state.owed[number] for number in numbers}
            is_taken = self._is_taken(outcome, errand.job.name, errand.place, owed, want)
            failed = 0 if is_taken else failed + 1
            if failed >= IN_A_ROW:
                break
            yield
        for number in [number for number, one in state.owed.items() if not one.wants]:
            del state.owed[number]

    def _requests(self, errand: Errand) -> Iterator[Request]:
        path, head = errand.job.path, errand.job.last
        todo = {n: one for n, one in errand.state.owed.items() if n not in errand.tried}
        errand.tried.update(todo)
        newest = [n for n, one in todo.items() if "stages" in one.wants and n > head - RUNS]
        if len(newest) > 1:
            yield Request(f"{path}/wfapi/runs", accepts=GONE, tag=(newest, "stages"))
        for number, one in sorted(todo.items(), reverse=True):
            for want in list(one.wants):
                if want != "stages" or len(newest) <= 1 or number not in newest:
                    yield self._request(f"{path}/{number}", number, one, want)

    def _request(self, path: str, number: int, owed: Owed, want: Want) -> Request:
        tag = ([number], want)
        if want == "stages":
            return Request(f"{path}/wfapi/describe", accepts=GONE, tag=tag)
        if want == "tests":
            tree = {"tree": jenkins_tests.TREE}
            return Request(f"{path}/testReport/api/json", tree, accepts=GONE, tag=tag)
        return self._log_request(path, owed.log_start, self._wishes.log_bytes, tag)

    def _log_request(self, path: str, start: int, limit: int, tag: object = None) -> Request:
        return Request(
            f"{path}/logText/progressiveText", {"start": str(start)},
            accepts=GONE, expect="text", limit_bytes=limit, tag=tag,
        )  # fmt: skip

    def _is_taken(
        self, outcome: Outcome, job: str, place: Place, owed: Mapping[int, Owed], want: Want
    ) -> bool:
        """Keep an answer, or note why there is none; tell whether there was one."""
        try:
            if outcome.error:
                raise outcome.error
            if outcome.answer and outcome.answer.status not in GONE:
                self._keep(outcome.answer, job, place, owed, want)
            else:
                _done(owed, want)
        except SourceThrottledError:
            raise
        except SourceError as error:
            self._failed(error, owed, want)
            return False
        return True

    def _failed(self, error: SourceError, owed: Mapping[int, Owed], want: Want) -> None:
        """Note the error; after the last try the wish is dropped."""
        self._troubles.note(error)
        for one in owed.values():
            one.tries += 1
            if one.tries >= TRIES:
                one.wants.remove(want)

    def _keep(
        self, answer: Answer, job: str, place: Place, owed: Mapping[int, Owed], want: Want
    ) -> None:
        if want == "log":
            for number, one in owed.items():
                self._keep_log(answer, job, place, number, one)
            return
        builds = {str(n): [place.build_id(n), one.day] for n, one in owed.items()}
        context: dict[str, object] = {"kind": want, "builds": builds}
        if want == "tests":
            context = {"kind": want} | _of_build(place, *next(iter(owed.items())))
        self._batch.add(answer.url, answer.body, context)
        _done(owed, want)

    def _keep_log(self, answer: Answer, job: str, place: Place, number: int, owed: Owed) -> None:
        """Keep whole lines; what is cut off at the limit is skipped up to the last part."""
        size = int(answer.headers.get("x-text-size", len(answer.body)))
        is_growing = answer.headers.get("x-more-data") == "true"
        body = owed.log_rest.encode() + answer.body
        whole, rest = body, b""
        if is_growing or answer.is_cut:
            whole, rest = body[: body.rfind(b"\n") + 1], body[body.rfind(b"\n") + 1 :]
        context = {"kind": "log", "job": job} | _of_build(place, number, owed)
        if whole:
            self._add_log(answer, whole, context, owed.log_line)
        if answer.is_cut:
            self._keep_tail(answer, job, number, context, size)
        if answer.is_cut or not is_growing:
            owed.wants.remove("log")
        owed.log_start, owed.log_line = size, owed.log_line + whole.count(b"\n")
        owed.log_rest = rest.decode("utf-8", "replace")

    def _keep_tail(
        self, answer: Answer, job: str, number: int, context: Mapping[str, object], size: int
    ) -> None:
        """Keep the end of a long log, where a failure tells its reason.

        Its lines are numbered from their offset in bytes, which is above every number before.
        """
        limit = self._wishes.log_bytes // TAIL
        start = max(size - limit, int(answer.request.params["start"]) + self._wishes.log_bytes)
        tail = self._http.fetch(self._log_request(f"{job_path(job)}/{number}", start, limit))
        skipped = tail.body.find(b"\n") + 1
        self._add_log(tail, tail.body[skipped:], context, start + skipped)

    def _add_log(
        self, answer: Answer, body: bytes, context: Mapping[str, object], line: int
    ) -> None:
        uri = f"{answer.url}#line={line}"
        self._batch.add(uri, body, {**context, "line": line}, "text/plain")


def _done(owed: Mapping[int, Owed], want: Want) -> None:
    for one in owed.values():
        if want in one.wants:
            one.wants.remove(want)


def _of_build(place: Place, number: int, owed: Owed) -> dict[str, object]:
    return {
        "build_id": place.build_id(number), "at": owed.at,
        "commit": owed.commit, "branch": owed.branch,
    }  # fmt: skip
