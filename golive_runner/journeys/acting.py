"""What each action of a journey does on the page. One function an action, found by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urljoin, urlsplit

from golive_runner.journeys.document import (
    Chosen,
    Dialog,
    Filled,
    Pressed,
    Step,
    Target,
    Uploaded,
    Valued,
    filled_in,
)
from golive_runner.journeys.finding import CHECKED, CHOSEN, FILLED, LIKELY, Done, acted, seen

if TYPE_CHECKING:
    from playwright.sync_api import Download, Locator, Page

BAD_STATUS = 400
SHOWN = 80
NOW_MS = 1_000


class Unmet(Exception):  # noqa: N818 - it says what the page does not do
    """The page is not as the step expects it."""


class Trouble(Exception):  # noqa: N818 - the surroundings failed, not the page under test
    """The step could not be tried."""


@dataclass(slots=True)
class Stage:
    """The page that is acted on, and what a step leaves for the next."""

    page: Page
    base: str
    folder: Path
    wait_ms: float
    answer: Dialog | None = None
    downloads: list[Download] = field(default_factory=list["Download"])

    def on(
        self, target: Target, doing: Callable[[Locator], Done], likely: Sequence[str] = LIKELY
    ) -> Done:
        """Do something with the element that is meant, and return what comes of it."""
        return acted(self.page, target, self.wait_ms, doing, likely)

    def element(self, target: Target) -> Locator:
        """Return the element that is meant, once it is to be seen."""

        def there(one: Locator) -> Locator:
            one.wait_for(timeout=self.wait_ms)
            return one

        return self.on(target, there)


Act = Callable[[Stage, Step], None]


def perform(stage: Stage, step: Step) -> None:
    """Do one step; raises Unmet or NotFound where the page is not so, Trouble for the rest."""
    ACTS[step.action](stage, step)


def _open(stage: Stage, step: Step) -> None:
    url = urljoin(stage.base, filled_in(step.text))
    if urlsplit(url).scheme not in ("http", "https", "data", "about", "file"):
        raise Trouble(f"“{url}” is no address: write http://… or set base in the journey")
    answer = stage.page.goto(url, wait_until="domcontentloaded", timeout=stage.wait_ms)
    if answer is not None and answer.status >= BAD_STATUS:
        raise Unmet(f"{url} answered {answer.status} {answer.status_text}".rstrip())


def _reload(stage: Stage, step: Step) -> None:
    stage.page.reload(wait_until="domcontentloaded", timeout=stage.wait_ms)


def _back(stage: Stage, step: Step) -> None:
    stage.page.go_back(wait_until="domcontentloaded", timeout=stage.wait_ms)


def _click(stage: Stage, step: Step) -> None:
    stage.on(_target(step), lambda one: one.click(timeout=stage.wait_ms))


def _double_click(stage: Stage, step: Step) -> None:
    stage.on(_target(step), lambda one: one.dblclick(timeout=stage.wait_ms))


def _hover(stage: Stage, step: Step) -> None:
    stage.on(_target(step), lambda one: one.hover(timeout=stage.wait_ms))


def _check(stage: Stage, step: Step) -> None:
    stage.on(_target(step), lambda one: one.check(timeout=stage.wait_ms), CHECKED)


def _uncheck(stage: Stage, step: Step) -> None:
    stage.on(_target(step), lambda one: one.uncheck(timeout=stage.wait_ms), CHECKED)


def _scroll_to(stage: Stage, step: Step) -> None:
    stage.on(_target(step), lambda one: one.scroll_into_view_if_needed(timeout=stage.wait_ms))


def _fill(stage: Stage, step: Step) -> None:
    filled = cast("Filled", step.on)
    given = filled_in(filled.given)
    stage.on(filled, lambda one: one.fill(given, timeout=stage.wait_ms), FILLED)


def _choose(stage: Stage, step: Step) -> None:
    chosen = cast("Chosen", step.on)
    stage.on(
        chosen, lambda one: one.select_option(label=chosen.option, timeout=stage.wait_ms), CHOSEN
    )


def _upload(stage: Stage, step: Step) -> None:
    given = cast("Uploaded", step.on)
    path = stage.folder / given.file
    if not path.is_file():
        raise Trouble(f"there is no file {given.file} beside the journey")
    stage.on(given, lambda one: one.set_input_files(path, timeout=stage.wait_ms))


def _press(stage: Stage, step: Step) -> None:
    pressed = cast("Pressed", step.on)
    if pressed.is_somewhere:
        stage.on(pressed, lambda one: one.press(pressed.key, timeout=stage.wait_ms), FILLED)
    else:
        stage.page.keyboard.press(pressed.key)


def _see(stage: Stage, step: Step) -> None:
    seen(stage.page, _target(step), stage.wait_ms)


def _gone(stage: Stage, step: Step) -> None:
    from playwright.sync_api import TimeoutError as Late

    from golive_runner.journeys.finding import candidates

    for way in candidates(stage.page, _target(step)):
        try:
            way.filter(visible=True).first.wait_for(state="hidden", timeout=stage.wait_ms)
        except Late as error:
            raise Unmet(f"{step.on} is still there after {stage.wait_ms / 1000:g} s") from error


def _value(stage: Stage, step: Step) -> None:
    from playwright.sync_api import expect

    valued = cast("Valued", step.on)
    wanted = filled_in(valued.is_)

    def hold(element: Locator) -> None:
        try:
            expect(element).to_have_value(wanted, timeout=stage.wait_ms)
        except AssertionError as error:
            now = element.input_value(timeout=NOW_MS)[:SHOWN]
            raise Unmet(f"{valued} has the value “{now}”") from error

    stage.on(valued, hold, FILLED)


def _address(stage: Stage, step: Step) -> None:
    from playwright.sync_api import TimeoutError as Late

    wanted = urljoin(stage.base, step.text) if step.text.startswith("/") else step.text
    try:
        stage.page.wait_for_url(
            lambda url: url == wanted or fnmatchcase(url, wanted), timeout=stage.wait_ms,
            wait_until="commit",
        )  # fmt: skip
    except Late as error:
        raise Unmet(f"the page is at {stage.page.url}") from error


def _dialog(stage: Stage, step: Step) -> None:
    stage.answer = cast("Dialog", step.on)


def _download(stage: Stage, step: Step) -> None:
    from playwright.sync_api import TimeoutError as Late

    def click(element: Locator) -> Download:
        with stage.page.expect_download(timeout=stage.wait_ms) as begun:
            element.click(timeout=stage.wait_ms)
        return begun.value

    try:
        download = stage.on(_target(step), click)
    except Late as error:
        raise Unmet(f"{step.on} began no download within {stage.wait_ms / 1000:g} s") from error
    if failure := download.failure():
        raise Unmet(f"the download failed: {failure}")
    stage.downloads.append(download)


def _popup(stage: Stage, step: Step) -> None:
    from playwright.sync_api import TimeoutError as Late

    def click(element: Locator) -> Page:
        with stage.page.expect_popup(timeout=stage.wait_ms) as opened:
            element.click(timeout=stage.wait_ms)
        return opened.value

    try:
        opened = stage.on(_target(step), click)
    except Late as error:
        raise Unmet(f"{step.on} opened no window within {stage.wait_ms / 1000:g} s") from error
    stage.page = opened
    stage.page.wait_for_load_state("domcontentloaded", timeout=stage.wait_ms)


def _close(stage: Stage, step: Step) -> None:
    left = [page for page in stage.page.context.pages if page is not stage.page]
    if not left:
        raise Trouble("there is no other window to go back to")
    stage.page.close()
    stage.page = left[-1]


def _target(step: Step) -> Target:
    return cast("Target", step.on)


ACTS: Mapping[str, Act] = {
    "open": _open, "reload": _reload, "back": _back, "click": _click,
    "double_click": _double_click, "hover": _hover, "check": _check, "uncheck": _uncheck,
    "scroll_to": _scroll_to, "fill": _fill, "choose": _choose, "upload": _upload,
    "press": _press, "see": _see, "gone": _gone, "value": _value,
    "address": _address, "dialog": _dialog, "download": _download, "popup": _popup,
    "close": _close,
}  # fmt: skip
