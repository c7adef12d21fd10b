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

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic import BaseModel, Field, field_validator

from golive_core.errors import SourceError
from golive_core.http import Endpoint, Http, Request, Retry
from golive_core.settings import resolve
from golive_core.window import Window
from ingest import doctor
from ingest.clock import clock
from ingest.doctor import SHAPES
from ingest.payload import Parser, parsed
from ingest.source import Context, Cursor, Finding, Instance, Parsed, Pulled, Stream, Unit
from ingest.walk import GONE, Detail, Position, Walk, WalkState, digest, last_page, no_details
from ingest.walking import Walking, first_request

__all__ = [
    "SHAPES",
    "UNIT_BYTES",
    "ApiOptions",
    "ApiSource",
    "Detail",
    "Position",
    "Walk",
    "WalkState",
    "digest",
    "last_page",
    "no_details",
]

if TYPE_CHECKING:
    import httpx  # slow to import, see golive_core/http/client.py

UNIT_BYTES = 4 * 1024**2
"""Payloads of one kind that are parsed together."""
PROBED_LISTS = 10
"""Lists of a stream that doctor looks at: of many repositories, the first."""


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


class ApiSource:
    """What sources of JSON APIs share; a source adds `type` and so on, `http`, `walks`, `parsers`.

    `_http` is closed by who asked for it.
    """

    type: ClassVar[str]
    streams: ClassVar[tuple[Stream, ...]]
    parsers: ClassVar[Mapping[str, Parser]]
    needs: ClassVar[Mapping[str, str]] = {}
    """What a token needs for a stream, by its name, in the words of the system."""
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
        auth: tuple[str, str] | httpx.Auth | None = None, path: str = "",
    ) -> Http:  # fmt: skip
        """Return a client of the server of `options`, at `path` below its url."""
        return Http(
            Endpoint(
                options.url + path, where=self.instance.name, auth=auth, headers=headers or {},
                in_flight=options.in_flight, per_second=options.per_second,
                timeout_s=options.timeout_s, max_body_bytes=options.max_body_mib * 1024**2,
                ca=self.context.base / options.ca if options.ca else None,
                verify=options.verify, proxy=options.proxy, retry=self.retry,
                home=self.context.home,
            )
        )  # fmt: skip

    def signed_in(
        self, options: ApiOptions, user: str = "", *, headers: Mapping[str, str] | None = None
    ) -> Http:
        """Return a client that sends the token: as the password of `user`, else as a bearer."""
        token, more = self.secret(options.token), dict(headers or {})
        if token and user:
            return self.client(options, auth=(user, token), headers=more)
        if token:
            more["Authorization"] = f"Bearer {token}"
        return self.client(options, headers=more)

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
        answer = http.fetch(first_request(walk, state))
        is_gone = answer.status in walk.request.accepts | GONE
        return not (answer.is_unchanged or is_gone or state.knows(walk, answer, 0))

    def is_idle(self, stream: str, at: Position) -> bool:
        """Tell without asking that a pull has nothing to ask for; a source may give its own."""
        return False

    def pull(
        self, stream: str, *, cursor: Cursor | None, window: Window | None
    ) -> Iterator[Pulled]:
        """Yield what is new; a list that cannot be read stops no other, its error comes last."""
        at = Position.of(cursor, window)
        if self.is_idle(stream, at):
            return
        with self.http() as http:
            yield from Walking(http, at).run(self.walks(stream, at, http))

    def plan(self, payloads: pl.DataFrame) -> Iterable[Unit]:
        """Yield units of one kind of payload and about UNIT_BYTES, in the order received.

        Kinds that have their first word in common (`branches` and `branches.gone`) come in one
        unit: they tell of the same things, so the later one has to be parsed later.
        """
        whole = payloads["context"].str.json_path_match("$.kind")
        kinds = whole.str.split(".").list.first().alias("kind")
        for (kind,), part in payloads.with_columns(kinds).group_by("kind", maintain_order=True):
            number = (part["size_bytes"].cum_sum() // UNIT_BYTES).alias("unit")
            for _, unit in part.with_columns(number).group_by("unit", maintain_order=True):
                stream = unit["stream"][0] if "stream" in unit else self.streams[0].name
                yield Unit(stream, unit.drop("kind", "unit"), {"kind": kind})

    def parse(self, unit: Unit) -> Iterator[Parsed]:
        """Yield core rows of the unit; an answer that is not what it should be is rejected."""
        yield from parsed(unit.payloads, self.instance, self.parsers)

    def checked(self, request: Request, *, who: str = "") -> Iterator[Finding]:
        """Yield what doctor says of every server: reachable, authorised, clock, scopes and quota.

        `request` is one that any user who may sign in may send. A source declares what its streams
        need (`needs`) and what only its system can tell (`granted`).
        """
        try:
            with self.http() as http:
                http.limits.may_use_reserve = True
                answer = http.fetch(request)
                yield Finding("reachable", "ok", answer.url.partition("?")[0])
                yield Finding("authorised", "ok", who or "the answer is data")
                yield clock(answer, datetime.now(UTC))
                yield from doctor.expiry(answer.headers.get(doctor.EXPIRES_HEADER, ""))
                yield from doctor.scopes(http, self.streams, self.probes, self.needs)
                yield from doctor.guarded(self.granted(http))
                yield doctor.quota(http)
        except SourceError as error:
            yield doctor.failed(error)

    def granted(self, http: Http) -> Iterator[Finding]:
        """Yield what only this system can tell: permissions, things that are not shown."""
        yield from ()

    def probes(self, stream: str, http: Http) -> Iterator[Request]:
        """Yield a request for the first page of each kind of list of a stream.

        A source whose streams are no lists gives its own, or none.
        """
        at, kinds = Position(), set[str]()
        try:
            for walk in islice(self.walks(stream, at, http), PROBED_LISTS):
                state = at.lists.setdefault(walk.name, WalkState())
                if walk.kind not in kinds and not walk.is_known:
                    kinds.add(walk.kind)
                    yield first_request(walk, state)
        except NotImplementedError:
            return
