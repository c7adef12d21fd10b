"""A list of a JSON API and how far it is known: what a source says and what the cursor remembers.

How lists are walked is in `ingest/walking.py`; what a source of them is, in `ingest/api.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from golive_core.http import Ahead, Answer, Following, Request, linked
from golive_core.window import Window
from ingest.parse.rows import instant
from ingest.source import Cursor

GONE = frozenset({404, 410})
"""Statuses that say that a thing is not there (any more), which is an answer."""
KNOWN = 500
"""Entries of a list with `versions` that the cursor remembers, the newest ones."""
Json = dict[str, Any]


def last_page(_: Answer) -> None:
    """End after this page: the `following` of a list that comes whole."""


def no_details(_: Answer) -> Iterable[Request]:
    """Ask for nothing more: the `details` of a list whose pages say everything."""
    return ()


@dataclass(frozen=True, slots=True)
class Walk:
    """One list, walked page by page.

    `name` stands for the list in the cursor and stays the same from pull to pull. `kind` chooses
    the parser of its pages and `context` is what the parser is told beside the body. `details`
    gives further requests that a page entails, each tagged with a `Detail`. `mark` is the newest
    change time (or id) on a page, as text that sorts; `stops` tells from a page that what follows
    is known. `keys` is for lists that are always walked whole: what they name and what is to be
    remembered of it, so that what is missing the next time is told to the parser of `<kind>.gone`.
    `versions` is for lists that are asked for since a time: what a page names with its change time
    as text that sorts. A page that names nothing new is not kept. `essence` is what of a page is
    compared with the last walk, where its body also says how long it took, say. `body` gives what
    is kept of a page that does not say enough alone. `ahead` tells of pages behind the next one,
    which are fetched meanwhile where the walk will want them.
    """

    name: str
    kind: str
    request: Request
    following: Following = last_page
    context: Mapping[str, Any] = field(default_factory=dict[str, Any])
    details: Callable[[Answer], Iterable[Request]] = no_details
    mark: Callable[[Answer], str] | None = None
    stops: Callable[[Answer], bool] | None = None
    keys: Callable[[Answer], Mapping[str, Any]] | None = None
    versions: Callable[[Answer], Mapping[str, str]] | None = None
    essence: Callable[[Answer], object] | None = None
    body: Callable[[Answer], bytes] | None = None
    ahead: Ahead = linked
    may_be_gone: bool = False
    """Tells that a 404 is an answer: the list is of a thing that was found, not one configured."""
    is_known: bool = False
    """Tells that nothing changed: it is not asked for, what the cursor knows of it stays."""
    restarts: bool = False
    """Tells that a 410 in the middle means that the place was forgotten: begin the list anew."""

    def digest(self, page: Answer) -> str:
        """Return what stands for a page where it is compared with that of the last walk."""
        return digest(json.dumps(self.essence(page)).encode() if self.essence else page.body)


@dataclass(frozen=True, slots=True)
class Detail:
    """The tag of a request in `details`: which parser takes the answer, and what it is told.

    An answer without a `kind` is not kept, it only entails others.

    `then` gives what the answer entails in turn, each tagged likewise. Where the answer is a list
    whose parser has to see all of it, `following` tells its further pages and `at` where in a page
    it is (empty if the page is the list): all become one payload, which is what `then` is given.
    """

    kind: str
    context: Mapping[str, Any] = field(default_factory=dict[str, Any])
    then: Callable[[Answer], Iterable[Request]] = no_details
    following: Following = last_page
    at: str = ""


@dataclass(slots=True)
class WalkState:
    """What the cursor remembers of one list; `next` and the `new_*` are of a walk under way."""

    mark: str = ""
    pages: list[str] = field(default_factory=list[str])
    validators: dict[str, str] = field(default_factory=dict[str, str])
    keys: Json = field(default_factory=dict[str, Any])
    seen: dict[str, str] = field(default_factory=dict[str, str])
    next: Json | None = None
    new_mark: str = ""
    new_pages: list[str] = field(default_factory=list[str])
    new_keys: Json = field(default_factory=dict[str, Any])
    new_seen: dict[str, str] = field(default_factory=dict[str, str])

    def to_json(self) -> Json:
        """Return the fields that are not empty."""
        cells = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in cells.items() if value}

    def finish(self) -> None:
        """Make what the walk found the state of the list; pages behind its end stay."""
        self.mark = max(self.mark, self.new_mark)
        self.pages = [*self.new_pages, *self.pages[len(self.new_pages) :]]
        self.keys, self.next = self.new_keys, None
        self.seen = newest(self.seen | self.new_seen)
        self.restart()

    def restart(self) -> None:
        """Forget the walk under way."""
        self.next = None
        self.new_mark, self.new_pages, self.new_keys, self.new_seen = "", [], {}, {}

    def knows(self, walk: Walk, answer: Answer, number: int) -> bool:
        """Tell whether page `number` says nothing that the last walk did not say."""
        if walk.versions:
            return walk.versions(answer).items() <= self.seen.items()
        return self.pages[number : number + 1] == [walk.digest(answer)]

    def remember(self, walk: Walk, answer: Answer) -> None:
        """Note what the page was, for the next walk."""
        if walk.versions:
            self.new_seen = newest(self.new_seen | dict(walk.versions(answer)))
        else:
            self.new_pages.append(walk.digest(answer))


@dataclass(frozen=True, slots=True)
class Position:
    """Where a pull stands: what `walks` may know. With `window` nothing else is known."""

    lists: dict[str, WalkState] = field(default_factory=dict[str, WalkState])
    window: Window | None = None

    @classmethod
    def of(cls, cursor: Cursor | None, window: Window | None = None) -> Position:
        """Return the position that a cursor stores."""
        stored: Mapping[str, Json] = (cursor or {}).get("lists", {}) if not window else {}
        return cls({name: WalkState(**cells) for name, cells in stored.items()}, window)

    def mark(self, name: str) -> str:
        """Return the mark that the last whole walk of a list reached, empty before the first."""
        return self.lists[name].mark if name in self.lists else ""

    def since(self, name: str, *, overlap_s: float = 0.0) -> str:
        """Return the ISO time from which changes are to be asked for, empty for all of them.

        `overlap_s` goes further back: clocks of one server differ, and pages show what was
        committed later with an earlier time. With a window it is the window's start.
        """
        if self.window:
            return self.window.start.isoformat().replace("+00:00", "Z")
        at = instant(self.mark(name))
        if at is None:
            return ""
        return (at - timedelta(seconds=overlap_s)).isoformat().replace("+00:00", "Z")

    def to_json(self) -> Json:
        """Return the cursor."""
        return {"lists": {name: one.to_json() for name, one in self.lists.items()}}


def newest(versions: Mapping[str, str]) -> dict[str, str]:
    """Return the KNOWN entries with the newest versions."""
    return dict(sorted(versions.items(), key=lambda one: (one[1], one[0]))[-KNOWN:])


def digest(body: bytes) -> str:
    """Return 16 hexadecimal digits that stand for a body."""
    return hashlib.sha256(body).hexdigest()[:16]
