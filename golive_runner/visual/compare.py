"""Two pictures of one page: where they differ in a way that a person would call a change.

Colour differences beyond the neighbourhood (`residual`), without what lies a step beside its place
(`shifts`), gathered to regions: what touches or nearly does is one. A region counts by its weight,
the sum of its colour differences; the thresholds were chosen on one set of generated pages and are
reported on another (benchmarks/visual.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from golive_runner.visual import residual, shifts
from golive_runner.visual.pixels import Box, any_channel, covered, padded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from golive_runner.visual.pixels import Map, Picture

FLOOR = 0.04
"""Colour difference (0 to 1) that a pixel has to have to count: about 10 levels of grey."""
TOUCHING = 3
"""Pixels between two that belong together."""
WEIGHT = 3.5
"""Sum of colour differences from which a region is a change: 10 pixels from white to grey."""
OTHER_RULES = ((0.12, 9.3), (FLOOR, 30.0))
"""Floor and weight where the page is rendered otherwise: glyphs keep a small rest everywhere, so a
change has to be strong or large."""
TINT_FLOOR, TINT_PIXELS = 0.012, 150
"""A flat area has changed its colour from this difference on (3 levels of grey), if as many pixels lie
inside of it: no rendering tints what is flat."""
MARGIN = 8
"""Pixels around what differs at all that are looked at."""
JOINED = 12
"""Pixels between regions that are shown as one."""


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
    changed |= lacking
    regions = _regions(changed, JOINED)
    compared = max(1, int(masked.size - np.count_nonzero(masked)))
    return Comparison(one, two, changed, touched | lacking, masked, regions,
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
    box = around(touched)
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
    tinted = _large((rest > TINT_FLOOR) & flat)
    rest, is_other = shifts.explained(first, second, rest, FLOOR)
    near.of(changed)[:] = tinted
    for floor, weight in OTHER_RULES if is_other else ((FLOOR, WEIGHT),):
        near.of(changed)[:] |= _heavy(rest, floor, weight)
    return changed, is_other


def _heavy(rest: NDArray[np.float32], floor: float, weight: float) -> Map:
    """Return the pixels above the floor of those groups that weigh as much as a change."""
    above = rest > floor
    if not above.any():
        return above
    groups, count = _labelled(above, TOUCHING)
    weights = np.bincount(groups.ravel(), weights=rest.ravel(), minlength=count + 1)
    weights[0] = 0
    return (weights >= weight)[groups]


def _large(marked: Map) -> Map:
    """Return the marks that lie inside of large areas: lines of one or two pixels are none."""
    inner = residual.spread(residual.spread(marked, largest=False), largest=False)
    if np.count_nonzero(inner) < TINT_PIXELS:
        return np.zeros_like(marked)
    groups, count = _labelled(inner, 1)
    sizes = np.bincount(groups.ravel(), minlength=count + 1)
    sizes[0] = 0
    return (sizes >= TINT_PIXELS)[groups]


def _labelled(marked: Map, gap: int) -> tuple[NDArray[Any], int]:
    """Return the number of its group for each marked pixel; marks `gap` pixels apart are one."""
    from scipy import ndimage

    wide = marked
    for _ in range(gap):
        wide = residual.spread(wide, largest=True)
    groups, count = ndimage.label(wide)
    return groups * marked, count


def _regions(changed: Map, gap: int) -> tuple[Box, ...]:
    """Return the boxes of what belongs together, the one with most changed pixels first."""
    from scipy import ndimage

    box = around(changed)
    if box is None:
        return ()
    groups, count = _labelled(box.of(changed), gap)
    sizes = np.bincount(groups.ravel(), minlength=count + 1)[1:]
    found = ndimage.find_objects(groups)
    order = np.argsort(-sizes, kind="stable")
    return tuple(
        Box(box.x + across.start, box.y + down.start, across.stop - across.start,
            down.stop - down.start)
        for down, across in (found[nth] for nth in order)
    )  # fmt: skip


def around(marked: Map) -> Box | None:
    """Return the box around all that is marked, or None."""
    rows, columns = marked.any(axis=1).nonzero()[0], marked.any(axis=0).nonzero()[0]
    if not len(rows):
        return None
    left, top = int(columns[0]), int(rows[0])
    return Box(left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)
