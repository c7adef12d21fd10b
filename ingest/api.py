"""Sources that read a JSON API list by list: paging, resuming, conditional requests, deletions.

A source says which lists there are (`walks`) and what its payloads mean (`parsers`); how they are
walked is here. Each page is one payload, together with what the page entails (`details`), and the
cursor moves with the page, so that a pull that was killed goes on in the middle of a list.

Lists change while they are walked. Newest first by change time is safe with page numbers, since
what changes meanwhile moves to the front: pages overlap, nothing is skipped (`stops` ends the walk
at what is known). Oldest first is safe only if the next page is asked for by time or key
(`golive_core.http.paging.next_cursor`), never by number. Lists that are asked for since a time show
the newest known entries again: `versions` tells them from news.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from pydantic import BaseModel, Field, field_validator

from golive_core.errors import (
    GoLiveError,
    SourceAuthError,
    SourceDataError,
    SourceError,
    SourceThrottledError,
    SourceUnreachableError,
)
from golive_core.http import (
    Ahead,
    Answer,
    Endpoint,
    Following,
    Http,
    PagesAhead,
    Request,
    Retry,
    linked,
)
from golive_core.http.paging import items
from golive_core.settings import resolve
from golive_core.window import Window
from ingest.batch import Batch
from ingest.parse.rows import instant
from ingest.payload import Parser, parsed
from ingest.source import Context, Cursor, Finding, Instance, Parsed, Pulled, Stream, Unit

GONE = frozenset({404, 410})
"""Statuses that say that a thing is not there (any more), which is an answer."""
SHAPES = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading a page raises that is JSON of another shape, such as a message about an error."""
UNIT_BYTES = 4 * 1024**2
"""Payloads of one kind that are parsed together."""
KNOWN = 500
"""Entries of a list with `versions` that the cursor remembers, the newest ones."""
SKEW_S = 60.0
"""Clocks that differ by less are taken for equal: a Date header has whole seconds and travels."""
Json = dict[str, Any]


class ApiOptions(BaseModel, extra="forbid"):
    """What every `[source.<name>]` of a server takes."""

    url: str
    token: str = ""
    in_flight: int = Field(4, ge=1, le=32)
    per_second: float = Field(0.0, ge=0)
    timeout_s: float = Field(30.0, gt=0)
    max_body_mib: int = Field(256, ge=1)
    ca: Path | None = None
    verify: bool = True
    proxy: str | None = None

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("begin it with https:// or http://")
        return value.rstrip("/")


def last_page(_: Answer) -> None:
    """End after this page: the `following` of a list that comes whole."""


def no_details(_: Answer) -> Iterable[Request]:
    """Ask for nothing more: the `details` of a list whose pages say everything."""
    return ()


@dataclass(frozen=True, slots=True)
class Walk:
    """One list, walked page by page.

    `name` stands for the list in the cursor and stays the same from pull to pull. `kind` chooses
    the parser of its pages and `context` is what the parser is told beside the body. `details`
    gives further requests that a page entails, each tagged with a `Detail`. `mark` is the newest
    change time (or id) on a page, as text that sorts; `stops` tells from a page that what follows
    is known. `keys` is for lists that are always walked whole: what they name and what is to be
    remembered of it, so that what is missing the next time is told to the parser of `<kind>.gone`.
    `versions` is for lists that are asked for since a time: what a page names with its change time
    as text that sorts. A page that names nothing new is not kept. `ahead` tells of pages behind
    the next one, which are fetched meanwhile where the walk will want them.
    """

    name: str
    kind: str
    request: Request
    following: Following = last_page
    context: Mapping[str, Any] = field(default_factory=dict[str, Any])
    details: Callable[[Answer], Iterable[Request]] = no_details
    mark: Callable[[Answer], str] | None = None
    stops: Callable[[Answer], bool] | None = None
    keys: Callable[[Answer], Mapping[str, Any]] | None = None
    versions: Callable[[Answer], Mapping[str, str]] | None = None
    ahead: Ahead = linked
    may_be_gone: bool = False
    """Tells that a 404 is an answer: the list is of a thing that was found, not one configured."""
    is_known: bool = False
    """Tells that nothing changed: it is not asked for, what the cursor knows of it stays."""


@dataclass(frozen=True, slots=True)
class Detail:
    """The tag of a request in `details`: which parser takes the answer, and what it is told.

    `then` gives what the answer entails in turn, each tagged likewise. Where the answer is a list
    whose parser has to see all of it, `following` tells its further pages and `at` where in a page
    it is (empty if the page is the list): all become one payload.
    """

    kind: str
    context: Mapping[str, Any] = field(default_factory=dict[str, Any])
    then: Callable[[Answer], Iterable[Request]] = no_details
    following: Following = last_page
    at: str = ""


