"""Jira: issues with what changed in them, sprints, versions and people; Cloud and own servers.

One list of issues is walked, oldest change first. The next page is asked for by the time of the
newest change on this one, so that issues that change meanwhile are met again and none is skipped.
Times go into JQL as milliseconds: a date as text would be read in the time zone of the user.
What the answers mean is in `ingest/parse/jira.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, cast

from pydantic import Field, field_validator

from golive_core.http import Answer, Http, Request
from golive_core.http.paging import next_offset
from ingest.api import ApiOptions, ApiSource, Detail, Position, Walk
from ingest.doctor import told
from ingest.parse import jira, jira_history, jira_words
from ingest.parse.hosted import Hooked
from ingest.parse.rows import instant
from ingest.payload import Parser
from ingest.source import Context, Cursor, Finding, Instance, Stream
from ingest.webhook import signed

BROWSE = "BROWSE_PROJECTS"
SIZE = 100
"""Issues a page, with their changelogs: Cloud gives no more at once."""
BOARDS = 50
"""Boards or sprints a page, which is the most."""
OVERLAP_S = 120.0
"""How far a search goes back behind the newest known change: Jira's index is late by seconds."""
FIELDS = (
    "summary", "description", "issuetype", "status", "resolution", "priority", "labels",
    "components", "fixVersions", "creator", "reporter", "assignee", "parent", "created", "updated",
    "resolutiondate", "duedate", "timeoriginalestimate", "timespent",
)  # fmt: skip
SPRINT_FIELD = "com.pyxis.greenhopper.jira:gh-sprint"
"""The type of the custom field with sprints, whose number differs from site to site."""
SINCE = re.compile(r"updated >= (\d+)(?: AND updated < \d+)? ORDER BY updated ASC$")
ORDER = re.compile(r"\border\s+by\b", re.IGNORECASE)
Json = dict[str, Any]
Kind = Literal["bug", "incident", "requirement", "task", "subtask", "epic", "other"]


class Options(ApiOptions):
    """`[source.<name>]` of a Jira."""

    user: str = ""
    projects: list[str] = Field(default_factory=list[str])
    jql: str = ""
    story_points_field: str = ""
    epic_field: str = ""
    due_field: str = ""
    kinds: dict[str, Kind] = Field(default_factory=dict[str, Kind])
    sprints: bool = True

    @field_validator("jql")
    @classmethod
    def _unordered(cls, value: str) -> str:
        if ORDER.search(value):
            raise ValueError("leave ORDER BY out, the order is set here")
        return value


@dataclass(frozen=True, slots=True)
class Edition:
    """How one edition of Jira is asked; `walk` names its list of issues in the cursor."""

    walk: str
    api: str
    search: str
    following: Callable[[Answer], Request | None]


