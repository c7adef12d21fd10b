"""One attempt's browser context and the evidence it leaves: trace, video, HAR, console, vitals."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golive_core.artifacts import ArtifactStore
from golive_core.redact import redact
from golive_runner.attempt import Evidence
from golive_runner.journeys import launch
from golive_runner.journeys.acting import BAD_STATUS, Stage
from golive_runner.journeys.document import Journey
from golive_runner.journeys.frames import pictures
from golive_runner.journeys.guard import Guard, address
from golive_runner.journeys.veil import veiled
from golive_runner.scratch import remove

if TYPE_CHECKING:
    from playwright.sync_api import (
        Browser,
        BrowserContext,
        ConsoleMessage,
        Dialog,
        Page,
        Request,
        Response,
    )

LINE_CHARS = 2_000
MOST_LINES = 2_000
LARGEST_BYTES = 50 << 20
"""A larger file is no evidence that anybody looks at; it is named, and left."""
LOOK_MS = 2_000
TREES = ("open", "see", "value", "popup", "close")
SHOT_QUALITY = 60
VIDEO_SHARE = 0.625
"""Of the viewport's width and height: 800 of 1280 pixels, which a person can read."""
MEDIA = {
    ".zip": "application/zip", ".webm": "video/webm", ".har": "application/json",
    ".jpg": "image/jpeg", ".png": "image/png", ".txt": "text/plain", ".json": "application/json",
    ".yaml": "text/yaml",
}  # fmt: skip

PACKED = {MEDIA[suffix] for suffix in (".zip", ".webm", ".jpg", ".png")}


