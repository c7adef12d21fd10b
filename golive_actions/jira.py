"""Jira, Cloud and Data Center: issues through the REST API, version 2."""

from __future__ import annotations

from typing import ClassVar

from golive_actions.release_notes import Form
from golive_actions.released import notes
from golive_actions.target import Flow, Json, Target, ask, makes, objects, reads, send, sets
from golive_core.errors import SourceDataError

API = "rest/api/2"


class Jira(Target):
    """Acts on the projects that the user may write to."""

    type: ClassVar[str] = "jira"
    title: ClassVar[str] = "Jira"
    example: ClassVar[str] = """
[source.tracker]
type = "jira"
project = "shop"
url = "https://example.atlassian.net"
user = "bot@example.org"   # leave it out for a personal access token
token = "env:JIRA_TOKEN"
"""

    @reads
    def authenticate(self) -> Flow:
        """Tell who the token belongs to."""
        user = (yield ask(f"{API}/myself")).object()
        return {"login": user.get("name") or user.get("accountId"),
                "name": user.get("displayName")}  # fmt: skip

    @makes("{project} {title}")
    def create_issue(
        self, project: str, title: str, kind: str = "Bug", body: str = "",
        labels: list[str] | None = None, fields: dict[str, object] | None = None,
    ) -> Flow:  # fmt: skip
        """Open an issue; `fields` are further ones by their names in the API."""
        wanted = {"project": {"key": project}, "issuetype": {"name": kind}}
        answer = yield send(
            f"{API}/issue", {"fields": {**wanted, **_fields(title, body, labels, fields)}}
        )
        return self._made(str(answer.object().get("key")))

    @sets("{issue}")
    def update_issue(
        self, issue: str, title: str = "", body: str = "", labels: list[str] | None = None,
        fields: dict[str, object] | None = None,
    ) -> Flow:  # fmt: skip
        """Change what is given and leave the rest."""
        changed = {"fields": _fields(title, body, labels, fields)}
        yield send(f"{API}/issue/{issue}", changed, method="PUT")
        return self._made(issue)

    @sets("{issue} status")
    def transition_issue(self, issue: str, to: str) -> Flow:
        """Bring an issue into a state, by the name of the state or of the transition."""
        found = (yield ask(f"{API}/issue/{issue}", fields="status")).object()
        now = str(found["fields"]["status"]["name"])
        if now.casefold() == to.casefold():
            return {**self._made(issue), "status": now, "existed": True}
        path = f"{API}/issue/{issue}/transitions"
        ways = objects((yield ask(path)), "transitions")
        chosen = [one for one in ways if to.casefold() in _names(one)]
        if not chosen:
            open_ways = ", ".join(sorted(str(one["to"]["name"]) for one in ways)) or "nowhere"
            what = f"no way from {now!r} to {to!r}"
            raise SourceDataError(what, where=issue, hint=f"From there one gets to: {open_ways}")
        yield send(path, {"transition": {"id": chosen[0]["id"]}})
        return {**self._made(issue), "status": chosen[0]["to"]["name"]}

    @sets("{issue} {url}")
    def link_commit(self, issue: str, commit: str, url: str, title: str = "") -> Flow:
        """Show a commit on an issue; the same commit is linked once."""
        link: Json = {
            "globalId": f"golive={commit}", "relationship": "commit",
            "object": {"url": url, "title": title or commit[:12]},
        }  # fmt: skip
        answer = yield send(f"{API}/issue/{issue}/remotelink", link)
        return {**self._made(issue), "id": answer.object().get("id")}

    @reads
    def release_notes(self, version: str, since: str = "", form: Form = "markdown") -> str:
        """Return what is new in a version, from the commits, issues and deployments in the lake.

        `since` is the version before it; `form` is markdown or confluence.
        """
        place = self.place
        return notes(place.lake, place.instance.project_id, version, since, form)

    def _made(self, issue: str) -> Json:
        return {"issue": issue, "url": f"{self.root()}/browse/{issue}", "existed": False}


def _fields(
    title: str, body: str, labels: list[str] | None, fields: dict[str, object] | None
) -> dict[str, object]:
    """Return the fields of an issue that were given."""
    known: dict[str, object] = {"summary": title, "description": body, "labels": labels}
    return {**{name: value for name, value in known.items() if value}, **(fields or {})}


def _names(way: Json) -> tuple[str, str]:
    return str(way.get("name")).casefold(), str(way["to"]["name"]).casefold()
