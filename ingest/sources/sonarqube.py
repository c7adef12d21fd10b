"""SonarQube and SonarCloud: measures over time, quality gates, issues, hotspots and users.

Two streams, each with news that one request sees: analyses (projects, newest analysis first) and
findings (issues, newest change first). A search gives no more than its first 10,000 results; where
there are more, issues are walked by the time of their creation, each page from where the last one
ended. What the answers mean is in `ingest/parse/sonarqube.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal, cast

from pydantic import Field

from golive_core.errors import SourceDataError
from golive_core.http import Answer, Http, Request
from golive_core.window import Window
from ingest.api import ApiOptions, ApiSource, Detail, Position, Walk
from ingest.doctor import hidden, told
from ingest.parse import sonarqube
from ingest.parse.hosted import Hooked
from ingest.parse.rows import instant
from ingest.payload import Parser
from ingest.source import Context, Cursor, Finding, Instance, Stream
from ingest.webhook import signed

SIZE = 500
"""Entries a page, which is the most."""
LIMIT = 10_000
"""Results of one search that can be had."""
METRICS = (
    "ncloc", "lines", "complexity", "cognitive_complexity", "coverage", "line_coverage",
    "lines_to_cover", "branch_coverage", "conditions_to_cover", "duplicated_lines_density",
    "bugs", "vulnerabilities", "code_smells", "security_hotspots", "sqale_index",
    "reliability_rating", "security_rating", "sqale_rating", "tests", "test_failures",
)  # fmt: skip
SIGNATURE = "x-sonar-webhook-hmac-sha256"
Json = dict[str, Any]


class Options(ApiOptions):
    """`[source.<name>]` of a SonarQube."""

    scheme: Literal["basic", "bearer"] = "basic"
    organization: str = ""
    projects: list[str] = Field(default_factory=list[str])
    metrics: list[str] = Field(default_factory=lambda: list(METRICS))


class Sonarqube(ApiSource):
    """Reads one SonarQube."""

    type: ClassVar[str] = "sonarqube"
    title: ClassVar[str] = "SonarQube"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            "analyses", "measures and quality gates over time",
            ("core.code_measures", "core.quality_gates"),
        ),
        Stream(
            "findings", "issues, security hotspots and users",
            ("core.code_findings", "core.accounts"),
        ),
    )  # fmt: skip
    scopes: ClassVar[tuple[str, ...]] = ("Browse", "See Source Code")
    needs: ClassVar[Mapping[str, str]] = {
        "analyses": "Browse on the projects", "findings": "Browse and See Source Code",
    }  # fmt: skip
    example: ClassVar[str] = """