@dataclass(slots=True)
class Said:
    """What the page said on the console, what it asked in vain, and what it opened."""

    lines: list[str] = field(default_factory=list[str])
    errors: int = 0
    vitals: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def add(self, kind: str, text: str, *, is_error: bool = False) -> None:
        """Note a line; what comes after MOST_LINES is counted and not kept."""
        self.errors += is_error
        if len(self.lines) < MOST_LINES:
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            self.lines.append(f"{at} {kind}: {redact(text[:LINE_CHARS])}")
        elif len(self.lines) == MOST_LINES:
            self.lines.append("... more was said than is kept")

    def measured(self, told: str) -> None:
        """Take the web vitals of a page; the last word of each address counts."""
        with suppress(ValueError, TypeError, KeyError):
            vitals: dict[str, Any] = json.loads(told)
            self.vitals[str(vitals.pop("url"))] = vitals


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was kept of an attempt as a whole, and the pictures of its steps in their order."""

    evidence: tuple[Evidence, ...] = ()
    pictures: tuple[Evidence | None, ...] = ()


class Session:
    """A fresh context for one attempt; `close` gives what it recorded."""

    def __init__(
        self, browser: Browser, journey: Journey, store: ArtifactStore, guard: Guard, *, full: bool
    ) -> None:
        self._store, self._full = store, full
        self.folder = Path(tempfile.mkdtemp(prefix="golive-journey-"))
        self.said = Said()
        self.has_crashed = False
        self._context = browser.new_context(**self._options(journey))
        self._context.on("page", self._watch)
        if full:
            self._context.expose_binding("goliveVitals", self._measured)
            self._context.add_init_script(_vitals())
            self._context.tracing.start(screenshots=True, snapshots=True, title=journey.name)
        wait_ms = journey.settings.timeout_s * 1000
        page = self._context.new_page()
        guard.watch(page)
        self.stage = Stage(page, journey.settings.base, journey.path.parent, wait_ms)
        self._context.on("page", guard.watch)

    def _options(self, journey: Journey) -> dict[str, Any]:
        width, height = journey.viewport
        said = journey.settings
        options: dict[str, Any] = {
            "viewport": {"width": width, "height": height}, "color_scheme": said.theme,
            "locale": said.locale, "timezone_id": said.timezone, "accept_downloads": True,
            "ignore_https_errors": said.insecure,
        }  # fmt: skip
        if self._full:
            options |= {
                "record_har_path": self.folder / "network.har", "record_har_content": "omit",
            }  # fmt: skip
            if launch.has_video():
                size = {
                    "width": int(width * VIDEO_SHARE) // 2 * 2,
                    "height": int(height * VIDEO_SHARE) // 2 * 2,
                }
                options |= {"record_video_dir": self.folder / "video", "record_video_size": size}
        return options

    @property
    def context(self) -> BrowserContext:
        """The context."""
        return self._context

    def _measured(self, _: object, told: str) -> None:
        self.said.measured(told)

    def _watch(self, page: Page) -> None:
        page.on("dialog", self._answer)
        page.on("crash", lambda _: self._crashed())
        page.on("console", self._console)
        page.on("pageerror", lambda one: self.said.add("page error", str(one), is_error=True))
        page.on("requestfailed", self._unanswered)
        page.on("response", self._answered)

    def _console(self, one: ConsoleMessage) -> None:
        self.said.add(f"console {one.type}", one.text, is_error=one.type == "error")

    def _unanswered(self, one: Request) -> None:
        self.said.add("request failed", f"{one.method} {one.url} {one.failure}", is_error=True)

    def _answered(self, one: Response) -> None:
        if one.status >= BAD_STATUS:
            said = f"{one.status} {one.request.method} {one.url}"
            self.said.add("answer", said, is_error=True)

    def _crashed(self) -> None:
        self.has_crashed = True
        self.said.add("page", "the page crashed", is_error=True)

    def _answer(self, dialog: Dialog) -> None:
        """Answer a dialog as the last `dialog` step said; one that nobody expected is dismissed."""
        from playwright.sync_api import Error

        wanted, self.stage.answer = self.stage.answer, None
        how = wanted.answer if wanted else "dismiss"
        note = "" if wanted else ", which no step expected"
        self.said.add("dialog", f"{dialog.type} “{dialog.message}”: {how}{note}")
        with suppress(Error):
            if wanted and how == "accept":
                dialog.accept(wanted.text)
            else:
                dialog.dismiss()

    def pictured(self, name: str, action: str, *, is_last: bool) -> Iterator[Evidence]:
        """Yield the picture and the accessibility tree of now; nothing of a page that hangs.

        Where there is a trace its frames are the pictures, but for the one that matters most. The
        tree is taken where a journey says what the page is to be like: it costs as much as a step.
        """
        with suppress(Exception):
            if is_last or not self._full:
                yield self._shot(name)
            if is_last or action in TREES:
                yield self._tree(name)

    def _shot(self, name: str) -> Evidence:
        picture = self.stage.page.screenshot(
            timeout=LOOK_MS, type="jpeg", quality=SHOT_QUALITY, scale="css", caret="initial"
        )
        return self.kept("screenshot", f"{name}.jpg", picture)

    def _tree(self, name: str) -> Evidence:
        text = self.stage.page.locator("body").aria_snapshot(timeout=LOOK_MS)
        return self.kept("accessibility", f"{name}.yaml", redact(text).encode())

    def downloads(self) -> Iterator[Evidence]:
        """Yield what the last steps downloaded."""
        for one in self.stage.downloads:
            path = Path(one.path())
            if path.stat().st_size <= LARGEST_BYTES:
                yield self._file("download", path, one.suggested_filename)
            else:
                self.said.add("download", f"{one.suggested_filename} is too large to keep")
        self.stage.downloads.clear()

    def close(self, *, keep: bool, ends: Sequence[datetime]) -> Recorded:
        """End the context and return its evidence, if it is to be kept.

        `ends` are the times at which steps ended, which pictures are wanted of.
        """
        try:
            evidence = tuple(self._ended(keep=keep))
            return Recorded(evidence, tuple(self._frames(ends)))
        finally:
            remove(self.folder)

    def _frames(self, ends: Sequence[datetime]) -> Iterator[Evidence | None]:
        """Yield a picture of the film strip for each of the times, None where there is none."""
        trace = self.folder / "trace.zip"
        if not trace.exists():
            return
        for nth, body in enumerate(pictures(trace, ends), 1):
            yield self.kept("screenshot", f"{nth:02}.jpg", body) if body else None

    def _ended(self, *, keep: bool) -> Iterator[Evidence]:
        trace = self.folder / "trace.zip"
        if self._full:
            with suppress(Exception):
                self._context.tracing.stop(**({"path": trace} if keep else {}))
        with suppress(Exception):
            self._context.close()
        if not keep:
            return
        if trace.exists():
            yield from self._kept_file("trace", veiled(trace))
        for video in sorted((self.folder / "video").glob("*.webm")):
            yield from self._kept_file("video", video)
        if (har := self.folder / "network.har").exists():
            yield from self._kept_file("har", veiled(har))
        if self.said.lines:
            yield self.kept("console", "console.txt", "\n".join(self.said.lines).encode())
        if self.said.vitals:
            yield self.kept("vitals", "vitals.json", json.dumps(self.said.vitals).encode())

    def _kept_file(self, kind: str, path: Path) -> Iterator[Evidence]:
        size = path.stat().st_size
        if 0 < size <= LARGEST_BYTES:
            yield self._file(kind, path, path.name)
        elif size:
            self.said.add("evidence", f"{path.name} of {size >> 20} MiB is too large to keep")

    def _file(self, kind: str, path: Path, name: str) -> Evidence:
        return self.kept(kind, name, path.read_bytes())

    def kept(self, kind: str, name: str, body: bytes) -> Evidence:
        """Put a body into the store."""
        media = MEDIA.get(Path(name).suffix, "application/octet-stream")
        sha = self._store.put_bytes(body, is_packed=media in PACKED)
        return Evidence(kind, name, media, sha, len(body))


@cache
def _vitals() -> str:
    return resources.files("golive_runner.journeys").joinpath("vitals.js").read_text("utf-8")


def allowed(journey: Journey) -> set[str]:
    """Return the host:ports that a journey names itself, and those that it allows."""
    said = [step.text for step in journey.steps if step.action == "open"]
    return {address(url) for url in (journey.settings.base, *said)} | set(journey.settings.allow)
