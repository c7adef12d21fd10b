"""Confluence: pages of spaces or with labels, as plain text; Cloud and own servers.

Pages are searched newest change first, from some time before the newest known change on; what is in
the trash is a second list. What the answers mean is in `ingest/parse/confluence.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field

from golive_core.http import Answer, Http, Request, guessed
from ingest.api import ApiOptions, ApiSource, Position, Walk
from ingest.doctor import hidden
from ingest.parse import confluence
from ingest.parse.rows import instant
from ingest.payload import Parser
from ingest.source import Context, Finding, Instance, Stream

SIZE = 50
"""Pages a request, with their bodies: Cloud gives no more at once."""
OVERLAP_S = 120.0
"""How far a search goes back behind the newest known change: the index is late by seconds."""
ZONES = timedelta(hours=14)
"""A time in CQL is read in the zone of the user, which nobody tells: the farthest is this far."""
EXPAND = "body.storage,version,history,space,metadata.labels"
Json = dict[str, Any]


class Options(ApiOptions):
    """`[source.<name>]` of a Confluence."""

    user: str = ""
    spaces: list[str] = Field(default_factory=list[str])
    labels: list[str] = Field(default_factory=list[str])


class Confluence(ApiSource):
    """Reads one Confluence."""

    type: ClassVar[str] = "confluence"
    title: ClassVar[str] = "Confluence"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream("pages", "pages as plain text", ("core.documents",)),
    )
    scopes: ClassVar[tuple[str, ...]] = ("search:confluence", "read:confluence-content.all")
    needs: ClassVar[Mapping[str, str]] = {"pages": "View on the spaces, and search:confluence"}
    example: ClassVar[str] = """
[source.wiki]
type = "confluence"
project = "shop"
url = "https://shop.atlassian.net/wiki"   # with /wiki for Cloud
user = "bot@example.org"                  # Cloud; a server takes a personal token and no user
token = "env:CONFLUENCE_TOKEN"
spaces = ["SHOP"]                         # keys; all that the user sees if left out
labels = ["runbook"]                      # pages with one of them; all if left out
"""
    Options: ClassVar[type[ApiOptions]] = Options
    parsers: ClassVar[Mapping[str, Parser]] = confluence.PARSERS

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = Options(**instance.options)

    def http(self) -> Http:
        """Return a client: user and token for Cloud, a token alone for a server."""
        return self.signed_in(self.options, self.options.user)

    def walks(self, stream: str, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the pages that changed and those in the trash, which not everybody may see."""
        params = {"expand": EXPAND, "limit": str(SIZE)}
        search = Request("rest/api/content/search", {"cql": self._cql(at), **params})
        known = at.since("pages", overlap_s=OVERLAP_S)
        yield Walk(
            "pages", "pages", search, _next, mark=_newest, versions=_changed,
            stops=lambda page: not at.window and _oldest(page) < known, ahead=guessed(_next),
        )  # fmt: skip
        for space in self.options.spaces or [""]:
            scope = {"spaceKey": space} if space else {}
            trash = Request(
                "rest/api/content", {"type": "page", "status": "trashed", **scope, **params},
                accepts=frozenset({403}),
            )  # fmt: skip
            yield Walk(f"trash of {space}", "pages", trash, _next, may_be_gone=True)

    def check(self) -> Iterator[Finding]:
        """Yield whether the server answers and knows the user."""
        yield from self.checked(Request("rest/api/space", {"limit": "1"}))

    def granted(self, http: Http) -> Iterator[Finding]:
        """Yield the spaces that are not shown: their pages are missing, not refused."""
        for key in self.options.spaces:
            hint = "Check the key, and give the user View on the space"
            yield from hidden(http, f"space {key}", Request(f"rest/api/space/{key}"), hint)

    def _cql(self, at: Position) -> str:
        clauses = ["type = page"]
        for name, values in (("space", self.options.spaces), ("label", self.options.labels)):
            quoted = ", ".join(f'"{value}"' for value in values)
            clauses += [f"{name} in ({quoted})"] if quoted else []
        since = instant(at.since("pages"))
        clauses += [f'lastmodified >= "{_written(since - ZONES)}"'] if since else []
        clauses += [f'lastmodified <= "{_written(at.window.end + ZONES)}"'] if at.window else []
        return " and ".join(clauses) + " order by lastmodified desc"


def _written(at: datetime) -> str:
    """Return a time as CQL takes it."""
    return at.strftime("%Y-%m-%d %H:%M")


def _pages(answer: Answer) -> list[Json]:
    return answer.object().get("results") or []


def _changed(answer: Answer) -> dict[str, str]:
    """Return when each page of a list changed, in UTC, by id."""
    found = {str(one["id"]): instant(one["version"]["when"]) for one in _pages(answer)}
    return {key: at.isoformat(timespec="milliseconds") for key, at in found.items() if at}


def _newest(answer: Answer) -> str:
    return max(_changed(answer).values(), default="")


def _oldest(answer: Answer) -> str:
    return min(_changed(answer).values(), default="")


def _next(answer: Answer) -> Request | None:
    """Follow the link to the next list, which says a number on servers and a cursor in Cloud."""
    links: Json = answer.object().get("_links") or {}
    query = urlsplit(str(links.get("next") or "")).query
    return replace(answer.request, params=dict(parse_qsl(query))) if query else None
