"""Buildbot: builders, builds, steps, logs, workers and waiting requests through its REST API v2.

Ended builds are read in the order in which they ended, so that none is missed that ran for long;
those that run come as a list of their own. Steps and logs cost a request a build and a failed
step, since the API has no list of them across builds: `newest` bounds that for the first read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, ClassVar, Literal, cast
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from golive_core.errors import SourceDataError
from golive_core.http import Answer, Http, Request
from golive_core.http.paging import items
from ingest.api import ApiOptions, ApiSource, Detail, Position, Walk
from ingest.parse import buildbot
from ingest.parse.buildbot import FAILED, build_id, builder_of
from ingest.parse.chosen import is_chosen
from ingest.payload import Parser
from ingest.snapshots import is_fresh, snapshot
from ingest.source import Context, Cursor, Finding, Instance, Stream

__all__ = ["Buildbot"]

PAGE = 500
"""Builds of a page. The API has no limit; each costs the server a look at its properties."""
HEADS = 100
"""Newest builds that tell whether there is news."""
LATE_S = 60
"""Masters that share a database have clocks of their own: so far back is asked again."""
GAP = 200
"""Ids that may lie between two that are asked for in one range."""
LINES = 2000
"""Lines of a log that come in one request."""
NO_LOGIN = frozenset({302, 403, 404, 501})
"""Answers to a sign-in: done, or a Buildbot without accounts of its own (a proxy may have some)."""
NOT_NAME = re.compile(r"[^A-Za-z0-9_-]")
Json = dict[str, Any]
ACCEPT = {"Accept": "application/json"}
"""Else it answers in text for people, four times as long."""


class Options(ApiOptions):
    """`[source.<name>]` of a Buildbot."""

    user: str = ""
    include: list[str] = Field(default_factory=lambda: ["*"])
    exclude: list[str] = Field(default_factory=list)
    repository: str = ""
    steps: bool = True
    logs: Literal["failed", "all", "none"] = "failed"
    log_lines: int = Field(10_000, ge=2)
    reports: dict[str, str] = Field(default_factory=dict[str, str])
    newest: int = Field(1000, ge=0)
    state_minutes: int = Field(15, ge=0)


class Buildbot(ApiSource):
    """Reads one Buildbot."""

    type: ClassVar[str] = "buildbot"
    title: ClassVar[str] = "Buildbot"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            "builds", "builders, builds, steps, logs and JUnit reports kept as logs",
            (
                "core.pipelines", "core.builds", "core.stages", "core.log_lines", "core.tests",
                "core.test_results", "core.failures",
            ),
        ),
        Stream("runners", "workers: connected, paused, gone", ("core.runners",)),
        Stream("queue", "build requests that wait for a worker", ("core.queue_items",)),
    )  # fmt: skip
    scopes: ClassVar[tuple[str, ...]] = ("GET of /api/v2, where authz guards it",)
    example: ClassVar[str] = """
