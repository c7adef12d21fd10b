"""A browser in which a person acts while GoLive writes down what they do.

Where there is a display a window opens. Where there is none the browser runs without one and can
be reached at a port of this machine, as Chrome's own `chrome://inspect` shows pages to click in.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import resources
from threading import Event as Signal
from typing import TYPE_CHECKING, Any

from golive_core.errors import UsageError
from golive_core.settings import variable
from golive_runner.journeys import launch
from golive_runner.journeys.judging import judged
from golive_runner.recorder.writing import Recording
from golive_runner.scratch import scratch

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Dialog, Page, Playwright

LOOK_MS = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is recorded: the first page, whether a window is shown, and a port for the browser."""

    url: str
    headed: bool
    port: int = 0
    size: tuple[int, int] = (1280, 720)


def has_display() -> bool:
    """Tell whether a window can be shown."""
    return sys.platform != "linux" or bool(variable("DISPLAY") or variable("WAYLAND_DISPLAY"))


def record(wanted: Wanted, stop: Signal, on: Callable[[str], None]) -> Recording:
    """Record until the person closes the last page or `stop` is set; `on` hears of each step.

    Raises UsageError where the page cannot be opened or there is no browser.
    """
    from playwright.sync_api import Error, sync_playwright

    recording = Recording(wanted.url)
    with sync_playwright() as playwright, scratch("golive-record-") as profile:
        context = _opened(playwright, wanted, str(profile))
        _Taken(recording, on).watch(context)
        page = context.pages[0]
        try:
            page.goto(wanted.url, wait_until="domcontentloaded")
        except Error as error:
            raise UsageError(f"cannot be opened: {judged(error)[2]}", where=wanted.url) from error
        while context.pages and not stop.is_set():
            with suppress(Error):
                context.pages[-1].wait_for_timeout(LOOK_MS)
        with suppress(Error):
            context.close()
    return recording


def _opened(playwright: Playwright, wanted: Wanted, profile: str) -> BrowserContext:
    """Return the one context of a browser: what connects through a port sees no other."""
    width, height = wanted.size
    port = [f"--remote-debugging-port={wanted.port}"] if wanted.port else []
    return playwright.chromium.launch_persistent_context(
        profile, executable_path=launch.system_chromium(), args=launch.flags(*port),
        headless=not wanted.headed, viewport={"width": width, "height": height},
    )  # fmt: skip


class _Taken:
    """Takes what the pages of a context tell."""

    def __init__(self, recording: Recording, on: Callable[[str], None]) -> None:
        self._recording, self._on = recording, on

    def watch(self, context: BrowserContext) -> None:
        context.expose_binding("goliveRecord", self._told)
        context.add_init_script(_script())
        context.on("page", self._page)
        for page in context.pages:
            self._page(page)

    def _page(self, page: Page) -> None:
        page.on("dialog", self._dialog)
        page.on("download", lambda _: self._take({"kind": "download"}))
        if page.opener() is not None:
            self._take({"kind": "popup"})

    def _told(self, _: object, text: str) -> None:
        with suppress(ValueError, KeyError, TypeError):
            self._take(json.loads(text))

    def _dialog(self, dialog: Dialog) -> None:
        from playwright.sync_api import Error

        self._take({"kind": "dialog", "answer": "accept"})
        with suppress(Error):
            dialog.accept()

    def _take(self, event: dict[str, Any]) -> None:
        before = len(self._recording.steps)
        self._recording.take(event)
        if len(self._recording.steps) > before or event["kind"] in ("popup", "download"):
            self._on(json.dumps(self._recording.steps[-1], ensure_ascii=False))


@cache
def _script() -> str:
    return resources.files("golive_runner.recorder").joinpath("capture.js").read_text("utf-8")
