"""PagerDuty: incidents, who was on call, accounts.

Incidents cannot be asked for by when they changed. Their history is read once, oldest first, each
page from where the last one ended, so that no list is longer than the 10,000 entries that can be
had; from then on the log of the account tells which ones changed, and holds them. When a resolved
incident was acknowledged is in the log alone: where many lie close together their log is read as
one, else incident by incident, whichever takes fewer requests (`lasting`).

Limits: a change that is not logged (a new title) is seen with the next one that is. After a webhook
for the end of an incident it is not known when it was acknowledged until the next poll. `services`
keeps other incidents out of core, the account is read all the same. Turns of schedules that no
escalation policy uses are not told; nor is which turns were planned and then changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from golive_core.errors import SourceDataError
from golive_core.http import Answer, Http, Request
from ingest.api import ApiSource, Detail, Position, Walk
from ingest.changes import Changes
from ingest.hosted import header
from ingest.parse import pagerduty
from ingest.parse.hosted import Hooked, event, part
from ingest.parse.rows import instant
from ingest.payload import Parser
from ingest.source import Context, Finding, Instance, Stream
from ingest.streams import StreamOptions
from ingest.webhook import signed

__all__ = ["Pagerduty"]

Json = dict[str, Any]
SIZE = 100
"""Entries of a page, the most that there are."""
LIMIT = 10_000
"""Entries of one list that can be had."""
RANGE = timedelta(days=180)
"""Incidents can be asked for over six months at most."""
LATE_S = 60.0
"""The log is read again so far back: entries show up late."""
TURN_S = 86_400.0
"""Turns on call are asked for again so far behind the newest known start."""
ENTRIES = 8
"""Entries of the log of an incident, about: it was triggered, notified of, taken, resolved."""
FIRST = {"limit": "1"}
PATHS = {"incidents": "incidents", "on_call": "oncalls", "accounts": "users"}
SHARED = {"limit": str(SIZE), "time_zone": "UTC"}
MADE = Changes(("created_at",), at="incidents")
LOGGED = Changes(("created_at",), at="log_entries")
BEGUN = Changes(("start",), at="oncalls")


class Options(StreamOptions):
    """`[source.<name>]` of PagerDuty; `services` are ids, as in the address of a service."""

    known: ClassVar[tuple[str, ...]] = ("incidents", "on_call", "accounts")
    url: str = "https://api.pagerduty.com"
    scheme: Literal["token", "bearer"] = "token"
    services: list[str] = Field(default_factory=list[str])
    since: date | None = None
    on_call_days: int = Field(90, ge=1)


class Pagerduty(ApiSource):
    """Reads one account of PagerDuty."""

    type: ClassVar[str] = "pagerduty"
    title: ClassVar[str] = "PagerDuty"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream("incidents", "incidents with when they were taken", ("core.incidents",)),
        Stream("on_call", "turns of people on schedules", ("core.on_call",)),
        Stream("accounts", "people of the account", ("core.accounts",)),
    )
    scopes: ClassVar[tuple[str, ...]] = (
        "a read-only API key", "or OAuth: incidents.read", "oncalls.read", "users.read",
    )  # fmt: skip
    example: ClassVar[str] = """
