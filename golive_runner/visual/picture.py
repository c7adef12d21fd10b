"""The picture that shows a difference: the page faded, changes marked, regions boxed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from golive_runner.visual.kinds import luma

if TYPE_CHECKING:
    from golive_runner.visual.compare import Comparison
    from golive_runner.visual.pixels import Picture

COLOURS = {
    "layout": (37, 99, 235), "text": (190, 24, 93), "colour": (217, 119, 6),
    "dynamic": (124, 58, 237), "anti-aliasing": (100, 116, 139),
}  # fmt: skip
CHANGED = (225, 29, 72)
TOUCHED = (250, 204, 21)
MASKED = (148, 163, 184)
FADE = 0.28
"""How much is left of the page behind the marks."""
STROKE = 2
ROOM = 4


def drawn(found: Comparison, kinds: tuple[str, ...]) -> Picture:
    """Return the picture of a comparison; `kinds` colours the boxes, a word of KINDS each."""
    from PIL import Image, ImageDraw

    grey = 255 - (255 - luma(found.after)) * FADE
    page = np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)
    page[found.masked] = (page[found.masked] * 0.6 + np.array(MASKED) * 0.4).astype(np.uint8)
    page[found.touched & ~found.changed] = TOUCHED
    page[found.changed] = CHANGED
    image = Image.fromarray(page)
    pen = ImageDraw.Draw(image)
    for nth, (box, kind) in enumerate(zip(found.regions, kinds, strict=True), start=1):
        colour = COLOURS[kind]
        near = box.grown(ROOM, image.height, image.width)
        pen.rectangle(
            (near.x, near.y, near.right - 1, near.bottom - 1), outline=colour, width=STROKE
        )
        said = f" {nth} {kind} "
        _, _, right, bottom = pen.textbbox((0, 0), said)
        x = min(near.x, max(0, image.width - int(right)))
        y = near.y - int(bottom) - 2 if near.y > bottom + 2 else near.bottom
        pen.rectangle((x, y, x + right, y + bottom + 2), fill=colour)
        pen.text((x, y), said, fill="white")
    return np.asarray(image)
