"""Alertmanager (also that of Mimir and Grafana): alerts, groups of them as incidents, webhooks.

`/api/v2/alerts/groups` has the alerts of every group whole, so that one request brings both;
`/api/v2/alerts` has them without groups. Neither shows what is over: what is missing is resolved
at the time of the pull. A webhook tells the very end. What answers and webhooks mean is in
`ingest/parse/alertmanager.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, cast

from golive_core.http import Answer, Http, Request
from ingest.alert_lists import listed
from ingest.api import ApiOptions, ApiSource, Position, Walk
from ingest.doctor import REFUSED
from ingest.hosted import header
from ingest.parse import alertmanager
from ingest.parse.alerts import INCIDENT, Row
from ingest.parse.hosted import Hooked
from ingest.payload import Parser
from ingest.source import Context, Finding, Instance, Stream
from ingest.webhook import authorized

NAME = "alerts"
Json = dict[str, Any]


class Options(ApiOptions, extra="forbid"):
    """`[source.<name>]` of an Alertmanager; `tenant` is sent as X-Scope-OrgID.

    `user` goes with a password in `token`.
    """

    user: str = ""
    tenant: str = ""
    groups: bool = True


class Alertmanager(ApiSource):
    """Reads one Alertmanager."""

    type: ClassVar[str] = "alertmanager"
    title: ClassVar[str] = "Alertmanager"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(NAME, "alerts, and their groups as incidents", ("core.alerts", "core.incidents")),
    )
    scopes: ClassVar[tuple[str, ...]] = ("alerts:read",)
    example: ClassVar[str] = """
[source.alertmanager]
type = "alertmanager"
project = "shop"
url = "https://alertmanager.example.org"   # with what comes before /api/v2
# token = "env:ALERTMANAGER_TOKEN"         # with user = "ann" it is her password
# tenant = "team-a"                        # Mimir
# groups = true                            # false: alerts alone, no incidents
# A group of alerts is an incident until none is left; all silenced, it is acknowledged. Polls do
# not tell when an alert ended, only that it did; a webhook does: webhook_configs of Alertmanager
# with http_config.authorization.credentials, or basic_auth, as the secret.
"""
    Options: ClassVar[type[ApiOptions]] = Options
    parsers: ClassVar[Mapping[str, Parser]] = alertmanager.PARSERS

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = Options.model_validate(dict(instance.options))

    def http(self) -> Http:
        """Return a client of the server."""
        tenant = {"X-Scope-OrgID": self.options.tenant} if self.options.tenant else {}
        return self.signed_in(self.options, self.options.user, headers=tenant)

    def walks(self, stream: str, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the list of alerts, in their groups; of days gone by it tells nothing."""
        if at.window:
            return
        if not self.options.groups:
            yield listed(NAME, "alerts", Request("api/v2/alerts"), self._alone)
            return
        known = at.lists[NAME].keys if NAME in at.lists else {}
        opened = {
            str(row["number"]): str(row["started_at"])
            for key, row in known.items() if key.startswith(INCIDENT)
        }  # fmt: skip

        def rows(answer: Answer) -> Mapping[str, Row]:
            return alertmanager.found(_objects(answer), self.instance, opened)

        yield listed(NAME, "alerts.groups", Request("api/v2/alerts/groups"), rows, open=opened)

    def check(self) -> Iterator[Finding]:
        """Yield whether alerts can be read, and which version tells of them."""
        name = "alerts/groups" if self.options.groups else "alerts"
        yield from self.checked(Request(f"api/v2/{name}"))

    def granted(self, http: Http) -> Iterator[Finding]:
        """Yield the version, and whether the cluster is at one."""
        told = http.fetch(Request("api/v2/status", accepts=REFUSED | {404}))
        if told.status in told.request.accepts:
            return
        said = told.object()
        yield Finding("version", "ok", str(said.get("versionInfo", {}).get("version")))
        if said.get("cluster", {}).get("status") == "settling":
            yield Finding(
                "cluster", "warning", "the cluster is settling",
                "Ask again in a minute; alerts may be missing until then",
            )  # fmt: skip

    def verify(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Tell whether a webhook brings the secret, as a token or as a password."""
        return authorized(header(headers, "authorization"), secret)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hooked]:
        """Return the webhook as a payload; raises SourceDataError where it is none."""
        return alertmanager.hooks(body)

    def _alone(self, answer: Answer) -> Mapping[str, Row]:
        return alertmanager.alone(_objects(answer), self.instance)


def _objects(answer: Answer) -> list[Json]:
    """Return the list that an answer is."""
    return [dict(one) for one in cast("list[Json]", answer.json())]
