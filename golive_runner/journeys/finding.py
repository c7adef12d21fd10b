"""From what a step names to the element on the page, and what to say where there is none."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

from golive_runner.journeys.document import Target

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

NAMED_ROLES = (
    "button", "link", "tab", "checkbox", "radio", "switch", "menuitem", "option", "combobox",
    "textbox", "searchbox", "spinbutton", "slider", "treeitem", "heading", "img",
)  # fmt: skip
"""Roles whose accessible name a person may call an element by, in the order in which they try."""
LIKELY = NAMED_ROLES[:3]
"""Buttons, links and tabs are looked for first: most clicks are on one that is there."""
CHECKED = ("checkbox", "radio", "switch")
FILLED = ("textbox", "searchbox", "combobox", "spinbutton")
CHOSEN = ("combobox",)
SEVERAL = "strict mode violation"
"""Playwright's words where one element was asked for and several are there."""
WAITING, FOUND = "- waiting for ", "locator resolved to "
"""Its words where it waited for an element, and where there was one but not as it must be."""
SEEN_LINES = 200
NEAR = 0.6
LOOK_MS = 1_000
URL_CHARS = 200


Done = TypeVar("Done")


class NotFound(Exception):  # noqa: N818 - it says what the page lacks
    """There is no such element, or too many; the message is for the person."""


def candidates(page: Page, target: Target, likely: Sequence[str] = LIKELY) -> Iterator[Locator]:
    """Yield the locators that may be meant, the likeliest first."""
    place: Page | Locator = page.locator(target.inside) if target.inside else page
    if target.any:
        yield from _called(place, target.any, likely)
    elif target.role:
        named: dict[str, Any] = {"name": target.name, "exact": target.exact} if target.name else {}
        yield place.get_by_role(cast("Any", target.role), **named)
    elif target.css:
        yield place.locator(target.css)
    elif target.test_id:
        yield place.get_by_test_id(target.test_id)
    elif target.alt:
        yield place.get_by_alt_text(target.alt, exact=target.exact)
    else:
        way = next(way for way in ("label", "text", "placeholder", "title") if getattr(target, way))
        yield getattr(place, f"get_by_{way}")(getattr(target, way), exact=target.exact)


def _called(place: Page | Locator, name: str, likely: Sequence[str]) -> Iterator[Locator]:
    """Yield what a person would call so: by role and name, label, placeholder, then by text."""
    for exact in (True, False):
        for role in dict.fromkeys((*likely, *NAMED_ROLES)):
            yield place.get_by_role(cast("Any", role), name=name, exact=exact)
        yield place.get_by_label(name, exact=exact)
        yield place.get_by_placeholder(name, exact=exact)
        yield place.get_by_text(name, exact=exact)


def acted(
    page: Page, target: Target, wait_ms: float, doing: Callable[[Locator], Done],
    likely: Sequence[str] = LIKELY,
) -> Done:  # fmt: skip
    """Do something with the one visible element that is meant, and return what comes of it.

    What is done waits for the element itself: asking first whether it is there would cost a trip
    to the browser for every step. `likely`: roles that the action mostly is for.

    Raises NotFound if none appears, or if several are equally meant and none is chosen by `nth`.
    """
    from playwright.sync_api import Error
    from playwright.sync_api import TimeoutError as Late

    ways = _meant(page, target, wait_ms, likely)
    try:
        return doing(ways if target.nth is None else ways.nth(target.nth - 1))
    except Late as error:
        if WAITING not in error.message or FOUND in error.message:
            raise
        raise _absent(page, ways, target, wait_ms) from error
    except Error as error:
        if SEVERAL not in error.message:
            raise
        raise NotFound(
            f"{ways.count()} elements are {target}: say which with nth, in or another way"
        ) from error


def _meant(page: Page, target: Target, wait_ms: float, likely: Sequence[str]) -> Locator:
    """Return the visible elements that are meant: of the likeliest way that finds any."""
    ways = [one.filter(visible=True) for one in candidates(page, target, likely)]
    if len(ways) == 1:
        return ways[0]
    if ready := next((way for way in ways[: len(likely)] if way.count()), None):
        return ready
    _seen(page, target, _union(ways), wait_ms)
    return next((way for way in ways if way.count()), ways[0])


def seen(page: Page, target: Target, wait_ms: float) -> None:
    """Wait until an element that is meant is to be seen, the `nth` if one is chosen.

    Raises NotFound if it does not appear.
    """
    if target.nth is not None:
        acted(page, target, wait_ms, lambda one: one.wait_for(timeout=wait_ms))
        return
    ways = [one.filter(visible=True) for one in candidates(page, target)]
    _seen(page, target, _union(ways), wait_ms)


def _seen(page: Page, target: Target, ways: Locator, wait_ms: float) -> None:
    from playwright.sync_api import TimeoutError as Late

    try:
        ways.first.wait_for(timeout=wait_ms)
    except Late as error:
        raise NotFound(missing(page, target, wait_ms)) from error


def _union(ways: Sequence[Locator]) -> Locator:
    union = ways[0]
    for way in ways[1:]:
        union = union.or_(way)
    return union


def _absent(page: Page, ways: Locator, target: Target, wait_ms: float) -> NotFound:
    if target.nth is not None and (count := ways.count()):
        return NotFound(f"there are {count} of {target}, so no number {target.nth}")
    return NotFound(missing(page, target, wait_ms))


def missing(page: Page, target: Target, wait_ms: float) -> str:
    """Say that an element did not appear, and what there is that is called nearly so."""
    said = f"{target} did not appear within {wait_ms / 1000:g} s"
    spoken = (target.any, target.name, target.label, target.text, target.placeholder)
    wanted = next(filter(None, spoken), "")
    close = _near(wanted, words_of(page)) if wanted else ""
    return f"{said}. The page says “{close}”" if close else f"{said}. {_place(page)}"


def words_of(page: Page) -> list[str]:
    """Return the names and texts of the page as its accessibility tree has them."""
    tree = ""
    with suppress(Exception):
        tree = page.locator("body").aria_snapshot(timeout=LOOK_MS)
    quoted = re.findall(r'"((?:[^"\\]|\\.)+)"|: (.+)$', tree, re.MULTILINE)
    return [first or second for first, second in quoted][:SEEN_LINES]


def _near(wanted: str, words: list[str]) -> str:
    low = {word.lower(): word for word in words}
    match = difflib.get_close_matches(wanted.lower(), low, n=1, cutoff=NEAR)
    return low[match[0]] if match else ""


def _place(page: Page) -> str:
    with suppress(Exception):
        title = page.title()
        url = page.url[:URL_CHARS]
        return f"The page is “{title}” at {url}" if title else f"The page is at {url}"
    return ""
