"""Confluence, Cloud and Data Center: pages through the REST API of content."""

from __future__ import annotations

from typing import ClassVar

from golive_actions.target import Flow, Json, Target, ask, objects, reads, send, sets, within
from golive_core.http import Request

EXPANDED = "version,body.storage"


class Confluence(Target):
    """Acts on the spaces that the user may write to."""

    type: ClassVar[str] = "confluence"
    title: ClassVar[str] = "Confluence"
    example: ClassVar[str] = """
[target.wiki]
type = "confluence"
project = "shop"
url = "https://example.atlassian.net/wiki"
user = "bot@example.org"        # leave it out for a personal access token
token = "env:CONFLUENCE_TOKEN"
"""

    @reads
    def authenticate(self) -> Flow:
        """Tell who the token belongs to."""
        user = (yield ask("rest/api/user/current")).object()
        return {"login": user.get("username") or user.get("accountId"),
                "name": user.get("displayName")}  # fmt: skip

    @reads
    def get_page(self, space: str, title: str) -> Flow:
        """Return a page in storage format with its version; null if there is none."""
        pages = objects((yield _named(space, title)), "results")
        if not pages:
            return None
        return {**self._made(pages[0]), "body": pages[0]["body"]["storage"]["value"]}

    @sets("{space} {title}")
    def publish_page(self, space: str, title: str, body: str, parent: str = "") -> Flow:
        """Write a page in storage format, or its next version; `parent` is the id of a page."""
        pages = objects((yield _named(space, title)), "results")
        content: Json = {
            "type": "page", "title": title,
            "body": {"storage": {"value": body, "representation": "storage"}},
        }  # fmt: skip
        if parent:
            content["ancestors"] = [{"id": parent}]
        if not pages:
            new = {**content, "space": {"key": space}}
            return self._made((yield send("rest/api/content", new)).object())
        page = pages[0]
        if page["body"]["storage"]["value"] == body:
            return {**self._made(page), "existed": True}
        content["version"] = {"number": page["version"]["number"] + 1}
        path = f"rest/api/content/{page['id']}"
        return self._made((yield send(path, content, method="PUT")).object())

    def _made(self, page: Json) -> Json:
        links = within(page, "_links")
        return {
            "id": page.get("id"), "version": within(page, "version").get("number"),
            "url": f"{links.get('base') or self.root()}{links.get('webui', '')}", "existed": False,
        }  # fmt: skip


def _named(space: str, title: str) -> Request:
    return ask("rest/api/content", spaceKey=space, title=title, type="page", expand=EXPANDED)
