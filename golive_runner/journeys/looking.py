"""A look at a page: its picture once it stands still, and what of it is masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from golive_core.artifacts import ArtifactStore
from golive_core.errors import LakeError
from golive_runner.attempt import Evidence, Look
from golive_runner.journeys.document import Looked, Target
from golive_runner.journeys.finding import candidates
from golive_runner.visual import Place, check

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from golive_runner.journeys.acting import Stage

STILL_MS = 100
TRIES = 10
"""Pictures that are taken until two in a row are the same; then it is looked at as it is."""


@dataclass(frozen=True)
class Looking:
    """Compares what pages look like with pictures that people decided about, SHA-256 by look."""

    store: ArtifactStore
    baselines: Mapping[str, str] = field(default_factory=dict[str, str])
    rejected: Mapping[str, Sequence[str]] = field(default_factory=dict[str, "Sequence[str]"])

    def look(
        self, stage: Stage, looked: Looked, place: Place, test: tuple[str, str]
    ) -> tuple[Look, list[Evidence]]:
        """Look at the page, or an element of it; `test` is its suite and name."""
        element = stage.element(looked.target) if looked.target else None
        png = _still(stage.page, element, full_page=looked.full_page)
        masks = _masks(stage.page, element, looked)
        look = place.look_id(*test)
        approved = self._picture(self.baselines.get(look, ""))
        shas = () if approved else self.rejected.get(look, ())
        refused = [one for one in map(self._picture, shas) if one]
        return check(self.store, place, png, approved, masks, refused)

    def _picture(self, sha: str) -> bytes | None:
        try:
            return self.store.get(sha) if sha else None
        except LakeError:
            return None  # its picture was lost: it has to be decided again


def _still(page: Page, element: Locator | None, *, full_page: bool) -> bytes:
    """Return the picture (PNG, one pixel a CSS pixel) once two in a row are the same."""
    page.evaluate("() => document.fonts && document.fonts.ready.then(() => true)")
    before = b""
    for _ in range(TRIES):
        now = _shot(page, element, full_page=full_page)
        if now == before:
            break
        before = now
        page.wait_for_timeout(STILL_MS)
    return before


def _shot(page: Page, element: Locator | None, *, full_page: bool) -> bytes:
    if element is not None:
        return element.screenshot(animations="disabled", caret="hide", scale="css")
    return page.screenshot(animations="disabled", caret="hide", scale="css", full_page=full_page)


def _masks(page: Page, element: Locator | None, looked: Looked) -> list[Sequence[float]]:
    """Return the boxes of what is not looked at, from the left and top of the picture."""
    left, top = _origin(page, element, full_page=looked.full_page)
    return [
        (box["x"] - left, box["y"] - top, box["width"], box["height"])
        for target in looked.mask
        for one in _every(page, target)
        if (box := one.bounding_box())
    ]


def _origin(page: Page, element: Locator | None, *, full_page: bool) -> tuple[float, float]:
    """Return where the picture begins, in pixels of the window."""
    if element is not None:
        box = element.bounding_box()
        return (box["x"], box["y"]) if box else (0.0, 0.0)
    if full_page:
        left, top = page.evaluate("() => [-scrollX, -scrollY]")
        return float(left), float(top)
    return 0.0, 0.0


def _every(page: Page, target: Target) -> list[Locator]:
    """Return all elements that a mask may mean; none is no error: then nothing is hidden."""
    for way in candidates(page, target):
        if found := way.filter(visible=True).all():
            return found
    return []
