"""From marked pixels to groups of them and to boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from golive_runner.visual.pixels import Box
from golive_runner.visual.residual import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from golive_runner.visual.pixels import Map


def heavy(rest: NDArray[np.float32], floor: float, weight: float, gap: int) -> Map:
    """Return the pixels above the floor in those groups whose sum is at least the weight."""
    above = rest > floor
    if not above.any():
        return above
    groups, count = _labelled(above, gap)
    weights = np.bincount(groups.ravel(), weights=rest.ravel(), minlength=count + 1)
    weights[0] = 0
    return (weights >= weight)[groups]


def large(marked: Map, pixels: int) -> Map:
    """Return the marks that lie inside of areas: lines of up to four pixels are none."""
    inner = spread(spread(marked, largest=False), largest=False)
    if np.count_nonzero(inner) < pixels:
        return np.zeros_like(marked)
    groups, count = _labelled(inner, 1)
    sizes = np.bincount(groups.ravel(), minlength=count + 1)
    sizes[0] = 0
    return (sizes >= pixels)[groups]


def boxes(changed: Map, gap: int) -> tuple[Box, ...]:
    """Return the boxes of what belongs together, the one with most changed pixels first."""
    from scipy import ndimage

    box = around(changed)
    if box is None:
        return ()
    groups, count = _labelled(box.of(changed), gap)
    sizes = np.bincount(groups.ravel(), minlength=count + 1)[1:]
    found = cast("list[tuple[Any, Any]]", ndimage.find_objects(groups))
    return tuple(_box(box, *found[nth]) for nth in np.argsort(-sizes, kind="stable"))


def _box(within: Box, down: Any, across: Any) -> Box:  # noqa: ANN401 - slices, whose type scipy does not tell
    return Box(within.x + int(across.start), within.y + int(down.start),
               int(across.stop - across.start), int(down.stop - down.start))  # fmt: skip


def _labelled(marked: Map, gap: int) -> tuple[NDArray[Any], int]:
    """Return the number of its group for each marked pixel, and how many groups there are.

    Marks with up to twice `gap` pixels between them are of one group.
    """
    from scipy import ndimage

    wide = marked
    for _ in range(gap):
        wide = spread(wide, largest=True)
    groups, count = cast("tuple[NDArray[Any], int]", ndimage.label(wide))
    return groups * marked, count


def around(marked: Map) -> Box | None:
    """Return the box around all that is marked, or None."""
    rows, columns = (np.flatnonzero(np.logical_or.reduce(marked, axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    left, top = int(columns[0]), int(rows[0])
    return Box(left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)