@dataclass(slots=True)
class WalkState:
    """What the cursor remembers of one list; `next` and the `new_*` are of a walk under way."""

    mark: str = ""
    pages: list[str] = field(default_factory=list[str])
    validators: dict[str, str] = field(default_factory=dict[str, str])
    keys: Json = field(default_factory=dict[str, Any])
    seen: dict[str, str] = field(default_factory=dict[str, str])
    next: Json | None = None
    new_mark: str = ""
    new_pages: list[str] = field(default_factory=list[str])
    new_keys: Json = field(default_factory=dict[str, Any])
    new_seen: dict[str, str] = field(default_factory=dict[str, str])

    def to_json(self) -> Json:
        """Return the fields that are not empty."""
        cells = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in cells.items() if value}

    def finish(self) -> None:
        """Make what the walk found the state of the list; pages behind its end stay."""
        self.mark = max(self.mark, self.new_mark)
        self.pages = [*self.new_pages, *self.pages[len(self.new_pages) :]]
        self.keys, self.next = self.new_keys, None
        self.seen = newest(self.seen | self.new_seen)
        self.new_mark, self.new_pages, self.new_keys, self.new_seen = "", [], {}, {}

    def knows(self, walk: Walk, answer: Answer, number: int) -> bool:
        """Tell whether page `number` says nothing that the last walk did not say."""
        if walk.versions:
            return walk.versions(answer).items() <= self.seen.items()
        return self.pages[number : number + 1] == [digest(answer.body)]

    def remember(self, walk: Walk, answer: Answer) -> None:
        """Note what the page was, for the next walk."""
        if walk.versions:
            self.new_seen = newest(self.new_seen | dict(walk.versions(answer)))
        else:
            self.new_pages.append(digest(answer.body))


@dataclass(frozen=True, slots=True)
class Position:
    """Where a pull stands: what `walks` may know. With `window` nothing else is known."""

    lists: dict[str, WalkState] = field(default_factory=dict[str, WalkState])
    window: Window | None = None

    @classmethod
    def of(cls, cursor: Cursor | None, window: Window | None = None) -> Position:
        """Return the position that a cursor stores."""
        stored: Mapping[str, Json] = (cursor or {}).get("lists", {}) if not window else {}
        return cls({name: WalkState(**cells) for name, cells in stored.items()}, window)

    def mark(self, name: str) -> str:
        """Return the mark that the last whole walk of a list reached, empty before the first."""
        return self.lists[name].mark if name in self.lists else ""

    def since(self, name: str, *, overlap_s: float = 0.0) -> str:
        """Return the ISO time from which changes are to be asked for, empty for all of them.

        `overlap_s` goes further back: clocks of one server differ, and pages show what was
        committed later with an earlier time. With a window it is the window's start.
        """
        if self.window:
            return self.window.start.isoformat().replace("+00:00", "Z")
        at = instant(self.mark(name))
        if at is None:
            return ""
        return (at - timedelta(seconds=overlap_s)).isoformat().replace("+00:00", "Z")

    def to_json(self) -> Json:
        """Return the cursor."""
        return {"lists": {name: one.to_json() for name, one in self.lists.items()}}


