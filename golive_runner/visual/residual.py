"""What of the difference of two pictures no other rendering of the same page can explain.

Both pictures are smoothed by a binomial kernel, so that a line that lies on half pixels keeps its
ink, and then each pixel has to lie within the range of colours that the other picture has in the
3 x 3 pixels around it. Anti-aliasing, hinting and a shift by part of a pixel mix neighbouring
colours and stay within; what was added, removed, moved by pixels or painted otherwise does not.
How far a pixel lies outside is told as colour difference in YIQ (Kotsarenko and Ramos, "Measuring
perceived color difference using YIQ NTSC transmission color space in mobile applications",
Programación Matemática y Software 2, 2010), from 0 to 1, as pixelmatch does. The other half of
pixelmatch, telling anti-aliased pixels by their neighbours (Vyšniauskas, "Anti-aliased pixel and
intensity slope detector", 2009), misses text whose hinting differs: benchmarks/visual.py shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from golive_runner.visual.pixels import any_channel, largest_channel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from golive_runner.visual.pixels import Map, Picture

FLAT = 6
"""Levels of a channel within which the pixels around are of one colour."""
MOST = 35215.0
"""The largest squared difference, that of black and white."""
YIQ = np.array(
    [[0.29889531, 0.59597799, 0.21147017], [0.58662247, -0.27417610, -0.52261711],
     [0.11448223, -0.32180189, 0.31114694]], dtype=np.float32,
)  # fmt: skip
WEIGHTS = np.array([0.5053, 0.299, 0.1957], dtype=np.float32)


def colour_difference(steps: NDArray[Any]) -> NDArray[np.float32]:
    """Return how far colours lie apart, 0 to 1, from differences of RGB (n x 3, of 255)."""
    turned = steps.astype(np.float32) @ YIQ
    return np.sqrt((turned * turned) @ WEIGHTS / MOST)


def smoothed(picture: Picture, times: int = 2) -> Picture:
    """Return a picture after `times` kernels of 1 2 1 in both directions."""
    now = picture.astype(np.uint16)
    for _ in range(times):
        for axis in (0, 1):
            now = _kernel(now, axis)
    return now.astype(np.uint8)


def _kernel(array: NDArray[np.uint16], axis: int) -> NDArray[np.uint16]:
    """Return the kernel 1 2 1 along an axis; beyond the edge the edge goes on."""
    first, second = _beside(3, axis)
    out = array * 2
    out[first] += array[second]
    out[second] += array[first]
    for edge in (slice(0, 1), slice(-1, None)):
        at = tuple(edge if one == axis else slice(None) for one in range(3))
        out[at] += array[at]
    out += 2
    out >>= 2
    return out


def spread(picture: NDArray[Any], largest: bool, axes: tuple[int, int] = (0, 1)) -> NDArray[Any]:
    """Return the largest (or smallest) value of the 3 x 3 pixels around each, by channel."""
    pick = np.maximum if largest else np.minimum
    for axis in axes:
        first, second = _beside(picture.ndim, axis)
        out = picture.copy()
        pick(out[first], picture[second], out=out[first])
        pick(out[second], picture[first], out=out[second])
        picture = out
    return picture


def _beside(dimensions: int, axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return the indexes of all but the first and of all but the last along an axis."""
    rest = [slice(None)] * dimensions
    first, second = rest.copy(), rest.copy()
    first[axis], second[axis] = slice(1, None), slice(None, -1)
    return tuple(first), tuple(second)


def unexplained(one: Picture, two: Picture) -> tuple[NDArray[np.float32], Map]:
    """Return by pixel how far two smoothed pictures differ beyond their neighbours, 0 to 1.

    And where both are flat, that is of one colour around: no rendering tints those.
    """
    first, second = _range(one), _range(two)
    flat = (largest_channel(first[1] - first[0]) <= FLAT) & (
        largest_channel(second[1] - second[0]) <= FLAT
    )
    return np.maximum(outside(one, *second), outside(two, *first)), flat


def _range(picture: Picture) -> tuple[Picture, Picture]:
    return spread(picture, largest=False), spread(picture, largest=True)


def outside(picture: Picture, low: Picture, high: Picture) -> NDArray[np.float32]:
    """Return by pixel how far a picture lies outside of a range of colours, 0 to 1."""
    steps = picture.astype(np.int16) - np.clip(picture, low, high)
    found = np.zeros(picture.shape[:-1], np.float32)
    at = np.nonzero(any_channel(steps != 0))
    found[at] = colour_difference(steps[at])
    return found