[source.sonar]
type = "sonarqube"
project = "shop"
url = "https://sonar.example.org"
token = "env:SONAR_TOKEN"    # a user token
scheme = "basic"             # or "bearer", which SonarCloud and servers from 10 on take
organization = ""            # SonarCloud only
projects = ["shop-web"]      # keys; all that the token sees if left out
"""
    Options: ClassVar[type[ApiOptions]] = Options
    parsers: ClassVar[Mapping[str, Parser]] = sonarqube.PARSERS

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
        """Return a client: the token is the user of Basic, or the bearer."""
        token = self.secret(self.options.token) if self.options.scheme == "basic" else ""
        return (
            self.client(self.options, auth=(token, "")) if token else self.signed_in(self.options)
        )

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by one request whether a project was analysed, or whether an issue changed."""
        if stream == "findings" or cursor is None:
            return super().has_news(stream, cursor)
        at = Position.of(cursor)
        if any(one.next for one in at.lists.values()):
            return True
        with self.http() as http:
            newest = self._dates(http.fetch(self._projects_request()))
        return any(date > at.mark(_analyses_of(key)) for key, date in newest.items())

    def walks(self, stream: str, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the lists of a stream."""
        return self._analyses(at, http) if stream == "analyses" else self._findings(at, http)

    def check(self) -> Iterator[Finding]:
        """Yield whether the server answers and lets the token see projects."""
        request = self._projects_request()
        yield from self.checked(replace(request, params={**request.params, "ps": "1"}))

    def granted(self, http: Http) -> Iterator[Finding]:
        """Yield the projects that are not shown; a token that is not known is taken for nobody."""
        state = told(http, "api/authentication/validate")
        if self.options.token and state is not None and not state.get("valid", True):
            yield Finding("authorised", "failed", "the token is not known", "Make a user token")
        for key in self.options.projects:
            request = Request("api/components/show", {"component": key})
            yield from hidden(http, key, request, "Check the key, and give the user Browse on it")

    def _analyses(self, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the analyses of each project, each page with the measures of its time."""
        for page in http.pages(self._projects_request(), _next_page):
            for key, date in self._dates(page).items():
                name = _analyses_of(key)
                yield Walk(
                    name, "analyses", self._analyses_request(key, at.since(name), at.window),
                    _next_page, details=self._history(key), mark=_newest_analysis,
                    ahead=_pages_left, may_be_gone=True,
                    is_known=not at.window and date <= at.mark(name),
                )  # fmt: skip

    def _findings(self, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the issues of all projects, the hotspots of each and the users."""
        since, params = at.mark("issues"), self._scoped({"ps": str(SIZE)})
        if self.options.projects:
            params["componentKeys"] = ",".join(self.options.projects)
        newest = Request("api/issues/search", {**params, "s": "UPDATE_DATE", "asc": "false"})
        yield Walk(
            "issues", "issues", newest, _next_issues(is_first=not since), mark=_newest_change,
            stops=lambda page: _oldest_change(page) < since, ahead=_pages_left,
        )  # fmt: skip
        for key in self.options.projects or self._keys(http):
            yield Walk(
                f"hotspots of {key}", "hotspots",
                Request("api/hotspots/search", {"projectKey": key, "ps": str(SIZE)}),
                _next_page, keys=_hotspots, ahead=_pages_left, may_be_gone=True,
            )  # fmt: skip
        users = Request("api/users/search", {"ps": str(SIZE)})
        yield Walk("users", "users", users, _next_page, ahead=_pages_left, may_be_gone=True)

    def _projects_request(self) -> Request:
        return Request(
            "api/components/search_projects",
            self._scoped({"s": "analysisDate", "asc": "false", "f": "analysisDate",
                          "ps": str(SIZE)}),
        )  # fmt: skip

    def _scoped(self, params: dict[str, str]) -> dict[str, str]:
        own = self.options.organization
        return {**params, "organization": own} if own else params

    def _dates(self, page: Answer) -> dict[str, str]:
        """Return when the wanted projects of a page were analysed last; never is left out."""
        wanted = self.options.projects
        return {
            str(one["key"]): _iso(one["analysisDate"])
            for one in cast("list[Json]", page.object()["components"])
            if one.get("analysisDate") and (not wanted or one["key"] in wanted)
        }

    def _keys(self, http: Http) -> list[str]:
        pages = http.pages(self._projects_request(), _next_page)
        return sorted(key for page in pages for key in self._dates(page))

    def _analyses_request(self, key: str, since: str, window: Window | None) -> Request:
        params = {"project": key, "ps": str(SIZE)}
        params |= {"from": _written(since)} if since else {}
        params |= {"to": _written(window.end.isoformat())} if window else {}
        return Request("api/project_analyses/search", params)

    def _history(self, key: str) -> Callable[[Answer], Iterable[Request]]:
        """Ask for the measures of the analyses on a page, which fit on one page of theirs."""

        def details(page: Answer) -> Iterator[Request]:
            found = cast("list[Json]", page.object()["analyses"])
            dates = sorted(str(one["date"]) for one in found)
            if not dates:
                return
            revisions = {str(one["date"]): one["revision"] for one in found if "revision" in one}
            yield Request(
                "api/measures/search_history",
                {
                    "component": key, "metrics": ",".join([*self.options.metrics, *sonarqube.GATE]),
                    "from": dates[0], "to": dates[-1], "ps": str(2 * SIZE),
                },
                tag=Detail("measures", {"component": key, "revisions": revisions}),
            )  # fmt: skip

        return details


def verify(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Tell whether a webhook was signed with the secret."""
    named = {name.lower(): value for name, value in headers.items()}
    return signed(body, secret, named.get(SIGNATURE, ""))


def parse_webhook(headers: Mapping[str, str], body: bytes) -> list[tuple[Json, bytes]]:
    """Return the quality gate that a webhook tells of as a payload, of main branches only.

    Other branches are not polled either, and their verdict is none of the project.
    """
    value: object = json.loads(body)
    told = cast("Json", value) if isinstance(value, dict) else {}
    branch: Json = told.get("branch") or {"isMain": True}
    if "qualityGate" not in told or not branch.get("isMain"):
        return []
    revisions = {told["analysedAt"]: told.get("revision")}
    return [({"kind": "hook", "component": told["project"]["key"], "revisions": revisions}, body)]


def _analyses_of(key: str) -> str:
    return f"analyses of {key}"


def _iso(text: str) -> str:
    """Return a time in UTC as text that sorts."""
    at = instant(text)
    return at.isoformat() if at else ""


def _written(iso: str) -> str:
    """Return a time as the API takes it: whole seconds, and a zone without a colon."""
    at = instant(iso)
    return at.strftime("%Y-%m-%dT%H:%M:%S%z") if at else ""


def _newest_analysis(page: Answer) -> str:
    return max((_iso(one["date"]) for one in page.object()["analyses"]), default="")


def _newest_change(page: Answer) -> str:
    """Return the newest change; none on pages by creation, which say nothing of what is between."""
    by_change = page.request.params["s"] == "UPDATE_DATE"
    return max((_iso(one["updateDate"]) for one in _issues(page)), default="") if by_change else ""


def _oldest_change(page: Answer) -> str:
    """Return the oldest change, what is newer than all others on pages that never stop a walk."""
    by_change = page.request.params["s"] == "UPDATE_DATE"
    return (
        min((_iso(one["updateDate"]) for one in _issues(page)), default="~") if by_change else "~"
    )


def _issues(page: Answer) -> list[Json]:
    return page.object()["issues"]


def _hotspots(page: Answer) -> Mapping[str, Json]:
    found = cast("list[Json]", page.object()["hotspots"])
    return {
        str(one["key"]): {name: one[name] for name in sonarqube.KEPT if name in one}
        for one in found
    }


def _next_page(page: Answer) -> Request | None:
    """Count pages up until all are had, or as many as can be had."""
    number, total = int(page.request.params.get("p", "1")), _total(page)
    if number * SIZE >= min(total, LIMIT):
        return None
    return replace(page.request, params={**page.request.params, "p": str(number + 1)})


def _pages_left(page: Answer) -> Iterator[Request]:
    """Yield the pages after this one up to the last that can be had."""
    first, last = int(page.request.params.get("p", "1")), min(_total(page), LIMIT)
    for number in range(first + 1, -(-last // SIZE) + 1):
        yield replace(page.request, params={**page.request.params, "p": str(number)})


def _total(page: Answer) -> int:
    value = page.object()
    return int((cast("Json", value.get("paging") or value)).get("total") or 0)


def _next_issues(*, is_first: bool) -> Callable[[Answer], Request | None]:
    """Go on by change, or by creation where that comes to no end that can be reached."""

    def following(page: Answer) -> Request | None:
        params = page.request.params
        number = int(params.get("p", "1"))
        if params["s"] == "CREATION_DATE":
            return _later(page, number)
        if _total(page) > LIMIT and (is_first or number * SIZE >= LIMIT):
            scope = {name: value for name, value in params.items() if name not in ("p", "asc")}
            return replace(
                page.request, params={**scope, "s": "CREATION_DATE", "asc": "true"}
            )  # fmt: skip
        return _next_page(page)

    return following


def _later(page: Answer, number: int) -> Request | None:
    """Go on from the newest creation on the page; by number only within one second.

    Raises SourceDataError where more was created in one second than can be had.
    """
    if number * SIZE >= _total(page):
        return None
    params = dict(page.request.params)
    newest = max((str(one["creationDate"]) for one in _issues(page)), key=_iso, default="")
    if _iso(newest) > _iso(params.get("createdAfter", "")):
        params.pop("p", None)
        return replace(page.request, params={**params, "createdAfter": newest})
    if number * SIZE >= LIMIT:
        raise SourceDataError(
            f"more than {LIMIT} issues were created at {newest}, the rest cannot be asked for",
            where=page.where, hint="Name fewer projects, in several sources",
        )  # fmt: skip
    return replace(page.request, params={**params, "p": str(number + 1)})