[source.pager]
type = "pagerduty"
project = "shop"
url = "https://api.pagerduty.com"      # https://api.eu.pagerduty.com for accounts of the EU
token = "env:PAGERDUTY_TOKEN"          # a read-only API key
scheme = "token"                       # "bearer" for a token of OAuth
services = ["PIJ90N7"]                 # ids; incidents of all services if left out
since = "2026-01-01"                   # where the history begins; all of it if left out
on_call_days = 90                      # how far back turns are read at first
"""
    Options: ClassVar[type[BaseModel]] = Options
    needs: ClassVar[Mapping[str, str]] = {
        "incidents": "incidents.read", "on_call": "oncalls.read", "accounts": "users.read",
    }  # fmt: skip
    parsers: ClassVar[Mapping[str, Parser]] = pagerduty.PARSERS

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = Options(**instance.options)

    def http(self) -> Http:
        """Return a client of the API, with the token if there is one."""
        token, headers = self.secret(self.options.token), {}
        if token:
            scheme = "Bearer " if self.options.scheme == "bearer" else "Token token="
            headers = {"Authorization": f"{scheme}{token}"}
        accept = {"Accept": "application/vnd.pagerduty+json;version=2"}
        return self.client(self.options, headers={**accept, **headers})

    def walks(self, stream: str, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the lists of a stream."""
        if not self.options.wants(stream):
            return iter(())
        if stream == "incidents":
            return self._incidents(at)
        return iter([self._turns(at) if stream == "on_call" else _users()])

    def check(self) -> Iterator[Finding]:
        """Yield whether the token is good, what of the streams it may read, and the quota."""
        wanted = [path for name, path in PATHS.items() if self.options.wants(name)]
        yield from self.checked(Request(wanted[0], FIRST))

    def verify(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Tell whether a webhook was signed; there is a signature for each of its secrets."""
        given = header(headers, "x-pagerduty-signature").split(",")
        pairs = (one.strip().partition("=") for one in given)
        return any(name == "v1" and signed(body, secret, value) for name, _, value in pairs)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hooked]:
        """Return the incident that a webhook v3 tells of; nothing for other events.

        Raises SourceDataError for a body that is no JSON object.
        """
        found = pagerduty.hooked(part(event(body), "event"))
        if found is None:
            return []
        return [({"kind": "incidents"}, json.dumps({"incident": found}).encode())]

    def _incidents(self, at: Position) -> Iterator[Walk]:
        """Yield what the log says of changes, then the history, unless it was read before.

        The log comes first, so that it begins before the history ends. At first its newest page
        only says where it stands.
        """
        if not at.window:
            since = at.since("changes", overlap_s=LATE_S)
            params = {**SHARED, "include[]": "incidents", **({"since": since} if since else {})}
            yield Walk(
                "changes", "incidents", Request("log_entries", params), _older_entries,
                {"log": True}, details=self._of_log if since else _nothing, mark=LOGGED.newest,
                stops=lambda _: not since, versions=_entries,
            )  # fmt: skip
        history = self._history(at)
        known = at.lists.get("history")
        is_read = bool(known and known.mark and not known.next)
        yield replace(history, is_known=is_read and not at.window)

    def _history(self, at: Position) -> Walk:
        end = at.window.end if at.window else None
        begin = f"{self.options.since}T00:00:00Z" if self.options.since else ""
        begin = _text(at.window.start) if at.window else begin
        params = {**SHARED, "sort_by": "created_at:asc", **_ranged(begin, end)}
        return Walk(
            "history", "incidents", Request("incidents", params), partial(_later, end=end),
            {"log": True}, details=self._of_list, mark=MADE.newest,
        )  # fmt: skip

    def _of_list(self, page: Answer) -> Iterator[Request]:
        return self._logs(MADE.entries(page))

    def _of_log(self, page: Answer) -> Iterator[Request]:
        """Yield the logs of resolved incidents on a page of the log; of references themselves."""
        found = pagerduty.included(LOGGED.entries(page))
        yield from self._logs([one for one in found.values() if "status" in one])
        for key, one in found.items():
            if "status" not in one:
                tag = Detail("incidents", {"log": True}, self._of_one)
                yield Request(f"incidents/{key}", tag=tag)

    def _of_one(self, answer: Answer) -> Iterator[Request]:
        return self._logs([answer.object()["incident"]])

    def _logs(self, found: list[Json]) -> Iterator[Request]:
        """Yield requests for the logs of resolved incidents."""
        wanted = self.options.services
        over = [
            one for one in map(pagerduty.slim, found)
            if pagerduty.is_over(one) and (not wanted or one["service_id"] in wanted)
        ]  # fmt: skip
        together, single = lasting(over)
        if together:
            end = max(_time(one["resolved_at"]) for one in together) + timedelta(seconds=1)
            begin = min(_time(one["started_at"]) for one in together)
            yield _log("log_entries", together, since=_text(begin), until=_text(end))
        for one in single:
            yield _log(f"incidents/{one['id']}/log_entries", [one])

    def _turns(self, at: Position) -> Walk:
        now = datetime.now(UTC)
        since = at.since("turns", overlap_s=TURN_S)
        since = since or _text(now - timedelta(days=self.options.on_call_days))
        until = min(at.window.end, now) if at.window else now
        params = {**SHARED, "since": since, "until": _text(until)}
        return Walk(
            "turns", "on_call", Request("oncalls", params), _next,
            mark=BEGUN.newest, versions=_turn_ends,
        )  # fmt: skip


def lasting(over: list[Json]) -> tuple[list[Json], list[Json]]:
    """Split resolved incidents into those whose log is read as one and those that are asked singly.

    The log of the account over the time of n incidents that began within d seconds and lasted t at
    most holds about n * ENTRIES * (d + t) / d entries, 100 a request: long ones cost less alone.
    """
    took = sorted(over, key=_took_s)
    starts = [_time(one["started_at"]) for one in took]
    span = max(1.0, (max(starts) - min(starts)).total_seconds()) if starts else 1.0

    def cost(count: int) -> float:
        if not count:
            return len(took)
        entries = len(took) * ENTRIES * (span + _took_s(took[count - 1])) / span
        return len(took) - count + max(1.0, entries / SIZE)

    best = min(range(len(took) + 1), key=cost, default=0)
    return took[:best], took[best:]


def _took_s(one: Json) -> float:
    return (_time(one["resolved_at"]) - _time(one["started_at"])).total_seconds()


def _time(text: str) -> datetime:
    return instant(text) or datetime.min.replace(tzinfo=UTC)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _nothing(_: Answer) -> Iterable[Request]:
    return ()


def _log(path: str, of: list[Json], **params: str) -> Request:
    tag = Detail("incidents", {"incidents": of}, following=_older_entries, at="log_entries")
    return Request(path, {**SHARED, **params}, tag=tag)


def _entries(page: Answer) -> dict[str, str]:
    return {str(one["id"]): str(one["created_at"]) for one in LOGGED.entries(page)}


def _turn_ends(page: Answer) -> dict[str, str]:
    """Return the end of each turn of a page; what says nothing of turns is not listed."""
    found = pagerduty.turns(BEGUN.entries(page))
    return {key: str(one.get("end") or "") for key, one in found.items()}


def _with(page: Answer, **params: str) -> Request:
    return replace(page.request, params={**page.request.params, **params})


def _next(page: Answer) -> Request | None:
    """Go on by number; raises SourceDataError where no more can be had."""
    offset = int(page.request.params.get("offset", "0")) + SIZE
    if not page.object().get("more"):
        return None
    if offset + SIZE > LIMIT:
        raise SourceDataError(
            f"more than {LIMIT} entries, the rest cannot be asked for", where=page.where,
            hint="Lower on_call_days, or since, in golive.toml",
        )  # fmt: skip
    return _with(page, offset=str(offset))


def _older_entries(page: Answer) -> Request | None:
    """Go on by number, and from the oldest entry where no more can be had by number."""
    last = int(page.request.params.get("offset", "0")) + 2 * SIZE > LIMIT
    oldest = min((str(one["created_at"]) for one in LOGGED.entries(page)), default="")
    if last and oldest != page.request.params.get("until"):
        return _with(page, until=oldest, offset="0") if page.object().get("more") else None
    return _next(page)


def _ranged(begin: str, end: datetime | None) -> dict[str, str]:
    """Return the parameters for incidents made from `begin` on; at first all, without a range."""
    if not begin:
        return {"date_range": "all"}
    until = _time(begin) + RANGE
    return {"since": begin, "until": _text(min(until, end) if end else until)}


def _later(page: Answer, *, end: datetime | None) -> Request | None:
    """Go on from the newest incident of the page, or from the end of an empty range, until now.

    A second before it, so that nothing of that second is missed; by number where that is no
    progress. Raises SourceDataError where that holds more than can be had.
    """
    params = {name: value for name, value in page.request.params.items() if name != "offset"}
    if not page.object().get("more"):
        return _next_range(page, params, end)
    newest = max(_time(str(one["created_at"])) for one in MADE.entries(page))
    since = newest - timedelta(seconds=1)
    if since > _time(params.get("since", "")):
        params.pop("date_range", None)
        return replace(page.request, params={**params, **_ranged(_text(since), end)})
    return _next(page)


def _next_range(page: Answer, params: dict[str, str], end: datetime | None) -> Request | None:
    until = _time(params.get("until", "")) if "until" in params else None
    now = max(datetime.now(UTC), page.server_time or datetime.now(UTC))
    if until is None or until >= (end or now):
        return None
    return replace(page.request, params={**params, **_ranged(_text(until), end)})


def _users() -> Walk:
    def keys(page: Answer) -> dict[str, Any]:
        return {str(one["id"]): pagerduty.kept_user(one) for one in USERS.entries(page)}

    return Walk("users", "users", Request("users", SHARED), _next, keys=keys)


USERS = Changes((), at="users")