[source.buildbot]
type = "buildbot"
project = "shop"
url = "https://buildbot.example.org"
user = "bot"                        # an account of the Buildbot or of the proxy before it;
token = "env:BUILDBOT_PASSWORD"     # without user it is sent as a bearer token
include = ["shop-*"]                # names of builders; all if left out
logs = "failed"                     # logs of steps that failed; "all" or "none"
reports = {"test*" = "junit.xml"}   # step = log that holds a JUnit report
"""
    Options: ClassVar[type[BaseModel]] = Options
    parsers: ClassVar[Mapping[str, Parser]] = buildbot.PARSERS

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = Options(**instance.options)

    def http(self) -> Http:
        """Return a client of the server; with a user it is signed in, which costs a request.

        Buildbot knows its own accounts by a session alone, proxies look at every request.
        """
        http = self.signed_in(self.options, self.options.user)
        if self.options.user:
            try:
                http.fetch(Request("auth/login", accepts=NO_LOGIN, expect="any", follows=False))
            except BaseException:
                http.close()
                raise
        return http

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by one request whether builds began or ended; the other streams are never news."""
        at = Position.of(cursor)
        if cursor is None or any(one.next for one in at.lists.values()):
            return True
        if stream != "builds":
            return False
        params = {"order": "-buildid", "limit": str(HEADS)}
        with self.http() as http:
            heads = _entries(http.fetch(_get("builds", **params, field=["buildid", "complete_at"])))
        return any(_is_news(one, at) for one in heads)

    def is_idle(self, stream: str, at: Position) -> bool:
        """Tell that runners or queue were looked at minutes ago: not even a sign-in is due."""
        return is_fresh(at, stream, self.options.state_minutes)

    def walks(self, stream: str, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the lists of a stream. Builds that run come first: what ends meanwhile is later."""
        match stream:
            case "runners":
                yield snapshot("runners", _get("workers"))
            case "queue":
                pages = _Queue(http)
                waiting = _get("buildrequests", complete="false", claimed="false")
                yield snapshot("queue", waiting, body=pages.body, keys=pages.waiting)
            case _:
                yield Walk("builders", "builders", _get("builders"))
                yield from self._builds(at, _Pages(http))

    def _builds(self, at: Position, pages: _Pages) -> Iterator[Walk]:
        running = _get("builds", complete="false", property="*")
        yield Walk("running", "builds", running, versions=pages.began, body=pages.body)
        if self.options.logs == "all" and not at.window:
            yield from self._growing(at, pages)
        window = {"complete_at__lt": _second(at.window.end)} if at.window else {}
        ended = _get(
            "builds", complete="true", complete_at__ge=_since(at), **window, order="complete_at",
            property="*", limit=str(PAGE), offset="0",
        )  # fmt: skip
        seen = at.lists["ended"].seen if "ended" in at.lists else {}
        yield Walk(
            "ended", "builds", ended, _next_page, mark=_newest, versions=_ended, body=pages.body,
            details=partial(self._details, at, pages, dict(seen)),
        )  # fmt: skip

    def _details(
        self, at: Position, pages: _Pages, seen: Mapping[str, str], page: Answer
    ) -> Iterator[Request]:
        """Yield requests for the steps of the builds that are new on a page."""
        options, entries = self.options, _entries(page)
        if not (options.steps or options.reports or options.logs != "none"):
            return
        known = pages.newest() - options.newest if _is_first(at) and entries else 0
        queued = pages.queued(page)
        for one in entries:
            is_new = one["buildid"] > known and str(one["buildid"]) not in seen
            if is_new and is_chosen(self.instance, builder_of(one)):
                since = queued.get(one["buildrequestid"], one["started_at"])
                told = {"build": build_id(self.instance, one), "queued": since}
                then = partial(self._logs, at, one)
                tag = Detail("steps" if options.steps else "", told, then=then)
                yield _get(f"builds/{one['buildid']}/steps", tag=tag)

    def _logs(self, at: Position, build: Json, page: Answer) -> Iterator[Request]:
        """Yield requests for the logs of the steps of a build, and for the reports among them."""
        has_failed = build.get("results") in FAILED
        for step in _entries(page, "steps"):
            below = f"steps/{step['stepid']}/logs"
            context = self._of_step(build, step)
            is_failed = has_failed and step.get("results") in FAILED
            if self.options.logs == "all" or (self.options.logs == "failed" and is_failed):
                yield _get(below, tag=Detail("", then=partial(self._chunks, at, context)))
            for pattern, log in self.options.reports.items():
                if fnmatchcase(step["name"], pattern):
                    tag = Detail("report", _of_report(build, context))
                    yield _get(f"{below}/{NOT_NAME.sub('_', log[:50])}/contents", tag=tag)

    def _of_step(self, build: Json, step: Json) -> Json:
        """Return what the parser of its logs is told of a step."""
        return {
            "build": build_id(self.instance, build),
            "service": f"{builder_of(build)}/{step['name']}",
            "at": step.get("started_at") or build["started_at"],
        }

    def _chunks(self, at: Position, context: Json, page: Answer) -> Iterator[Request]:
        """Yield requests for the lines of the logs of a step; a long log loses its middle.

        What was read while the build ran is not read again.
        """
        for log in self._kept(page):
            read = int(at.mark(_walk_of(log)) or 0)
            tag = Detail("log", _of_log(log, context))
            for first, end in ranges(log["num_lines"], self.options.log_lines):
                if read < end:
                    yield _lines(log, max(first, read), end, tag)

    def _kept(self, page: Answer) -> Iterator[Json]:
        """Yield the logs of a step that are read line by line: no pages for people, no reports."""
        reports = set(self.options.reports.values())
        for log in _entries(page, "logs"):
            if log["type"] != "h" and log["name"] not in reports:
                yield log

    def _growing(self, at: Position, pages: _Pages) -> Iterator[Walk]:
        """Yield the logs of builds that run, each from where it was read; the end comes later."""
        for build in pages.running:
            if is_chosen(self.instance, builder_of(build)):
                for step in pages.list(f"builds/{build['buildid']}/steps", "steps"):
                    page = pages.fetch(f"steps/{step['stepid']}/logs")
                    for log in self._kept(page):
                        yield self._growth(at, log, self._of_step(build, step))

    def _growth(self, at: Position, log: Json, context: Json) -> Walk:
        name, end = _walk_of(log), min(log["num_lines"], self.options.log_lines // 2)
        read = int(at.mark(name) or 0)

        def following(page: Answer) -> Request | None:
            first = _first_line(page) + LINES
            return _lines(log, first, min(first + LINES, end)) if first < end else None

        return Walk(
            name, "log", _lines(log, read, min(read + LINES, end)), following,
            _of_log(log, context), is_known=read >= end, may_be_gone=True,
            mark=lambda page: f"{min(_first_line(page) + LINES, end):09d}",
        )  # fmt: skip

    def check(self) -> Iterator[Finding]:
        """Yield whether builders can be read, as whom, of which version, and the right time."""
        yield from self.checked(_get("builders", field="name"))

    def granted(self, http: Http) -> Iterator[Finding]:
        """Yield version, user and how many builders are visible."""
        yield from self._told(http)
        yield self._visible(http)

    def _told(self, http: Http) -> Iterator[Finding]:
        """Yield version and user, as the page that configures the web interface has them."""
        try:
            config = http.fetch(Request("config", headers=ACCEPT)).object()
        except SourceDataError as error:
            yield Finding("version", "ok", f"not told ({error.what})")
            return
        versions = dict(cast("list[tuple[str, str]]", config.get("versions") or []))
        user = cast("dict[str, str]", config.get("user") or {})
        name = user.get("username") or user.get("email") or ""
        yield Finding("user", "ok", f"as {name}" if name else "anonymous")
        yield Finding("version", "ok", f"Buildbot {versions.get('Buildbot', '(not told)')}")

    def _visible(self, http: Http) -> Finding:
        found = [one["name"] for one in _entries(http.fetch(_get("builders")), "builders")]
        wanted = [name for name in found if is_chosen(self.instance, name)]
        if wanted:
            return Finding("builders", "ok", f"{len(wanted)} of {len(found)} builders")
        hint = "Look at include and exclude, and at what the user may see"
        return Finding("builders", "warning", f"none of {len(found)} builders", hint)


class _Pages:
    """Adds to a page of builds what their requests and build sets say; asks once a page."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._page: Answer | None = None
        self._requests: list[Json] = []
        self.running: list[Json] = []
        self._newest: int | None = None

    def newest(self) -> int:
        """Return the id of the newest build."""
        if self._newest is None:
            page = self._http.fetch(_get("builds", order="-buildid", limit="1", field="buildid"))
            self._newest = max((int(one["buildid"]) for one in _entries(page)), default=0)
        return self._newest

    def began(self, page: Answer) -> dict[str, str]:
        """Return when the builds of a page that run began, by id, and remember them."""
        self.running = _entries(page)
        return {str(one["buildid"]): f"{one['started_at']:012d}" for one in self.running}

    def fetch(self, path: str) -> Answer:
        """Return a list that a build or step has."""
        return self._http.fetch(_get(path))

    def list(self, path: str, plural: str) -> list[Json]:
        """Return the entries of such a list."""
        return _entries(self.fetch(path), plural)

    def queued(self, page: Answer) -> dict[int, int]:
        """Return when the requests of the builds on a page were submitted, by id."""
        return {one["buildrequestid"]: one["submitted_at"] for one in self._requests_of(page)}

    def body(self, page: Answer) -> bytes:
        """Return the builds of a page together with their requests and build sets."""
        requests = self._requests_of(page)
        sets = self._all("buildsets", "bsid", [one["buildsetid"] for one in requests])
        told = {"builds": _entries(page), "buildrequests": requests, "buildsets": sets}
        return json.dumps(told, ensure_ascii=False).encode()

    def _requests_of(self, page: Answer) -> list[Json]:
        if page is not self._page:
            ids = [one["buildrequestid"] for one in _entries(page)]
            self._requests = self._all("buildrequests", "buildrequestid", ids)
            self._page = page
        return self._requests

    def _all(self, plural: str, key: str, ids: Iterable[int]) -> list[Json]:
        wanted = set(ids)
        asked = (
            _get(plural, **{f"{key}__ge": str(low), f"{key}__le": str(high)})
            for low, high in spans(wanted)
        )
        return [
            one
            for page in self._http.fetch_all(asked)
            for one in _entries(page, plural)
            if one[key] in wanted
        ]


class _Queue:
    """Adds to the waiting requests the names of the builders that they wait for."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._told: Json | None = None

    def body(self, page: Answer) -> bytes:
        return json.dumps(self._of(page), ensure_ascii=False).encode()

    def waiting(self, page: Answer, at: str) -> dict[str, Json]:
        return buildbot.waiting(self._of(page), at)

    def _of(self, page: Answer) -> Json:
        if self._told is None:
            requests = _entries(page, "buildrequests")
            builders = _get("builders", field=["builderid", "name"])
            names = _entries(self._http.fetch(builders), "builders") if requests else []
            self._told = {"buildrequests": requests, "builders": names}
        return self._told


def _get(path: str, *, tag: object = None, **params: str | Sequence[str]) -> Request:
    """Return the request for a list; a parameter may be there several times."""
    query = urlencode(params, doseq=True)
    return Request(f"api/v2/{path}?{query}" if query else f"api/v2/{path}", headers=ACCEPT, tag=tag)


def _entries(page: Answer, plural: str = "builds") -> list[Json]:
    return cast("list[Json]", items(page, (plural,)))


def _next_page(page: Answer) -> Request | None:
    """Return the request for the next page: what ends meanwhile is put behind the last."""
    if len(_entries(page)) < PAGE:
        return None
    head, _, offset = page.request.path.rpartition("&offset=")
    return replace(page.request, path=f"{head}&offset={int(offset) + PAGE}", validators={})


def _mark(one: Json) -> str:
    """Return when a build ended as text that sorts."""
    return f"{one['complete_at']:012d}"


def _newest(page: Answer) -> str:
    return max(map(_mark, _entries(page)), default="")


def _ended(page: Answer) -> dict[str, str]:
    return {str(one["buildid"]): _mark(one) for one in _entries(page)}


def _is_first(at: Position) -> bool:
    """Tell whether nothing was read to its end yet, so that old builds are many."""
    return not at.window and not at.mark("ended")


def _since(at: Position) -> str:
    """Return the second from which ended builds are asked for."""
    if at.window:
        return _second(at.window.start)
    return str(max(0, int(at.mark("ended") or 0) - LATE_S))


def _second(at: Any) -> str:  # noqa: ANN401 - a datetime
    return str(int(at.timestamp()))


def _is_news(one: Json, at: Position) -> bool:
    """Tell whether a build began or ended since the last pull."""
    ended: int | None = one["complete_at"]
    name = "running" if ended is None else "ended"
    seen = at.lists[name].seen if name in at.lists else {}
    is_old = ended is not None and ended < int(_since(at))
    return not is_old and str(one["buildid"]) not in seen


def _of_report(build: Json, context: Json) -> Json:
    return {
        "build": context["build"], "at": context["at"], "ended": build["complete_at"],
        "commit": buildbot.commit_of(build, {}), "branch": buildbot.branch_of(build, {}),
    }  # fmt: skip


def _walk_of(log: Json) -> str:
    """Return the name of the walk of a log that grows, in the cursor."""
    return f"log:{log['logid']}"


def _of_log(log: Json, context: Json) -> Json:
    service = context["service"]
    service = service if log["name"] == "stdio" else f"{service}/{log['name']}"
    return {**context, "service": service, "type": log["type"]}


def _lines(log: Json, first: int, end: int, tag: object = None) -> Request:
    """Return the request for some lines of a log, the first at 0 and the end excluded."""
    path = f"logs/{log['logid']}/contents"
    return _get(path, offset=str(first), limit=str(end - first), tag=tag)


def _first_line(page: Answer) -> int:
    return int(_entries(page, "logchunks")[0]["firstline"])


def ranges(count: int, longest: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of lines, end excluded: all of them, or the first and the last of many."""
    half = longest // 2
    parts = [(0, count)] if count <= longest else [(0, half), (count - (longest - half), count)]
    for start, end in parts:
        for first in range(start, end, LINES):
            yield first, min(first + LINES, end)


def spans(ids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield ranges, both ends included, that hold the ids with gaps of at most `GAP` in them."""
    low = high = None
    for one in sorted(set(ids)):
        if low is None or high is None:
            low = one
        elif one - high > GAP:
            yield low, high
            low = one
        high = one
    if low is not None and high is not None:
        yield low, high