class ApiSource:
    """What sources of JSON APIs share; a source adds `type` and so on, `http`, `walks`, `parsers`.

    `_http` is closed by who asked for it.
    """

    type: ClassVar[str]
    streams: ClassVar[tuple[Stream, ...]]
    parsers: ClassVar[Mapping[str, Parser]]
    retry: ClassVar[Retry] = Retry()

    def __init__(self, instance: Instance, context: Context) -> None:
        self.instance, self.context = instance, context

    def http(self) -> Http:
        """Return a client of the instance; a source gives its own."""
        raise NotImplementedError

    def walks(self, stream: str, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the lists of a stream; a source gives its own. Requests that it needs are few."""
        raise NotImplementedError

    def client(
        self, options: ApiOptions, *, headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None, path: str = "",
    ) -> Http:  # fmt: skip
        """Return a client of the server of `options`, at `path` below its url."""
        return Http(
            Endpoint(
                options.url + path, where=self.instance.name, auth=auth, headers=headers or {},
                in_flight=options.in_flight, per_second=options.per_second,
                timeout_s=options.timeout_s, max_body_bytes=options.max_body_mib * 1024**2,
                ca=self.context.base / options.ca if options.ca else None,
                verify=options.verify, proxy=options.proxy, retry=self.retry,
            )
        )  # fmt: skip

    def signed_in(self, options: ApiOptions, user: str = "") -> Http:
        """Return a client that sends the token: as the password of `user`, else as a bearer."""
        token = self.secret(options.token)
        if token and user:
            return self.client(options, auth=(user, token))
        return self.client(options, headers={"Authorization": f"Bearer {token}"} if token else {})

    def secret(self, reference: str) -> str:
        """Return the secret that `env:NAME` or `file:PATH` stands for, empty for none."""
        return resolve(reference, base=self.context.base) if reference else ""

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by one request, for the first page of the first list, whether it changed.

        A source whose other lists can change without the first gives its own.
        """
        at = Position.of(cursor)
        if cursor is None or any(one.next for one in at.lists.values()):
            return True
        with self.http() as http:
            walk = next(self.walks(stream, at, http), None)
            if walk is None:
                return False
            return self.is_changed(walk, at, http)

    def is_changed(self, walk: Walk, at: Position, http: Http) -> bool:
        """Tell by one request whether the first page of a list is another than last time."""
        state = at.lists.get(walk.name, WalkState())
        answer = http.fetch(_first(walk, state))
        is_gone = answer.status in walk.request.accepts | GONE
        return not (answer.is_unchanged or is_gone or state.knows(walk, answer, 0))

    def pull(
        self, stream: str, *, cursor: Cursor | None, window: Window | None
    ) -> Iterator[Pulled]:
        """Yield what is new; a list that cannot be read stops no other, its error comes last."""
        at = Position.of(cursor, window)
        with self.http() as http:
            yield from _Pull(http, at).run(self.walks(stream, at, http))

    def plan(self, payloads: pl.DataFrame) -> Iterable[Unit]:
        """Yield units of one kind of payload and about UNIT_BYTES, in the order received."""
        kinds = payloads["context"].str.json_path_match("$.kind").alias("kind")
        for (kind,), part in payloads.with_columns(kinds).group_by("kind", maintain_order=True):
            number = (part["size_bytes"].cum_sum() // UNIT_BYTES).alias("unit")
            for _, unit in part.with_columns(number).group_by("unit", maintain_order=True):
                stream = unit["stream"][0] if "stream" in unit else self.streams[0].name
                yield Unit(stream, unit.drop("kind", "unit"), {"kind": kind})

    def parse(self, unit: Unit) -> Iterator[Parsed]:
        """Yield core rows of the unit; an answer that is not what it should be is rejected."""
        yield from parsed(unit.payloads, self.instance, self.parsers)

    def checked(self, request: Request, *, who: str = "") -> Iterator[Finding]:
        """Yield what doctor says after one request: reachable, authorised and the clock.

        A source with more to tell (scopes, quota) asks itself and yields further findings.
        """
        try:
            with self.http() as http:
                answer = http.fetch(request)
        except SourceError as error:
            name = "authorised" if isinstance(error, SourceAuthError) else "reachable"
            yield Finding(name, "failed", f"{error.where}: {error.what}", error.hint)
            return
        yield Finding("reachable", "ok", answer.url.partition("?")[0])
        yield Finding("authorised", "ok", who or "the answer is data")
        yield clock(answer, datetime.now(UTC))


def clock(answer: Answer, now: datetime) -> Finding:
    """Compare the server's clock with ours; the times of both end up in one table."""
    theirs = answer.server_time
    if theirs is None:
        return Finding("clock", "warning", "the server does not tell its time")
    skew_s = (theirs - now).total_seconds()
    if abs(skew_s) <= SKEW_S:
        return Finding("clock", "ok", f"{abs(skew_s):.0f} s apart")
    side = "ahead of" if skew_s > 0 else "behind"
    return Finding(
        "clock", "warning", f"the server is {abs(skew_s):.0f} s {side} this machine",
        "Let both follow the same time server (NTP)",
    )  # fmt: skip


class _Pull:
    """One pull of one stream."""

    def __init__(self, http: Http, at: Position) -> None:
        self._http, self._at, self._batch = http, at, Batch()
        self._pages = PagesAhead(http)
        self._errors: list[GoLiveError] = []
        self._is_changed = False

    def run(self, walks: Iterator[Walk]) -> Iterator[Pulled]:
        asked: set[str] = set()
        try:
            for walk in walks:
                asked.add(walk.name)
                if not walk.is_known:
                    yield from self._walk(walk)
                self._pages.forget()
            for name in self._at.lists.keys() - asked:
                del self._at.lists[name]
        except GoLiveError as error:
            self._errors.append(error)
        if not self._batch.is_empty or self._is_changed:
            yield self._flush()
        if self._errors:
            raise self._errors[0]

    def _walk(self, walk: Walk) -> Iterator[Pulled]:
        state = self._at.lists.setdefault(walk.name, WalkState())
        is_first = state.next is None
        request = _first(walk, state) if is_first else Request(**(state.next or {}))
        while request:
            try:
                answer, request = yield from self._page(walk, state, request)
            except (SourceThrottledError, SourceUnreachableError):
                raise
            except GoLiveError as error:
                self._errors.append(error)
                return
            if answer is None:
                return
            if is_first:
                state.validators, is_first = answer.validators, False
            state.next = {"path": request.path, "params": dict(request.params)} if request else None
            if request is None:
                self._finish(walk, state)
            if self._batch.is_full:
                yield self._flush()

    def _page(
        self, walk: Walk, state: WalkState, request: Request
    ) -> Generator[Pulled, None, tuple[Answer | None, Request | None]]:
        """Return a page that was taken and the request for the next; nothing if none is there.

        Raises SourceDataError for a page of another shape than the source reads.
        """
        answer = self._pages.fetch(request)
        if answer.is_unchanged or answer.status in walk.request.accepts | GONE:
            return None, None
        try:
            if self._goes_on(walk, state, answer):
                self._pages.expect(_expected(walk, answer))
            yield from self._take(walk, state, answer)
            ends = walk.stops is not None and walk.stops(answer)
            return answer, None if ends else walk.following(answer)
        except SHAPES as error:
            raise SourceDataError(
                f"not what this list should say ({error!r}): {answer.start()}", where=answer.where,
                hint="Open that address in a browser to see what answers there",
            ) from error  # fmt: skip

    def _goes_on(self, walk: Walk, state: WalkState, answer: Answer) -> bool:
        """Tell whether the walk takes the list whole, so that no page is fetched in vain."""
        ends = walk.stops is not None and (state.mark or self._at.window or walk.stops(answer))
        return not ends

    def _take(self, walk: Walk, state: WalkState, answer: Answer) -> Iterator[Pulled]:
        """Keep a page with its details, unless the last walk had the very same page there."""
        if walk.mark:
            state.new_mark = max(state.new_mark, walk.mark(answer))
        if walk.keys:
            state.new_keys |= walk.keys(answer)
        if not state.knows(walk, answer, len(state.new_pages)):
            yield from self._details(walk.details(answer))
            self._batch.add(answer.url, answer.body, {"kind": walk.kind, **walk.context})
        state.remember(walk, answer)

    def _details(self, wanted: Iterable[Request]) -> Iterator[Pulled]:
        """Keep what a page entails; a batch that is full before its end moves no cursor."""
        asked = (replace(one, accepts=one.accepts | GONE) for one in wanted)
        for one in self._http.fetch_all(asked):
            if one.status in one.request.accepts:
                continue
            tag: Detail = one.request.tag
            body = _whole(self._http, one, tag)
            self._batch.add(one.url, body, {"kind": tag.kind, **tag.context})
            yield from self._details(tag.then(one))
            if self._batch.is_full:
                yield self._flush()

    def _finish(self, walk: Walk, state: WalkState) -> None:
        gone = {key: known for key, known in state.keys.items() if key not in state.new_keys}
        if gone and walk.keys:
            context = {"kind": f"{walk.kind}.gone", **walk.context}
            self._batch.add(f"{walk.request.path}#gone", json.dumps(gone).encode(), context)
        before = state.to_json()
        state.finish()
        self._is_changed |= before != state.to_json()

    def _flush(self) -> Pulled:
        self._is_changed = False
        return self._batch.flush(self._at.to_json(), self._http.requests)


def _first(walk: Walk, state: WalkState) -> Request:
    """Return the request for the first page, answered 304 if it is as it was.

    A list of several pages that is walked whole may have changed behind its first page.
    """
    accepts = walk.request.accepts | GONE if walk.may_be_gone else walk.request.accepts
    is_whole = walk.keys is not None and len(state.pages) > 1
    return replace(walk.request, validators={} if is_whole else state.validators, accepts=accepts)


def _expected(walk: Walk, answer: Answer) -> Iterator[Request]:
    """Yield the page after this one and those behind it, nothing where the page is odd.

    What is odd is told when the page itself has been kept.
    """
    try:
        following = walk.following(answer)
        if following is not None:
            yield following
            ahead = iter(walk.ahead(answer))
            yield from ahead if next(ahead, None) == following else ()
    except (GoLiveError, *SHAPES):
        return


def _whole(http: Http, first: Answer, tag: Detail) -> bytes:
    """Return the body of a detail; a list of several pages as if it had come on one."""
    request, at = tag.following(first), (tag.at,) if tag.at else ()
    if request is None:
        return first.body
    found = list(items(first, at))
    for page in http.pages(request, tag.following):
        found += items(page, at)
    return json.dumps({tag.at: found} if tag.at else found).encode()


def newest(versions: Mapping[str, str]) -> dict[str, str]:
    """Return the KNOWN entries with the newest versions."""
    return dict(sorted(versions.items(), key=lambda one: (one[1], one[0]))[-KNOWN:])


def digest(body: bytes) -> str:
    """Return 16 hexadecimal digits that stand for a body."""
    return hashlib.sha256(body).hexdigest()[:16]
