"""Sources that ask a time series database for values of named queries, window by window.

Time is cut into steps of the query, at multiples of its length since 1970, so that the same step
has the same value whichever window asks for it. The first pull goes back `days`, each later one
begins after the newest step that brought something, and none asks for a step that is not over.
What the server's own clock says is not over is left out of an answer too (`until`, told to the
parser), since a value that is in core stays there. The cursor moves with each window; over windows
without any value it moves only if they are whole ones, so that a database that was away catches up.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar, cast

from pydantic import BaseModel, Field

from golive_core.errors import (
    GoLiveError,
    SourceAuthError,
    SourceDataError,
    SourceError,
    SourceThrottledError,
)
from golive_core.http import Answer, Http, Request
from golive_core.window import Window
from ingest.api import SHAPES, ApiOptions, ApiSource
from ingest.batch import Batch
from ingest.source import Cursor, Finding, Pulled, Stream

POINTS = Stream("points", "values of the configured queries over time", ("core.metric_points",))
REFUSED = frozenset({400, 422})
"""Statuses by which a database says that it does not like a query, and why."""
DAY_S = 86_400
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": DAY_S, "w": 7 * DAY_S, "y": 365 * DAY_S}
DURATION = re.compile(r"(\d+)(ms|[smhdwy])")


class Query(BaseModel, extra="forbid"):
    """One entry of `queries` that has a step of its own."""

    query: str
    step_s: int = Field(ge=1, le=DAY_S)


class MetricOptions(ApiOptions, extra="forbid"):
    """What every `[source.<name>]` of a time series database takes.

    `queries` are the text of a query, or text and step, by the name that their metric gets. `user`
    goes with a password in `token`. `days` is how far back the first pull goes, `delay_s` how long
    values may take to reach the database, `points` how many steps one request asks for.
    """

    user: str = ""
    queries: dict[str, str | Query] = Field(default_factory=dict[str, str | Query])
    step_s: int = Field(60, ge=1, le=DAY_S)
    days: int = Field(7, ge=1, le=3_650)
    delay_s: int = Field(30, ge=0)
    points: int = Field(2_000, ge=1, le=11_000)


OptionsT = TypeVar("OptionsT", bound=MetricOptions)


@dataclass(frozen=True, slots=True)
class Span:
    """What one request asks for: steps of a query from `start` on and before `stop` (epoch s)."""

    name: str
    query: str
    step_s: int
    start: int
    stop: int

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return (self.stop - self.start) // self.step_s


@dataclass(slots=True)
class _Course:
    """Where a pull of points stands: `after` is the newest known step of each query."""

    http: Http
    after: dict[str, int]
    batch: Batch = field(default_factory=Batch)
    errors: list[GoLiveError] = field(default_factory=list[GoLiveError])
    is_moved: bool = False

    def flush(self) -> Pulled:
        """Return what was collected with the cursor."""
        self.is_moved = False
        return self.batch.flush({"after": dict(self.after)}, self.http.requests)


class MetricSource(ApiSource, Generic[OptionsT]):
    """What time series databases share; a source adds `request` and `times`, besides `type`.

    Streams other than POINTS are lists, which a source gives as `walks`.
    """

    is_instant: ClassVar[bool]
    """Tells that a step has the value of its own instant, not of the time up to the next one."""
    kind: str = POINTS.name
    """The kind of its payloads, which chooses their parser."""
    options: OptionsT

    def request(self, span: Span) -> Request:
        """Ask for the values of a span."""
        raise NotImplementedError

    def times(self, answer: Answer) -> Iterable[float]:
        """Return times of values (epoch seconds), the newest among them.

        Raises SourceDataError where the answer says that it is not whole.
        """
        raise NotImplementedError

    def credentials(self, scheme: str = "Bearer") -> dict[str, Any]:
        """Return the arguments of `client` for the token of the options."""
        token = self.secret(self.options.token)
        if self.options.user:
            return {"auth": (self.options.user, token)}
        return {"headers": {"Authorization": f"{scheme} {token}"} if token else {}}

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by one request whether the query that is farthest has a step more."""
        if stream != POINTS.name:
            return super().has_news(stream, cursor)
        if cursor is None:
            return bool(self.options.queries)
        after = _after(cursor)
        first = (next(self.spans(name, after.get(name), None), None) for name in self.queries())
        due = [span for span in first if span]
        if not due:
            return False
        span = max(due, key=lambda one: one.start)
        with self.http() as http:
            answer = http.fetch(self._asked(span))
            return self._newest(answer) is not None

    def pull(
        self, stream: str, *, cursor: Cursor | None, window: Window | None
    ) -> Iterator[Pulled]:
        """Yield values since the last pull or those of the window; a bad query stops no other."""
        if stream != POINTS.name:
            yield from super().pull(stream, cursor=cursor, window=window)
            return
        with self.http() as http:
            course = _Course(http, _after(cursor))
            try:
                for name in self.queries():
                    yield from self._query(course, name, window)
            except GoLiveError as error:
                course.errors.append(error)
            if course.is_moved or not course.batch.is_empty:
                yield course.flush()
            if course.errors:
                raise course.errors[0]

    def check(self) -> Iterator[Finding]:
        """Yield whether the database answers and every query means something to it."""
        yield from self.checked(self.probe())

    def granted(self, http: Http) -> Iterator[Finding]:
        """Yield what the database tells of itself, and whether it understands the queries."""
        yield from self.told(http)
        yield from self._understood(http)

    def _understood(self, http: Http) -> Iterator[Finding]:
        """Yield which queries fail for their last step, or that none does."""
        count = 0
        for name in self.queries():
            try:
                self._newest(http.fetch(self._asked(self._last(name))))
                count += 1
            except SourceThrottledError:
                raise
            except SourceAuthError as error:
                hint = f"The token needs {self.needs.get(POINTS.name, 'read access to it')}"
                yield Finding("scopes", "failed", f"{POINTS.name}: {error.what}", hint)
                return
            except SourceError as error:
                yield Finding("query", "failed", error.what, error.hint)
        if count:
            yield Finding("query", "ok", f"{count} understood")

    def probe(self) -> Request:
        """Return a cheap request that only somebody who may read gets an answer to."""
        raise NotImplementedError

    def told(self, http: Http) -> Iterator[Finding]:
        """Yield what else the database tells of itself: version, how long it keeps values."""
        yield from ()

    def kept(self, seconds: float) -> Finding:
        """Say whether the database keeps values for as long as the first pull goes back."""
        days = seconds / DAY_S
        if 0 < days < self.options.days:
            return Finding(
                "retention", "warning",
                f"the database keeps {days:.3g} days, the first pull asks for {self.options.days}",
                "Keep values longer there, or set days to what it has; pull more often than that",
            )  # fmt: skip
        return Finding("retention", "ok", f"{days:.3g} days" if days else "for ever")

    def queries(self) -> dict[str, Query]:
        """Return the configured queries, each with its step."""
        step = self.options.step_s
        return {
            name: one if isinstance(one, Query) else Query(query=one, step_s=step)
            for name, one in self.options.queries.items()
        }

    def spans(self, name: str, after: int | None, window: Window | None) -> Iterator[Span]:
        """Yield the spans of a query that are over: those after `after`, or of the window."""
        one = self.queries()[name]
        step, stop = one.step_s, self._over(one.step_s, time.time())
        if window:
            start = _up(window.start, step)
            stop = min(stop, _up(window.end, step))
        elif after is None:
            start = stop - self.options.days * DAY_S // step * step
        else:
            start = after + step
        for begin in range(start, stop, self.options.points * step):
            end = min(begin + self.options.points * step, stop)
            yield Span(name, one.query, step, begin, end)

    def _last(self, name: str) -> Span:
        """Return the span of the last step of a query that is over."""
        one = self.queries()[name]
        stop = self._over(one.step_s, time.time())
        return Span(name, one.query, one.step_s, stop - one.step_s, stop)

    def _over(self, step_s: int, now: float) -> int:
        """Return the first step that is not over."""
        last = int(now - self.options.delay_s) // step_s * step_s
        return last + step_s if self.is_instant else last

    def _query(self, course: _Course, name: str, window: Window | None) -> Iterator[Pulled]:
        after = None if window else course.after.get(name)
        try:
            asked = (self._asked(span) for span in self.spans(name, after, window))
            for answer in course.http.fetch_all(asked):
                self._take(course, answer)
                if course.batch.is_full:
                    yield course.flush()
        except SourceDataError as error:
            course.errors.append(error)

    def _take(self, course: _Course, answer: Answer) -> None:
        """Keep an answer that has values and note how far the query is known."""
        span: Span = answer.request.tag
        newest, until = self._newest(answer), self._until(answer)
        if newest is not None:
            course.batch.add(
                answer.url, answer.body,
                {"kind": self.kind, "name": span.name, "query": span.query,
                 "step_s": span.step_s, "start": span.start, "until": until},
                answer.media_type or "application/json",
            )  # fmt: skip
        elif span.steps == self.options.points and until == span.stop:
            newest = span.stop - span.step_s
        if newest is not None and newest > course.after.get(span.name, 0):
            course.after[span.name], course.is_moved = newest, True

    def _asked(self, span: Span) -> Request:
        request = self.request(span)
        return replace(request, tag=span, accepts=request.accepts | REFUSED)

    def _until(self, answer: Answer) -> int:
        """Return before which time the values of an answer are final."""
        span: Span = answer.request.tag
        clock = answer.server_time
        over = self._over(span.step_s, clock.timestamp()) if clock else span.stop
        return min(span.stop, over)

    def _newest(self, answer: Answer) -> int | None:
        """Return the newest final step that has a value; raises SourceDataError."""
        span: Span = answer.request.tag
        if answer.status in REFUSED:
            raise refused(answer, reason(answer))
        try:
            newest = max(self.times(answer), default=None)
        except SHAPES as error:
            raise SourceDataError(
                f"not what {self.type} should say ({error!r}): {answer.start()}",
                where=answer.where,
                hint="Let `url` name the database itself, not its page for people",
            ) from error  # fmt: skip
        if newest is not None and not self.is_instant and newest >= span.stop:
            raise refused(answer, 'a value is later than the range; in Flux add timeSrc: "_start"')
        until = self._until(answer)
        if newest is None or until <= span.start:
            return None
        return min(int(newest) // span.step_s * span.step_s, until - span.step_s)


def refused(answer: Answer, why: str) -> SourceDataError:
    """Return the error for a query that the database does not answer."""
    span: Span = answer.request.tag
    return SourceDataError(
        f"query {span.name!r} was refused: {why}", where=answer.where,
        hint=f"Mend queries.{span.name} in golive.toml; it reads: {span.query}",
    )  # fmt: skip


def reason(answer: Answer) -> str:
    """Return what an answer says is wrong, in the words of its JSON if it is some."""
    try:
        told = answer.json()
    except SourceDataError:
        return answer.start()
    if isinstance(told, Mapping):
        known = cast("Mapping[str, object]", told)
        return str(known.get("error") or known.get("message") or answer.start())
    return answer.start()


def seconds(text: str) -> float:
    """Return the seconds of a duration such as `15d` or `720h0m0s`; 0 where there is none.

    A size beside it, as in `15d or 10GiB`, is left out.
    """
    found = DURATION.findall(text.partition(" or ")[0])
    return sum(int(count) * UNITS[unit] for count, unit in found)


def _after(cursor: Cursor | None) -> dict[str, int]:
    return dict(cursor["after"]) if cursor else {}


def _up(at: datetime, step_s: int) -> int:
    """Return the first step at or after a time."""
    return -(-int(at.timestamp()) // step_s) * step_s
