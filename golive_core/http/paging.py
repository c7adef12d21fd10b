"""Which request comes after this answer. Each function returns a `Following` for `Http.pages`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import cast
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from golive_core.errors import SourceDataError
from golive_core.http.messages import Answer, Request

Following = Callable[[Answer], Request | None]
"""The request after this answer, or None after the last page."""
Ahead = Callable[[Answer], Iterable[Request]]
"""The pages that come after this answer, in order, as far as it tells; the first is the next."""

LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[\w*!#$&+.^`|~-]+\s*=\s*(?:"[^"]*"|[^\s;,]+))*)')
LAST = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?last(?:\s[^"]*)?"|last\b)', re.IGNORECASE)
NUMBER = re.compile(r"(?<=[?&]page=)\d+(?=&|$)")
"""The number of a page in an address."""
GUESSED = 3
"""Pages behind the next one that are guessed."""
NEXT = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)', re.IGNORECASE)

REPEATS = 3
"""How often a page with something on it may come again unchanged."""
EMPTY_REPEATS = 200
"""How often a page of nothing may: a list read by half years can be empty for decades."""


class Repetition:
    """Tells a list that has no end from a long one: the same page, again and again."""

    def __init__(self) -> None:
        self._last, self._times = b"", 0

    def check(self, page: Answer) -> None:
        """Take in the next page; raises SourceDataError where it is the last one once more."""
        self._times = self._times + 1 if page.body == self._last else 0
        self._last = page.body
        if self._times >= REPEATS and (self._times >= EMPTY_REPEATS or not _is_empty(page.body)):
            raise SourceDataError(
                "the same page comes again and again", where=page.where,
                hint="The server's paging is broken: update it, or leave this list out",
            )  # fmt: skip


def _is_empty(body: bytes) -> bool:
    """Tell whether a page is JSON with lists, and all of them empty."""
    try:
        found = [json.loads(body)]
    except ValueError:
        return False
    lists = 0
    while found:
        one = found.pop()
        if isinstance(one, list):
            if one:
                return False
            lists += 1
        elif isinstance(one, dict):
            found += one.values()
    return lists > 0


def next_link(answer: Answer) -> Request | None:
    """Follow the Link header with rel="next" (RFC 8288), on the same host only."""
    for target, attributes in LINK.findall(answer.headers.get("link", "")):
        if NEXT.search(attributes):
            url = urljoin(answer.url, target)
            _same_origin(answer.url, url)
            return replace(answer.request, path=url, params={})
    return None


def linked(answer: Answer) -> Iterator[Request]:
    """Yield the pages after this one that its Link header tells of: the next, and up to the last.

    Those between are known where both addresses differ in the number of the page alone.
    """
    request = next_link(answer)
    if request is None:
        return
    yield request
    named = LINK.findall(answer.headers.get("link", ""))
    last = next((urljoin(answer.url, target) for target, told in named if LAST.search(told)), "")
    if NUMBER.sub("", last) == NUMBER.sub("", request.path) and NUMBER.search(last):
        yield from _numbered(request, int(NUMBER.findall(last)[0]))


def guessed(following: Following) -> Ahead:
    """Go on as `linked`, and where the last page is not told guess some behind the next.

    For lists that are mostly long: page and next page have to differ in one number alone, as in
    `page=2`, `page=3`, and behind the end an answer is empty or an error, which nobody sees.
    """

    def ahead(answer: Answer) -> Iterator[Request]:
        known = list(linked(answer))
        request = known[0] if known else following(answer)
        if request is None:
            return
        yield request
        is_told = any(LAST.search(told) for _, told in LINK.findall(answer.headers.get("link", "")))
        yield from known[1:] if is_told else _counted(answer.request, request)

    return ahead


def _counted(one: Request, following: Request) -> Iterator[Request]:
    """Yield requests behind `following` that count on as from `one` to it; none if none counts."""
    before, now = _query(one), _query(following)
    moved = [name for name in now if now[name] != before.get(name)]
    if len(moved) != 1 or before.keys() != now.keys():
        return
    name = moved[0]
    if before[name].isdecimal() and now[name].isdecimal():
        step, path = int(now[name]) - int(before[name]), following.path.partition("?")[0]
        for number in range(1, GUESSED + 1):
            query = {**now, name: str(int(now[name]) + number * step)}
            yield _addressed(following, path, query)


def _query(request: Request) -> dict[str, str]:
    return {**dict(parse_qsl(urlsplit(request.path).query)), **request.params}


def _addressed(like: Request, path: str, query: dict[str, str]) -> Request:
    """Return a request with the query where `like` has its own: in the path or beside it."""
    if like.params:
        return replace(like, params=query)
    return replace(like, path=f"{path}?{urlencode(query)}")


def _numbered(request: Request, last: int) -> Iterator[Request]:
    """Yield the pages after that of `request` up to the page number `last`."""
    first = int(NUMBER.findall(request.path)[0])
    for number in range(first + 1, last + 1):
        yield replace(request, path=NUMBER.sub(str(number), request.path))


def next_url(*, at: Sequence[str] = ("next",)) -> Following:
    """Follow the address at the path `at` of the JSON, on the same host only."""

    def following(answer: Answer) -> Request | None:
        target = dig(answer.json(), at)
        if not target:
            return None
        url = urljoin(answer.url, str(target))
        _same_origin(answer.url, url)
        return replace(answer.request, path=url, params={})

    return following


def next_page(
    *, size: int, param: str = "page", first: int = 1, at: Sequence[str] = ()
) -> Following:
    """Count `param` up until a page holds fewer than `size` items; `at` is the path to the list."""

    def following(answer: Answer) -> Request | None:
        if len(items(answer, at)) < size:
            return None
        return _with(answer, param, str(int(answer.request.params.get(param, first)) + 1))

    return following


def next_offset(
    *, param: str = "offset", at: Sequence[str] = (), total: Sequence[str] = ()
) -> Following:
    """Move `param` on by the items received, until none come or `total` (a path) is reached."""

    def following(answer: Answer) -> Request | None:
        got = len(items(answer, at))
        offset = int(answer.request.params.get(param, 0)) + got
        if not got or (total and offset >= int(str(dig(answer.json(), total) or 0))):
            return None
        return _with(answer, param, str(offset))

    return following


def next_cursor(*, at: Sequence[str], param: str = "cursor") -> Following:
    """Hand back the token at the path `at` of the JSON as `param`; it ends when there is none."""

    def following(answer: Answer) -> Request | None:
        token = dig(answer.json(), at)
        if token and str(token) == answer.request.params.get(param):
            raise SourceDataError("the next page is the page itself", where=answer.where)
        return _with(answer, param, str(token)) if token else None

    return following


def items(answer: Answer, at: Sequence[str]) -> list[object]:
    """Return the list at the path `at`; raises SourceDataError where there is none."""
    found = dig(answer.json(), at)
    if not isinstance(found, list):
        place = ".".join(at) or "the top"
        raise SourceDataError(f"no list at {place}: {answer.start()}", where=answer.where)
    return cast("list[object]", found)


def dig(value: object, path: Sequence[str]) -> object:
    """Return what lies at `path` inside nested JSON objects, or None."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, object]", value).get(key)
    return value


def _with(answer: Answer, param: str, value: str) -> Request:
    return replace(answer.request, params={**answer.request.params, param: value})


def _same_origin(here: str, there: str) -> None:
    """Refuse to carry credentials to another host."""
    one, other = urlsplit(here), urlsplit(there)
    if (one.scheme, one.netloc) != (other.scheme, other.netloc):
        raise SourceDataError(
            f"the next page is on another host ({other.netloc})", where=here,
            hint="Use the address under which the server knows itself",
        )  # fmt: skip
