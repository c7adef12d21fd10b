"""Opsgenie: incidents, alerts, who was on call, accounts.

Alerts come by when they changed, as far back as is known; at first, and where more changed than one
search gives, by when they were made. Incidents cannot be sorted by change: one search gives those
that are new and those that are open, and one that is not open any more is asked for by itself.
Turns on call are asked for schedule by schedule, but only if one answer for all of them says that
somebody else is on call than before. Answers are never the same twice (they say how long they
took), so what they say is compared.

Limits: a change of a closed incident is not seen, nor more than 500 open ones. Nobody acknowledges
an incident; its responders are ids, of core.accounts or teams. Of an alert there is no time of
acknowledgement. Turns of the last months are read; a short override is seen at the next handover.
A webhook has no signature: let it send a header with the secret.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from pydantic import BaseModel

from golive_core.errors import SourceDataError
from golive_core.http import Answer, Http, Request
from golive_core.http.paging import dig
from ingest.api import ApiSource, Detail, Position, Walk, WalkState
from ingest.changes import Changes
from ingest.hosted import header
from ingest.parse import opsgenie
from ingest.parse.hosted import Hooked
from ingest.parse.rows import instant
from ingest.payload import Parser
from ingest.source import Context, Cursor, Finding, Instance, Stream
from ingest.streams import StreamOptions

__all__ = ["Opsgenie"]

Json = dict[str, Any]
SIZE = 100
"""Entries of a page, the most that there are."""
LIMIT = 20_000
"""Results of one search that can be had."""
LATE_S = 60.0
"""The search is late: what was made so long before the newest known is looked at again."""
MONTHS = 3
"""How many months before this one turns are read of."""
MADE = Changes(("createdAt",), at="data")
CHANGED = Changes(("updatedAt",), at="data")
OPEN = "~"
"""Stands before the version of what is open: it sorts behind all others and is remembered."""
PATHS = {
    "alerts": "v2/alerts", "incidents": "v1/incidents", "on_call": "v2/schedules/on-calls",
    "accounts": "v2/users",
}  # fmt: skip


class Options(StreamOptions):
    """`[source.<name>]` of Opsgenie; queries are in the words of its search."""

    known: ClassVar[tuple[str, ...]] = tuple(PATHS)
    url: str = "https://api.opsgenie.com"
    incidents: str = ""
    alerts: str = ""
    since: date | None = None


class Opsgenie(ApiSource):
    """Reads one account of Opsgenie."""

    type: ClassVar[str] = "opsgenie"
    title: ClassVar[str] = "Opsgenie"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream("incidents", "incidents", ("core.incidents",)),
        Stream("alerts", "alerts", ("core.alerts",)),
        Stream("on_call", "turns of people on schedules", ("core.on_call",)),
        Stream("accounts", "people of the account", ("core.accounts",)),
    )
    scopes: ClassVar[tuple[str, ...]] = ("Read", "Configuration access")
    example: ClassVar[str] = """
