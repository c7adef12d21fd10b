"""What is asked and what came back, as data. How it travels is in `client`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, cast

from golive_core.errors import SourceAuthError, SourceDataError
from golive_core.redact import redact

SHOWN = 120
"""Characters of a body that an error message quotes."""
LOGIN_HINT = "This is a page for people, not the API: check the URL, the user and the token"


@dataclass(frozen=True, slots=True)
class Request:
    """One GET (or `method`) of `path`, relative to the endpoint or a full URL of it.

    `accepts` names statuses that are an answer and not an error (404 for what may be gone).
    `validators` are those of an earlier answer: if nothing changed, a 304 without body comes back.
    `limit_bytes` cuts the body there instead of refusing it (`Answer.is_cut`). `expect` json
    refuses HTML and retries a body that was cut off on its way; `is_whole` tells that in its stead
    where a whole body is not one value. `is_safe` tells that a POST only asks, so that it may be
    sent again. Redirects are followed unless `follows` is false. `tag` is the caller's own note.
    """

    path: str
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    content: bytes | None = None
    accepts: frozenset[int] = frozenset()
    validators: Mapping[str, str] = field(default_factory=dict[str, str])
    limit_bytes: int | None = None
    expect: Literal["json", "text", "any"] = "json"
    is_whole: Callable[[bytes], bool] | None = None
    is_safe: bool = False
    follows: bool = True
    tag: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with its body, decoded from gzip; header names are lower case.

    `instance` is who asked, for errors. JSON is decoded once, so that who changes what `json` gave
    changes it for all.
    """

    request: Request
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool = False
    instance: str = ""
    _decoded: list[object] = field(
        default_factory=list[object], init=False, repr=False, compare=False
    )

    @property
    def where(self) -> str:
        """Instance and address, for errors."""
        return f"{self.instance}: {self.url}" if self.instance else self.url

    @property
    def is_unchanged(self) -> bool:
        """Tell whether the server says that nothing changed since the validators."""
        return self.status == 304  # noqa: PLR2004 - Not Modified

    @property
    def media_type(self) -> str:
        """The media type without parameters, in lower case; empty if the server names none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def validators(self) -> dict[str, str]:
        """What a source keeps in its cursor to ask for this again only if it changed."""
        return {
            name: self.headers[name] for name in ("etag", "last-modified") if name in self.headers
        }

    @property
    def server_time(self) -> datetime | None:
        """The server's clock when it answered (aware), if it says so."""
        try:
            return parsedate_to_datetime(self.headers["date"])
        except (KeyError, ValueError):
            return None

    def json(self) -> object:
        """Return the decoded body; raises SourceDataError with its first bytes."""
        if self._decoded:
            return self._decoded[0]
        try:
            self._decoded.append(json.loads(self.body))
        except (ValueError, RecursionError) as error:
            raise SourceDataError(
                f"not JSON ({error}): {self.start()}", where=self.where,
                hint="Open that address in a browser to see what answers there",
            ) from error  # fmt: skip
        return self._decoded[0]

    def object(self) -> dict[str, Any]:
        """Return the decoded body; raises SourceDataError if it is not a JSON object."""
        value = self.json()
        if not isinstance(value, dict):
            raise SourceDataError(f"not a JSON object: {self.start()}", where=self.where)
        return cast("dict[str, Any]", value)

    def text(self) -> str:
        """Return the body as text; bytes that are not UTF-8 become replacement characters."""
        return self.body.decode("utf-8", "replace")

    def start(self) -> str:
        """Return the first characters of the body on one line, without secrets."""
        head = self.body[: 4 * SHOWN].decode("utf-8", "replace")
        return redact(" ".join(head.split())[:SHOWN])

    def is_html(self) -> bool:
        """Tell whether this is a page for people."""
        if self.media_type in ("text/html", "application/xhtml+xml"):
            return True
        return self.body[:64].lstrip().lower().startswith((b"<!doctype html", b"<html"))

    def is_broken_off(self) -> bool:
        """Tell cheaply whether a body that should be JSON lacks its end."""
        if self.request.expect != "json" or self.is_cut or self.is_html():
            return False
        if self.request.is_whole:
            return not self.request.is_whole(self.body)
        pair = {b"{": b"}", b"[": b"]"}.get(self.body.lstrip()[:1])
        return pair is not None and self.body.rstrip()[-1:] != pair

    def checked(self) -> Answer:
        """Return itself; raises SourceAuthError for a login page where JSON was expected."""
        expects_json = self.request.expect == "json" and self.status not in self.request.accepts
        if expects_json and self.is_html():
            raise SourceAuthError(
                f"a web page came back instead of data: {self.start()}",
                where=self.where, hint=LOGIN_HINT,
            )  # fmt: skip
        return self
