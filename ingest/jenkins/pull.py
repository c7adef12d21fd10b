"""One pull of one Jenkins: the tree of jobs, then builds and their details, job after job.

Requests of many jobs are in flight at once, answers are taken in order, and payloads leave in
batches with the cursor behind them. A job that cannot be read is passed over and told at the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, count

from golive_core.errors import GoLiveError, SourceError, SourceThrottledError
from golive_core.http import Answer, Http, Request
from golive_core.http.client import Outcome
from golive_core.window import Window
from ingest.batch import Batch
from ingest.jenkins import walk
from ingest.jenkins.details import Details, Wishes, owe
from ingest.jenkins.state import JobState, Json, State
from ingest.jenkins.troubles import Troubles
from ingest.jenkins.walk import GONE, Errand, Range
from ingest.parse import jenkins_jobs
from ingest.parse.jenkins_builds import Place, builds_in, is_open
from ingest.parse.jenkins_jobs import Job
from ingest.source import Pulled


@dataclass(frozen=True, slots=True)
class Scope:
    """What an instance reads: which jobs, how deep the folders are asked at once, which details."""

    place: Callable[[Job, JobState], Place]
    is_wanted: Callable[[str], bool]
    depth: int = 8
    wishes: Wishes = field(default_factory=Wishes)


class Pull:
    """One run; `state` moves with what was stored."""

    def __init__(self, http: Http, scope: Scope, state: State, window: Window | None) -> None:
        self._http, self._scope, self._state, self._window = http, scope, state, window
        self._batch, self._troubles = Batch(), Troubles()
        self._details = Details(http, self._batch, self._troubles, scope.wishes)
        self._since = int(window.start.timestamp() * 1000) if window else 0

    def run(self) -> Iterator[Pulled]:
        """Yield batches; raises the first error once everything that came is handed out."""
        stop: GoLiveError | None = None
        try:
            for _ in self._steps():
                if self._batch.is_full:
                    yield self._flush()
        except SourceError as error:
            stop = error
        yield self._flush()
        if stop:
            raise stop
        self._troubles.end()

    def _flush(self) -> Pulled:
        return self._batch.flush(self._state.to_json(), self._http.requests)

    def _steps(self) -> Iterator[None]:
        errands = [one for job in self.jobs() if (one := self._errand(job))]
        requests = chain.from_iterable(one.requests() for one in errands)
        for outcome in self._http.outcomes(requests):
            errand, asked = outcome.request.tag
            yield from self._taken(errand, asked, outcome)
        for one in errands:
            yield from self._finished(one)

    def jobs(self) -> list[Job]:
        """Return the wanted jobs; the answers become payloads if jobs came or went."""
        answers = dict(self._trees())
        found = [
            job
            for folder, answer in answers.items()
            for job in jenkins_jobs.jobs(answer.object(), folder)
        ]
        there = {job.name for job in found}
        wanted = [job for job in found if self._scope.is_wanted(job.name)]
        known = set(self._state.jobs)
        if deleted := sorted(known - there):
            for name in deleted:
                del self._state.jobs[name]
        if deleted or not {job.name for job in wanted} <= known:
            self._keep_tree(answers, wanted, deleted)
        return wanted

    def _trees(self) -> Iterator[tuple[str, Answer]]:
        tree = {"tree": jenkins_jobs.tree(self._scope.depth)}
        folders: list[str] = [""]
        while folders:
            paths = {folder: f"{jenkins_jobs.job_path(folder)}/api/json" for folder in folders}
            requests = [
                Request(path.lstrip("/"), tree, tag=folder) for folder, path in paths.items()
            ]
            folders = []
            for answer in self._http.fetch_all(requests):
                yield answer.request.tag, answer
                folders += jenkins_jobs.deeper(answer.object(), answer.request.tag)

    def _keep_tree(
        self, answers: dict[str, Answer], wanted: Sequence[Job], deleted: Sequence[str]
    ) -> None:
        for job in wanted:
            self._state.of(job.name)
        for folder, answer in answers.items():
            context: dict[str, object] = {"kind": "jobs", "folder": folder}
            if deleted and not folder:
                context["deleted"] = list(deleted)
            self._batch.add(answer.url, answer.body, context)

    def _errand(self, job: Job) -> Errand | None:
        state = self._state.of(job.name)
        if walk.was_made_anew(job, state):
            state.begin_anew()
        if job.at < self._since:
            return None
        return walk.errand(job, state, self._scope.place(job, state), since=self._since)

    def _taken(self, errand: Errand, asked: Range | int, outcome: Outcome) -> Iterator[None]:
        """Take one answer of the planned requests, and fetch what its builds owe."""
        if errand.is_over and isinstance(asked, Range):
            return
        with self._telling(errand, asked):
            if outcome.error:
                raise outcome.error
            if outcome.answer:
                self._take(errand, asked, outcome.answer)
        yield from self._owed(errand)

    def _finished(self, errand: Errand) -> Iterator[None]:
        """Walk on where the plan was too short, then fetch what older builds still owe."""
        while not errand.is_over:
            asked = errand.following()
            with self._telling(errand, asked):
                self._take(errand, asked, self._http.fetch(errand.page(asked)))
            yield from self._owed(errand)
        yield from self._owed(errand)

    @contextmanager
    def _telling(self, errand: Errand, asked: Range | int) -> Generator[None]:
        """Note an error of one job and end its walk here: the next pull goes on from its state."""
        try:
            yield
            self._troubles.answered()
        except SourceThrottledError:
            raise
        except SourceError as error:
            errand.is_over = errand.is_over or isinstance(asked, Range)
            self._troubles.stop_or_note(error)

    def _owed(self, errand: Errand) -> Iterator[None]:
        yield
        if errand.state.owed:
            yield from self._details.fetch(errand)

    def _take(self, errand: Errand, asked: Range | int, answer: Answer) -> None:
        if isinstance(asked, int):
            self._take_single(errand, asked, answer)
        elif answer.status in GONE:
            errand.is_over = True
        else:
            self._take_page(errand, asked, answer)

    def _take_single(self, errand: Errand, number: int, answer: Answer) -> None:
        if answer.status in GONE:
            self._lost(errand, [number])
            return
        build = answer.object()
        if is_open(build):
            return
        self._add(errand, answer, f"{answer.url}", {})
        self._note(errand, [build])

    def _take_page(self, errand: Errand, asked: Range, answer: Answer) -> None:
        builds = builds_in(answer.object())
        if walk.has_gap(errand.walk, asked, builds):
            self._step_back(errand, asked)
        self._store(errand, asked, answer, builds)
        if walk.advance(errand.walk, asked, builds, self._since):
            self._end(errand)

    def _step_back(self, errand: Errand, asked: Range) -> None:
        """Fetch what slipped between two ranges, back to a build that was met before."""
        for times in count():
            bridge = walk.back(asked, times)
            answer = self._http.fetch(errand.page(bridge))
            found = builds_in(answer.object())
            self._store(errand, bridge, answer, found)
            if bridge.first == 0 or not walk.has_gap(errand.walk, bridge, found):
                return

    def _store(self, errand: Errand, asked: Range, answer: Answer, builds: Sequence[Json]) -> None:
        """Keep a page, and note its builds that were not stored before."""
        under = errand.walk
        fresh = walk.fresh(under, builds)
        inside = self._window is None or any(map(self._is_inside, fresh))
        errand.seen.update(build["number"] for build in fresh)
        if fresh and inside:
            bounds = {"above": under.floor, **({"below": under.low} if under.low else {})}
            self._add(errand, answer, f"{answer.url}#{asked.first}-{asked.end}", bounds)
        self._note(errand, fresh)

    def _add(self, errand: Errand, answer: Answer, uri: str, bounds: dict[str, int]) -> None:
        self._batch.add(uri, answer.body, self._context(errand) | bounds)

    def _context(self, errand: Errand) -> dict[str, object]:
        place = errand.place
        context: dict[str, object] = {"kind": "builds", "job": place.job}
        if place.branch:
            context |= {"branch": place.branch, "is_change": place.is_change}
        return context if place.attempt == 1 else {**context, "attempt": place.attempt}

    def _note(self, errand: Errand, builds: Sequence[Json]) -> None:
        """Note which builds run, and what those that ended owe."""
        newest = errand.job.last - self._scope.wishes.newest
        ended = walk.note(errand.state, builds)
        running = [build for build in builds if is_open(build)]
        for build in [*ended, *running]:
            if build["number"] > newest and self._is_inside(build):
                owe(errand.state, build, errand.place, self._scope.wishes)

    def _is_inside(self, build: Json) -> bool:
        end = int(self._window.end.timestamp() * 1000) if self._window else None
        return build["timestamp"] >= self._since and (end is None or build["timestamp"] < end)

    def _end(self, errand: Errand) -> None:
        """End a walk; a later one begins if an unfinished walk of an earlier pull ended here."""
        state, done, before = errand.state, errand.walk, errand.state.last
        self._lost(errand, [number for number in errand.near if number not in errand.seen])
        state.last, state.at = max(done.head, state.last), done.at or state.at
        state.walk = None
        errand.is_over = errand.job.last <= state.last or done.head <= before

    def _lost(self, errand: Errand, numbers: Sequence[int]) -> None:
        """Say of running builds that vanished from the server that they did not end."""
        for number in numbers:
            build = errand.state.running.pop(number, None)
            if build:
                context = self._context(errand) | {"gone": [number]}
                body = json.dumps(build, ensure_ascii=False).encode()
                uri = f"{self._http.endpoint.url}/{errand.job.path}/{number}/"
                self._batch.add(uri, body, context)