[source.genie]
type = "opsgenie"
project = "shop"
url = "https://api.opsgenie.com"       # https://api.eu.opsgenie.com for accounts of the EU
token = "env:OPSGENIE_KEY"             # the key of an API integration, read only
streams = ["incidents", "alerts"]      # all if left out; a plan may not have incidents
incidents = "priority: (P1 OR P2)"     # which ones, in the words of Opsgenie's search
alerts = "responders: shop"
since = "2026-01-01"                   # what was made before is not read at first
"""
    Options: ClassVar[type[BaseModel]] = Options
    needs: ClassVar[Mapping[str, str]] = dict.fromkeys(PATHS, "read and configuration access")
    parsers: ClassVar[Mapping[str, Parser]] = opsgenie.PARSERS

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = Options(**instance.options)

    def http(self) -> Http:
        """Return a client of the API, with the key if there is one."""
        token = self.secret(self.options.token)
        return self.client(
            self.options, headers={"Authorization": f"GenieKey {token}"} if token else {}
        )

    def walks(self, stream: str, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the lists of a stream."""
        if not self.options.wants(stream):
            return
        match stream:
            case "incidents":
                yield self._incidents(at, _services(http))
            case "alerts":
                yield self._alerts(at)
            case "on_call":
                yield from _on_call(at, datetime.now(UTC))
            case _:
                yield _users()

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by one request whether the first page of a list says something new."""
        at = Position.of(cursor)
        under_way = any(state.next for state in at.lists.values())
        if stream != "incidents" or cursor is None or under_way or not self.options.wants(stream):
            return self.options.wants(stream) and super().has_news(stream, cursor)
        with self.http() as http:
            return self.is_changed(self._incidents(at, {}), at, http)

    def check(self) -> Iterator[Finding]:
        """Yield whether the key is good, what of the streams it may read, and the quota."""
        wanted = [path for name, path in PATHS.items() if self.options.wants(name)]
        yield from self.checked(Request(wanted[0], {"limit": "1"}))

    def verify(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Tell whether a webhook brings the secret: as a token, or as the password of a user."""
        given = header(headers, "authorization")
        scheme, _, value = given.partition(" ")
        if scheme.lower() == "basic":
            value = _password(value)
        elif not value:
            value = given
        return bool(secret) and hmac.compare_digest(value.strip().encode(), secret.encode())

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hooked]:
        """Return the alert that a webhook tells of; nothing for actions that tell no state.

        Raises SourceDataError for a body that is not Opsgenie's.
        """
        found = opsgenie.hooked(body)
        return [({"kind": "alerts"}, json.dumps({"data": [found]}).encode())] if found else []

    def _since(self) -> str:
        return f"{self.options.since}T00:00:00Z" if self.options.since else ""

    def _incidents(self, at: Position, services: Mapping[str, str]) -> Walk:
        """Return the incidents made since the newest known, and the open ones, oldest first."""
        name = "incidents"
        known = at.since(name, overlap_s=LATE_S)
        since = f"createdAt >= {_millis(known or self._since())}"
        wanted = f"({since} OR status: open)" if known and not at.window else since
        query = _all(self.options.incidents, wanted, *_until(at))
        state = at.lists.setdefault(name, WalkState())
        request = Request("v1/incidents", _search("createdAt", "asc", query))
        return Walk(
            name, "incidents", request, partial(_later, query=query),
            {"services": dict(services)}, details=partial(_closed, state), mark=MADE.newest,
            versions=partial(_versions, state),
        )  # fmt: skip

    def _alerts(self, at: Position) -> Walk:
        own, known = self.options.alerts, at.mark("alerts")
        made = [f"createdAt >= {_millis(at.since('alerts') if at.window else self._since())}"]
        query = _all(own, *made, *_until(at))
        history = _search("createdAt", "asc", query)
        newest = _search("updatedAt", "desc", own)
        return Walk(
            "alerts", "alerts", Request("v2/alerts", history if at.window else newest),
            partial(_next_alert, query=query, is_first=not known), mark=_newest_change,
            stops=lambda page: _by_change(page) and CHANGED.until(known)(page), versions=_changes,
        )  # fmt: skip


def _services(http: Http) -> dict[str, str]:
    """Return the names of services by id; none where the key may not see them."""
    request: Request | None = Request(
        "v1/services", {"limit": str(SIZE)}, accepts=frozenset({403, 404})
    )
    found: dict[str, str] = {}
    while request:
        page = http.fetch(request)
        if page.status in request.accepts:
            break
        found |= {str(one["id"]): str(one["name"]) for one in MADE.entries(page)}
        request = _next(page)
    return found


def _search(by: str, order: str, query: str) -> dict[str, str]:
    params = {"limit": str(SIZE), "sort": by, "order": order}
    return {**params, "query": query} if query else params


def _all(own: str, *clauses: str) -> str:
    """Return a query for what fulfils all of the clauses and what is configured."""
    return " AND ".join([*([f"({own})"] if own else []), *clauses])


def _until(at: Position) -> list[str]:
    return [f"createdAt < {_millis(at.window.end.isoformat())}"] if at.window else []


def _millis(at: str) -> int:
    found = instant(at)
    return int(found.timestamp() * 1000) if found else 0


def _is_last(page: Answer) -> bool:
    return not dig(page.json(), ("paging", "next"))


def _next(page: Answer) -> Request | None:
    """Go on by number; raises SourceDataError where no more can be had."""
    if _is_last(page):
        return None
    offset = int(page.request.params.get("offset", "0")) + SIZE
    if offset + SIZE > LIMIT:
        raise SourceDataError(
            f"more than {LIMIT} entries, the rest cannot be asked for", where=page.where,
            hint="Name fewer incidents or alerts by a query, in several sources",
        )  # fmt: skip
    return replace(page.request, params={**page.request.params, "offset": str(offset)})


def _later(page: Answer, *, query: str) -> Request | None:
    """Go on in `query` from when the newest entry of the page was made; by number within one ms."""
    if _is_last(page):
        return None
    later = f"{query} AND createdAt >= {_millis(MADE.newest(page))}"
    if page.request.params["query"] == later:
        return _next(page)
    return replace(page.request, params=_search("createdAt", "asc", later))


