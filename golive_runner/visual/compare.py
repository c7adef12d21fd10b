"""Two pictures of one page: where they differ in a way that a person would call a change.

Colour differences beyond the neighbourhood (`residual`), without what lies a step beside its place
(`shifts`), gathered to regions: what touches or nearly does is one. A region counts by its weight,
the sum of its colour differences; the thresholds were chosen on one set of generated pages and are
reported on another (benchmarks/visual.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from golive_runner.visual import regions, residual, shifts
from golive_runner.visual.pixels import Box, any_channel, covered, padded

if TYPE_CHECKING:
    from golive_runner.visual.pixels import Map, Picture

FLOOR = 0.04
"""Colour difference (0 to 1) that a pixel has to have to count: about 10 levels of grey."""
TOUCHING = 3
"""Pixels around a mark: marks whose rims touch belong together."""
WEIGHT = 3.5
"""Sum of colour differences from which a region is a change: 10 pixels from white to grey."""
OTHER_RULES = ((0.12, 9.3), (FLOOR, 30.0))
"""Floor and weight where the page is rendered otherwise: glyphs keep a small rest everywhere, so a
change has to be strong or large."""
TINT_FLOOR, TINT_PIXELS = 0.012, 150
"""A flat area has changed its colour from this difference on (3 levels of grey), if as many pixels
lie inside of it: no rendering tints what is flat."""
MARGIN = 8
"""Pixels around what differs at all that are looked at."""
JOINED = 5
"""Pixels around regions: those whose rims touch are shown as one."""


@dataclass(frozen=True)
class Comparison:
    """What two pictures of one page have to do with each other.

    `regions` are the changes, heaviest first; `changed` marks their pixels (height x width) and
    `touched` those that differ at all; `changed_share` is the part of what was compared that
    changed. Where sizes differ the larger counts, and what only one of them has is a change.
    """

    before: Picture
    after: Picture
    changed: Map
    touched: Map
    masked: Map
    regions: tuple[Box, ...]
    changed_share: float
    is_rendered_otherwise: bool = False


def compare(before: Picture, after: Picture, masks: Sequence[Sequence[float]] = ()) -> Comparison:
    """Compare two pictures outside of masks (x, y, width, height)."""
    height, width = (max(sizes) for sizes in zip(before.shape[:2], after.shape[:2], strict=True))
    one, two = padded(before, height, width), padded(after, height, width)
    masked = covered((height, width), masks)
    lacking = _lacking(before, after, height, width) & ~masked
    touched = any_channel(one != two) & ~masked
    changed, is_other = _changed(one, two, touched, masked)
    changed = (changed & touched) | lacking
    boxes = regions.boxes(changed, JOINED)
    compared = max(1, int(masked.size - np.count_nonzero(masked)))
    return Comparison(one, two, changed, touched | lacking, masked, boxes,
                      np.count_nonzero(changed) / compared, is_other)  # fmt: skip


def _lacking(before: Picture, after: Picture, height: int, width: int) -> Map:
    """Return what only one of the pictures has."""
    found = np.zeros((height, width), np.bool_)
    for picture in (before, after):
        found[picture.shape[0] :] = True
        found[:, picture.shape[1] :] = True
    return found


def _changed(one: Picture, two: Picture, touched: Map, masked: Map) -> tuple[Map, bool]:
    """Return the pixels of changes, and whether the page is rendered otherwise."""
    changed = np.zeros(touched.shape, np.bool_)
    box = regions.around(touched)
    if box is None:
        return changed, False
    near = box.grown(MARGIN, *touched.shape)
    hidden = near.of(masked)[:, :, None]
    first, second = (
        residual.smoothed(np.where(hidden, 128, near.of(each)).astype(np.uint8))
        if hidden.any()
        else residual.smoothed(near.of(each))
        for each in (one, two)
    )
    rest, flat = residual.unexplained(first, second)
    tinted = regions.large((rest > TINT_FLOOR) & flat, TINT_PIXELS)
    rest, is_other = shifts.explained(first, second, rest, FLOOR)
    near.of(changed)[:] = tinted
    for floor, weight in OTHER_RULES if is_other else ((FLOOR, WEIGHT),):
        near.of(changed)[:] |= regions.heavy(rest, floor, weight, TOUCHING)
    return changed, is_other
