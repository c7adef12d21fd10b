"""Text whose glyphs are drawn wider or narrower: the same words some pixels beside where they were.

Another hinting of fonts changes the width of every glyph, so that words lie elsewhere by a few
pixels without anything having been changed. The picture is cut into tiles; each tile with an
unexplained rest is sought in the other picture nearby (least sum of absolute differences of luma),
and the rest is taken anew at the best place. One pixel is always allowed. More is, across, only
where the whole page is rendered otherwise: much of it differs, what differs is found again beside
its place, by steps that vary from word to word, and not pixel by pixel. What was moved on a page is
found by one step, as it was, and the rest of the page does not differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from golive_runner.visual.pixels import largest_channel
from golive_runner.visual.residual import outside, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from golive_runner.visual.pixels import Picture

TILE = (24, 32)
"""Height and width of a tile: about a word of body text."""
NEAR = 1
"""Pixels by which anything may lie elsewhere."""
ACROSS = 8
"""Pixels by which a word may lie elsewhere, across, on a page that is rendered otherwise."""
RIM = 1
"""Pixels around a tile that the range of neighbouring colours needs."""
LEAST = 1.0
"""Rest of a tile (sum of colour differences) from which it is looked at."""
FEWEST = 40
"""Tiles that have to differ at all before a page may be called rendered otherwise ..."""
LEAST_SHARE = 0.07
"""... and the share of them that have to have a rest ..."""
FOUND_SHARE = 0.4
"""... of which this share has to be found beside its place ..."""
OTHER_PIXELS = 0.35
"""... with so many other pixels, to those that differ in place (median) ..."""
ONE_STEP = 0.6
"""... and by the same step of more than NEAR pixels at most this share."""
DIFFERS = 8
"""Levels of a channel from which a pixel differs at all."""
GAIN, SMALL = 0.3, 2.0
"""A tile is found if its rest falls to this share, or below this sum."""
LUMA = np.array([77, 150, 29], dtype=np.uint16)


@dataclass(frozen=True)
class Tiles:
    """The tiles with a rest, each sought nearby."""

    tops: NDArray[np.intp]
    lefts: NDArray[np.intp]
    before: NDArray[np.float32]
    """Rest in place: the sum of colour differences above the floor."""
    rests: NDArray[np.float32]
    """Colour differences at the best place, by tile, row and column."""
    steps: NDArray[np.intp]
    """Down and across to the best place."""
    others: NDArray[np.float32]
    """Pixels that differ at the best place, to those that do in place."""


def explained(
    one: Picture, two: Picture, rest: NDArray[np.float32], floor: float
) -> tuple[NDArray[np.float32], bool]:
    """Return what is left of a rest of two smoothed pictures, and if they are rendered otherwise.

    `rest` is changed in place.
    """
    far = sought(one, two, rest, floor, ACROSS)
    is_other = _is_rendered_otherwise(one, two, far, floor)
    across = ACROSS if is_other else NEAR
    for down, left in ((0, 0), (TILE[0] // 2, TILE[1] // 2)):
        part = rest[down:, left:]
        if not part.size:
            continue
        is_known = is_other and not down
        tiles = (
            far if is_known else sought(one[down:, left:], two[down:, left:], part, floor, across)
        )
        for top, side, at in zip(tiles.tops, tiles.lefts, tiles.rests, strict=True):
            here = part[top : top + TILE[0], side : side + TILE[1]]
            np.minimum(here, at[: here.shape[0], : here.shape[1]], out=here)
    return rest, is_other


def _is_rendered_otherwise(one: Picture, two: Picture, tiles: Tiles, floor: float) -> bool:
    differs = np.maximum(one, two) - np.minimum(one, two)
    touched = (
        by_tile((largest_channel(differs) > DIFFERS).astype(np.float32)) >= TILE[0] / 2
    ).sum()
    if touched < FEWEST or len(tiles.before) < LEAST_SHARE * touched:
        return False
    left = np.where(tiles.rests > floor, tiles.rests, 0).sum(axis=(1, 2))
    found = left <= np.maximum(SMALL, GAIN * tiles.before)
    if found.mean() < FOUND_SHARE:
        return False
    steps, counts = np.unique(tiles.steps[found], axis=0, return_counts=True)
    is_one = counts.max() > ONE_STEP * found.sum() and np.abs(steps[counts.argmax()]).max() > NEAR
    return not is_one and float(np.median(tiles.others[found])) >= OTHER_PIXELS


def sought(
    one: Picture, two: Picture, rest: NDArray[np.float32], floor: float, across: int
) -> Tiles:
    """Return the tiles with a rest above `floor`, each sought in the second (smoothed) picture."""
    sums = by_tile(np.where(rest > floor, rest, 0))
    rows, columns = np.nonzero(sums > LEAST)
    tops, lefts = rows * TILE[0], columns * TILE[1]
    rim = (NEAR + RIM, across + RIM)
    wide_one, wide_two = (
        np.pad(each, ((rim[0], rim[0] + TILE[0]), (rim[1], rim[1] + TILE[1]), (0, 0)), mode="edge")
        for each in (one, two)
    )
    patches = _cut(wide_one, tops + NEAR, lefts + across, RIM, RIM)
    steps = _best(_luma(patches), _luma(_cut(wide_two, tops, lefts, *rim)), across)
    there = _cut(wide_two, tops + NEAR + steps[:, 0], lefts + across + steps[:, 1], RIM, RIM)
    here = _cut(wide_two, tops + NEAR, lefts + across, RIM, RIM)
    others = _other_pixels(patches, there) / np.maximum(1, _other_pixels(patches, here))
    return Tiles(tops, lefts, sums[rows, columns], _rest(patches, there), steps,
                 others.astype(np.float32))  # fmt: skip


def by_tile(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sums of the tiles, by row and column of tiles."""
    high, wide = TILE
    rows, columns = -(-values.shape[0] // high), -(-values.shape[1] // wide)
    whole = np.zeros((rows * high, columns * wide), np.float32)
    whole[: values.shape[0], : values.shape[1]] = values
    return whole.reshape(rows, high, columns, wide).sum(axis=(1, 3))


def _cut(
    picture: Picture, tops: NDArray[np.intp], lefts: NDArray[np.intp], down: int, across: int
) -> NDArray[np.uint8]:
    """Return tiles with a rim, n x height x width x 3, from their place in a padded picture."""
    windows = np.lib.stride_tricks.sliding_window_view(
        picture, (TILE[0] + 2 * down, TILE[1] + 2 * across), axis=(0, 1)
    )
    return np.moveaxis(windows[tops, lefts], 1, 3)


def _luma(tiles: NDArray[np.uint8]) -> NDArray[np.int16]:
    return ((tiles @ LUMA) >> 8).astype(np.int16)


def _best(patches: NDArray[np.int16], windows: NDArray[np.int16], across: int) -> NDArray[np.intp]:
    """Return by tile the step with the least difference, the shortest of those that are alike."""
    inner = patches[:, RIM:-RIM, RIM:-RIM]
    places = [(y, x) for y in range(-NEAR, NEAR + 1) for x in range(-across, across + 1)]
    places.sort(key=lambda place: abs(place[0]) + abs(place[1]))
    costs = np.empty((len(places), len(inner)), np.int32)
    for nth, (y, x) in enumerate(places):
        top, left = RIM + NEAR + y, RIM + across + x
        there = windows[:, top : top + TILE[0], left : left + TILE[1]]
        costs[nth] = np.abs(there - inner).sum(axis=(1, 2), dtype=np.int32)
    return np.array(places, np.intp)[costs.argmin(axis=0)]


def _other_pixels(ones: NDArray[np.uint8], twos: NDArray[np.uint8]) -> NDArray[np.intp]:
    steps = np.maximum(ones, twos) - np.minimum(ones, twos)
    return (largest_channel(steps) > DIFFERS // 2).sum(axis=(1, 2))


def _rest(ones: NDArray[np.uint8], twos: NDArray[np.uint8]) -> NDArray[np.float32]:
    inner = (slice(None), slice(RIM, -RIM), slice(RIM, -RIM))
    return np.maximum(_outside(ones, twos)[inner], _outside(twos, ones)[inner])


def _outside(ones: NDArray[np.uint8], twos: NDArray[np.uint8]) -> NDArray[np.float32]:
    low, high = (spread(twos, largest, (1, 2)) for largest in (False, True))
    return outside(ones, low, high)