def _next_alert(page: Answer, *, query: str, is_first: bool) -> Request | None:
    """Go on by change, or by when alerts were made where that comes to no end in reach."""
    if not _by_change(page):
        return _later(page, query=query)
    offset = int(page.request.params.get("offset", "0"))
    if _is_last(page) or (not is_first and offset + 2 * SIZE <= LIMIT):
        return _next(page)
    return replace(page.request, params=_search("createdAt", "asc", query))


def _by_change(page: Answer) -> bool:
    return page.request.params["sort"] == "updatedAt"


def _newest_change(page: Answer) -> str:
    """Return the newest change; none on pages by creation, which say nothing of what is between."""
    return CHANGED.newest(page) if _by_change(page) else ""


def _changes(page: Answer) -> dict[str, str]:
    return {str(one["id"]): str(one["updatedAt"]) for one in CHANGED.entries(page)}


def _versions(state: WalkState, page: Answer) -> dict[str, str]:
    """Return when the incidents of a page changed; on the last page also which are open no more."""
    found = {
        str(one["id"]): ("" if opsgenie.is_over(one) else OPEN) + str(one["updatedAt"])
        for one in CHANGED.entries(page)
    }
    return found | dict.fromkeys(_over(state, page), "") if _is_last(page) else found


def _over(state: WalkState, page: Answer) -> list[str]:
    """Return the incidents that were open the last time and are not in this walk up to the page."""
    listed = {str(one["id"]) for one in CHANGED.entries(page)} | state.new_seen.keys()
    return [key for key, at in state.seen.items() if at.startswith(OPEN) and key not in listed]


def _closed(state: WalkState, page: Answer) -> Iterator[Request]:
    """Yield requests for incidents that are open no more."""
    for key in _over(state, page) if _is_last(page) else ():
        yield Request(f"v1/incidents/{key}", tag=Detail("incidents"))


def _on_call(at: Position, now: datetime) -> Iterator[Walk]:
    """Yield who is on call now, then the timelines of schedules where that is somebody else."""
    yield Walk(
        "on call now", "on_call_now", Request("v2/schedules/on-calls", {"flat": "true"}),
        keys=_people, essence=_people,
    )  # fmt: skip
    begin, length = _span(at, now)
    params = {"identifierType": "id", "date": begin, **length}
    for key, people in list(at.lists["on call now"].keys.items()):
        name = f"timeline of {key}"
        state = at.lists.get(name, WalkState())
        yield Walk(
            name, "on_call", Request(f"v2/schedules/{key}/timeline", params),
            context={"until": now.isoformat()}, keys=partial(_of_people, people),
            essence=partial(_begun, until=now.isoformat()), may_be_gone=True,
            is_known=bool(state.keys) and state.keys == {"people": people} and not state.next,
        )  # fmt: skip


def _people(page: Answer) -> dict[str, list[str]]:
    """Return who is on call by schedule."""
    return {
        str(one["_parent"]["id"]): sorted(map(str, one.get("onCallRecipients") or ()))
        for one in MADE.entries(page)
    }


def _begun(page: Answer, *, until: str) -> dict[str, Json]:
    return opsgenie.turns(page.object()["data"], until)


def _of_people(people: list[str], _: Answer) -> Json:
    return {"people": people}


def _span(at: Position, now: datetime) -> tuple[str, dict[str, str]]:
    """Return start and length of a timeline: some months and what is left of this one.

    It begins a second after the hour, when no turn begins: one with that start is cut off.
    """
    if at.window:
        days = -(-(at.window.end - at.window.start) // timedelta(days=1))
        begin = at.window.start.replace(second=1, microsecond=0)
        return _zulu(begin), {"interval": str(max(1, days)), "intervalUnit": "days"}
    months = 12 * now.year + now.month - 1 - MONTHS
    begin = datetime(months // 12, months % 12 + 1, 1, 0, 0, 1, tzinfo=UTC)
    return _zulu(begin), {"interval": str(MONTHS + 1), "intervalUnit": "months"}


def _zulu(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _users() -> Walk:
    def keys(page: Answer) -> Json:
        return {str(one["id"]): opsgenie.kept_user(one) for one in MADE.entries(page)}

    request = Request("v2/users", {"limit": str(SIZE), "sort": "createdAt", "order": "asc"})
    return Walk("users", "users", request, _next, keys=keys, essence=MADE.entries)


def _password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
