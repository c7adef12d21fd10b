"""Pages of Confluence to rows of core.documents: what they say, without the markup.

Pages are in the storage format: XHTML with elements of Confluence's own (`ac:`, `ri:`) for macros,
links and pictures.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser
from typing import Any

from ingest.parse.rows import frame, names
from ingest.payload import Parser, Payload, Tables

Json = dict[str, Any]

CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
"""How code stands in a page; not HTML, in which it would end at the first `>`."""
BLOCKS = frozenset({
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "tr", "table", "ul", "ol", "pre", "blockquote",
    "div", "hr", "ac:plain-text-body", "ac:rich-text-body", "ac:task", "ac:task-list",
    "ac:layout-cell",
})  # fmt: skip
"""Elements that stand on lines of their own."""
HIDDEN = frozenset({"ac:parameter", "ac:task-id", "ac:task-status", "style", "script"})
"""Elements whose text nobody sees."""
SPACES = re.compile(r"[ \t\u00a0]+")


class _Text(HTMLParser):
    """Collects what a reader sees."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a line, or note a title that stands in an attribute."""
        self._hidden += tag in HIDDEN
        if tag in BLOCKS or tag == "br":
            self.pieces.append("\n")
        if tag in ("td", "th"):
            self.pieces.append(" ")
        if tag == "ri:page":
            self.pieces.append(dict(attrs).get("ri:content-title") or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element without content, which hides nothing."""
        if tag not in HIDDEN:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """End a line."""
        self._hidden -= tag in HIDDEN and self._hidden > 0
        if tag in BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        """Keep text that is seen."""
        if not self._hidden:
            self.pieces.append(data)


def text(storage: str) -> str:
    """Return the plain text of a page in storage format, a line a block, no empty lines."""
    reader = _Text()
    reader.feed(CDATA.sub(lambda match: escape(match[1]), storage))
    reader.close()
    lines = (SPACES.sub(" ", line).strip() for line in "".join(reader.pieces).splitlines())
    return "\n".join(line for line in lines if line)


def pages(payload: Payload) -> Tables:
    """Return the documents of a list of pages; a list that may not be seen has none.

    Pages in the trash are documents that are gone. With the option `labels` others are left out,
    which the list of the trash does not do by itself.
    """
    found: list[Json] = payload.object().get("results") or []
    rows = [_document(one, payload) for one in found]
    wanted = set(payload.instance.options.get("labels") or ())
    kept = [row for row in rows if not wanted or wanted.intersection(row["labels"])]
    return {"core.documents": frame("core.documents", kept)}


def _document(one: Json, payload: Payload) -> Json:
    at, version, history = payload.instance, _part(one, "version"), _part(one, "history")
    base = str(at.options.get("url") or "").rstrip("/")
    webui = _part(one, "_links").get("webui")
    return {
        "document_id": f"{at.name}:{one['id']}", "project_id": at.project_id,
        "source": "confluence", "space": _part(one, "space").get("key"), "title": one["title"],
        "body": text(str(_part(one, "body", "storage").get("value") or "")),
        "labels": names(_part(one, "metadata", "labels").get("results")),
        "author": _part(version, "by").get("displayName"), "version": version.get("number"),
        "created_at": history.get("createdDate"), "updated_at": version.get("when"),
        "url": f"{base}{webui}" if webui else None,
        "is_deleted": one.get("status") == "trashed",
    }  # fmt: skip


def _part(value: Json, *path: str) -> Json:
    for name in path:
        value = value.get(name) or {}
    return value


PARSERS: dict[str, Parser] = {"pages": pages}
"""By the `kind` of a payload's context."""