class Jira(ApiSource):
    """Reads one Jira."""

    type: ClassVar[str] = "jira"
    title: ClassVar[str] = "Jira"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            "issues",
            "issues with their changes, sprints, versions and accounts",
            (
                "core.issues", "core.issue_transitions", "core.sprints", "core.sprint_issues",
                "core.versions", "core.accounts",
            ),
        ),
    )  # fmt: skip
    scopes: ClassVar[tuple[str, ...]] = (
        "read:jira-work", "read:jira-user", "read:board-scope:jira-software",
        "read:sprint:jira-software",
    )  # fmt: skip
    needs: ClassVar[Mapping[str, str]] = {"issues": "read:jira-work and the board scopes"}
    example: ClassVar[str] = """
[source.jira]
type = "jira"
project = "shop"
url = "https://shop.atlassian.net"
user = "bot@example.org"              # Cloud; a server takes a personal token and no user
token = "env:JIRA_TOKEN"
projects = ["SHOP"]                   # keys; all that the user sees if left out
jql = "issuetype != Test"             # which issues, beside projects
story_points_field = "customfield_10016"
epic_field = ""                       # on servers the custom field with the epic's key
kinds = { "Feature request" = "requirement" }   # beside the usual names of issue types
"""
    Options: ClassVar[type[ApiOptions]] = Options
    parsers: ClassVar[Mapping[str, Parser]] = jira.PARSERS

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = Options(**instance.options)

    def verify(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Tell whether a webhook comes from who knows the secret."""
        return verify(headers, body, secret)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hooked]:
        """Return the payloads that a webhook tells of."""
        return parse_webhook(headers, body)

    def http(self) -> Http:
        """Return a client: user and token for Cloud, a token alone for a server."""
        return self.signed_in(self.options, self.options.user)

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by one request whether an issue changed; sprints and versions go with issues."""
        at = Position.of(cursor)
        edition = next((one for one in EDITIONS if one.walk in at.lists), None)
        if edition is None or any(one.next for one in at.lists.values()):
            return True
        with self.http() as http:
            answer = http.fetch(_newest_only(self._search(edition, at, ())))
            return not at.lists[edition.walk].knows(_WALK, answer, 0)

    def walks(self, stream: str, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the issues, then the versions of each project and the sprints of each board."""
        edition = _edition(http)
        yield self._issues(edition, at, http)
        for key in self.options.projects or _projects(http, edition):
            request = Request(f"{edition.api}/project/{key}/versions")
            yield Walk(f"versions of {key}", "versions", request, may_be_gone=True)
        if self.options.sprints:
            yield from _sprints(self._boards(http))

    def check(self) -> Iterator[Finding]:
        """Yield whether the server answers and knows the user."""
        yield from self.checked(Request("rest/api/2/myself"))

    def granted(self, http: Http) -> Iterator[Finding]:
        """Yield the projects that the user may not browse: their issues are left out silently."""
        for key in self.options.projects:
            may = told(http, "rest/api/2/mypermissions", projectKey=key, permissions=BROWSE)
            if may is None or not may["permissions"][BROWSE]["havePermission"]:
                hint = f"Give the user Browse Projects in {key}, or check the key"
                yield Finding("scopes", "failed", f"issues: {key} is not shown to this user", hint)

    def _issues(self, edition: Edition, at: Position, http: Http) -> Walk:
        statuses = jira_words.categories(_objects(http.fetch(Request(f"{edition.api}/status"))))
        fields = _objects(http.fetch(Request(f"{edition.api}/field")))
        sprint = [
            str(one["id"])
            for one in fields
            if jira_words.part(one, "schema").get("custom") == SPRINT_FIELD
        ]
        context = {"statuses": statuses}
        return replace(
            _WALK, name=edition.walk, request=self._search(edition, at, sprint), context=context,
            following=edition.following, details=_long_histories(edition, context),
        )  # fmt: skip

    def _search(self, edition: Edition, at: Position, sprint_fields: Iterable[str]) -> Request:
        own = self.options
        custom = (own.story_points_field, own.epic_field, own.due_field, *sprint_fields)
        since = _millis(at.since(edition.walk, overlap_s=OVERLAP_S))
        until = f" AND updated < {_millis(at.window.end.isoformat())}" if at.window else ""
        quoted = ", ".join(f'"{key}"' for key in own.projects)
        clauses = [f"({own.jql})"] if own.jql else []
        clauses += [f"project in ({quoted})"] if quoted else []
        clauses += [f"updated >= {since}{until} ORDER BY updated ASC"]
        return Request(
            edition.search,
            {
                "jql": " AND ".join(clauses), "fields": ",".join([*FIELDS, *filter(None, custom)]),
                "expand": "changelog", "maxResults": str(SIZE),
            },
        )  # fmt: skip

    def _boards(self, http: Http) -> dict[str, str]:
        """Return the names by id of boards that may have sprints; none without Jira Software."""
        found: dict[str, str] = {}
        for key in self.options.projects or [""]:
            scope = {"projectKeyOrId": key} if key else {}
            first = Request(
                "rest/agile/1.0/board", {"maxResults": str(BOARDS), **scope},
                accepts=frozenset({404}),
            )  # fmt: skip
            for page in http.pages(first, _next_values):
                found |= _names(page)
        return found


def verify(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Tell whether a webhook was signed with the secret (X-Hub-Signature)."""
    named = {name.lower(): value for name, value in headers.items()}
    method, _, signature = named.get("x-hub-signature", "").partition("=")
    return method.lower() == "sha256" and signed(body, secret, signature)


def parse_webhook(headers: Mapping[str, str], body: bytes) -> list[tuple[Json, bytes]]:
    """Return the issue that a webhook tells of, as a payload; nothing for other events."""
    value: object = json.loads(body)
    event = cast("Json", value).get("webhookEvent") if isinstance(value, dict) else None
    wanted = ("jira:issue_created", "jira:issue_updated", "jira:issue_deleted")
    return [({"kind": "hook"}, body)] if event in wanted else []


def _edition(http: Http) -> Edition:
    """Ask which edition answers; servers before 7.10 do not say."""
    kind = http.get_object("rest/api/2/serverInfo").get("deploymentType")
    return CLOUD if kind == "Cloud" else SERVER


def _newest_only(search: Request) -> Request:
    """Return the search for what changed last, and when: what is known may fill the first page."""
    params = {name: search.params[name] for name in ("jql", "maxResults")}
    params["jql"] = params["jql"].removesuffix("ASC") + "DESC"
    return replace(search, params={**params, "fields": "updated"})


def _objects(answer: Answer) -> list[Json]:
    return cast("list[Json]", answer.json())


def _millis(at: str) -> int:
    """Return whole seconds as milliseconds since 1970, as the index of a server keeps them."""
    found = instant(at)
    return int(found.timestamp()) * 1000 if found else 0


def _changed(page: Answer) -> dict[str, str]:
    """Return when each issue of a page changed, in UTC, by id."""
    found = {one["id"]: instant(one["fields"]["updated"]) for one in page.object()["issues"]}
    return {str(key): at.isoformat(timespec="milliseconds") for key, at in found.items() if at}


def _newest(page: Answer) -> str:
    return max(_changed(page).values(), default="")


_WALK = Walk("issues", "issues", Request(""), mark=_newest, versions=_changed)
"""What the lists of issues of all editions share."""


def _later(page: Answer) -> Request | None:
    """Return the request for what changed since the newest change on the page, if that is later."""
    params = dict(page.request.params)
    match = SINCE.search(params["jql"])
    newest = _millis(_newest(page))
    if match is None or newest <= int(match[1]):
        return None
    start, end = match.span(1)
    params["jql"] = f"{params['jql'][:start]}{newest}{params['jql'][end:]}"
    for name in ("startAt", "nextPageToken"):
        params.pop(name, None)
    return replace(page.request, params=params)


def _cloud_next(page: Answer) -> Request | None:
    """Go on by time; by token only where more changed in one second than fits on a page."""
    token = page.object().get("nextPageToken")
    if not token or page.object().get("isLast"):
        return None
    params = {**page.request.params, "nextPageToken": str(token)}
    return _later(page) or replace(page.request, params=params)


def _server_next(page: Answer) -> Request | None:
    """Go on by time; by number only where more changed in one second than fits on a page."""
    more = next_offset(param="startAt", at=("issues",), total=("total",))(page)
    return (_later(page) or more) if more else None


CLOUD = Edition("issues in Cloud", "rest/api/3", "rest/api/3/search/jql", _cloud_next)
SERVER = Edition("issues on a server", "rest/api/2", "rest/api/2/search", _server_next)
EDITIONS = (CLOUD, SERVER)


def _long_histories(edition: Edition, context: Json) -> Callable[[Answer], Iterable[Request]]:
    """Ask for the whole history of issues whose page holds only the newest part of it."""

    def details(page: Answer) -> Iterator[Request]:
        for one in page.object()["issues"]:
            total = int(jira_words.part(one, "changelog").get("total") or 0)
            if total <= len(jira.histories(one)):
                continue
            told = {"issue": one["id"], "sprints": jira_history.sprints(one["fields"]), **context}
            for start in range(0, total, SIZE):
                yield Request(
                    f"{edition.api}/issue/{one['id']}/changelog",
                    {"startAt": str(start), "maxResults": str(SIZE)}, tag=Detail("changelog", told),
                )  # fmt: skip

    return details


def _projects(http: Http, edition: Edition) -> list[str]:
    """Return the keys of the projects that the user sees."""
    if edition is SERVER:
        return [str(one["key"]) for one in _objects(http.fetch(Request(f"{edition.api}/project")))]
    first = Request(f"{edition.api}/project/search", {"maxResults": str(BOARDS)})
    pages = http.pages(first, _next_values)
    return [str(one["key"]) for page in pages for one in page.object()["values"]]


def _next_values(page: Answer) -> Request | None:
    """Go on by number until a page says that it is the last or holds nothing."""
    value = page.object() if page.status in range(200, 300) else {}
    if value.get("isLast", True) or not value.get("values"):
        return None
    return next_offset(param="startAt", at=("values",))(page)


def _names(page: Answer) -> dict[str, str]:
    found = jira_words.parts(page.object(), "values") if page.status in range(200, 300) else []
    return {str(one["id"]): str(one["name"]) for one in found if one.get("type") != "kanban"}


def _sprints(boards: Mapping[str, str]) -> Iterator[Walk]:
    """Yield the sprints of each board; 400 is how a board says that it has none."""
    for board in boards:
        request = Request(
            f"rest/agile/1.0/board/{board}/sprint", {"maxResults": str(BOARDS)},
            accepts=frozenset({400}),
        )  # fmt: skip
        yield Walk(
            f"sprints of board {board}", "sprints", request, _next_values,
            context={"boards": boards}, may_be_gone=True,
        )  # fmt: skip
