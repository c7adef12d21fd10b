"""What a changed region is, by features of the two pictures, without any model.

In this order: one side flat: something was added or removed (layout). The edges are where they
were and the colours are others: colour. The old content is found again nearby: moved (layout). Both
sides of many colours and unlike: dynamic content, as pictures, maps and advertisements are. The
same paper and ink in another pattern: text. Anything else: layout. What no region is
made of, but differs, is anti-aliasing. How often this is right: benchmarks/visual.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from golive_runner.visual.pixels import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from golive_runner.visual.pixels import Picture

KINDS = ("layout", "text", "colour", "dynamic", "anti-aliasing")
FLAT = 4.0
"""Standard deviation of luma below which a side holds nothing."""
SAME_EDGES, LIKE_EDGES = 0.8, 0.25
"""Correlation of gradients from which the drawing is the same; on another paper the second."""
BUSY = 14.0
"""Standard deviation of colour (levels) off the line that most of it varies along, from which both
sides are pictures: text and its anti-aliasing lie on the line between paper and ink."""
REACH = 40
"""Pixels around its place where the old content is sought."""
SAMPLE = 40
"""Height and width of what is sought."""
FOUND, GAIN = 9.0, 0.35
"""Mean difference of luma (levels) at which the old content is found again, and the most that this
may be of the difference in place."""
SAME_COLOUR = 24
"""Levels by which paper and ink may differ and be the same."""
MOST_SOUGHT = 4
"""Regions that are sought elsewhere: the largest; it takes 20 ms each."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a region is: a word of KINDS, and what is known beside it ("moved by 4, 0")."""

    word: str
    told: str = ""


def classified(before: Picture, after: Picture, regions: tuple[Box, ...]) -> tuple[Kind, ...]:
    """Return the kind of each region of two pictures of one size."""
    tones = luma(before), luma(after)
    return tuple(
        _kind((before, after), tones, box, is_sought=nth < MOST_SOUGHT)
        for nth, box in enumerate(regions)
    )


def luma(picture: Picture) -> NDArray[np.int16]:
    """Return the luma of a picture, 0 to 255."""
    return ((picture @ np.array([77, 150, 29], np.uint16)) >> 8).astype(np.int16)


def _kind(
    pictures: tuple[Picture, Picture], tones: tuple[NDArray[np.int16], NDArray[np.int16]],
    box: Box, *, is_sought: bool,
) -> Kind:  # fmt: skip
    near = box.grown(2, *tones[0].shape)
    one, two = (near.of(tone) for tone in tones)
    flat = one.std() < FLAT, two.std() < FLAT
    if flat[0] != flat[1]:
        return Kind("layout", "added" if flat[0] else "removed")
    likeness = _likeness(one, two)
    if all(flat) or likeness >= SAME_EDGES:
        return Kind("colour")
    step = _moved(tones, box) if is_sought else None
    if step is not None:
        return Kind("layout", f"moved by {step[0]}, {step[1]} px")
    first, second = (near.of(picture) for picture in pictures)
    return Kind(_by_colours(first, second, likeness))


def _by_colours(first: Picture, second: Picture, likeness: float) -> str:
    """Return the kind of two sides of which neither is flat nor the other one moved."""
    (paper, ink), (other_paper, other_ink) = _paper_and_ink(first), _paper_and_ink(second)
    papers = np.abs(paper - other_paper).max()
    if papers > SAME_COLOUR and likeness >= LIKE_EDGES:
        return "colour"
    if min(_colourful(first), _colourful(second)) >= BUSY:
        return "dynamic"
    is_text = max(papers, np.abs(ink - other_ink).max() / 2) <= SAME_COLOUR
    return "text" if is_text else "layout"


def _likeness(one: NDArray[np.int16], two: NDArray[np.int16]) -> float:
    """Return the correlation of the sizes of the gradients."""
    first, second = _gradient(one), _gradient(two)
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt((first * first).sum() * (second * second).sum()))
    return float((first * second).sum()) / size if size else 0.0


def _gradient(tone: NDArray[np.int16]) -> NDArray[np.float32]:
    found = np.zeros(tone.shape, np.float32)
    found[:, 1:] += np.abs(np.diff(tone, axis=1))
    found[1:] += np.abs(np.diff(tone, axis=0))
    return found


def _coarse(picture: Picture) -> NDArray[np.intp]:
    """Return how often each of 4,096 colours is in a picture."""
    code = picture.astype(np.uint16) >> 4
    return np.bincount(((code[..., 0] << 8) | (code[..., 1] << 4) | code[..., 2]).ravel(),
                       minlength=4096)  # fmt: skip


def _colourful(picture: Picture) -> float:
    rows = picture.reshape(-1, 3).astype(np.float32)
    return float(np.sqrt(max(0.0, np.linalg.eigvalsh(np.cov(rows, rowvar=False))[1])))


def _paper_and_ink(picture: Picture) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the most frequent colour, and the one of the pixels that lie farthest from it."""
    counts = _coarse(picture)
    code = int(counts.argmax())
    paper = np.array([code >> 8, (code >> 4) & 15, code & 15], np.int16) * 16 + 8
    rows = picture.reshape(-1, 3).astype(np.int16)
    far = np.abs(rows - paper).sum(axis=1)
    ink = rows[far >= np.percentile(far, 95)].mean(axis=0)
    return paper, ink


def _moved(tones: tuple[NDArray[np.int16], NDArray[np.int16]], box: Box) -> tuple[int, int] | None:
    """Return how far (across, down) the old content lies from its place, or None."""
    height, width = tones[0].shape
    sample = _most_inked(tones[0], box)
    patch = sample.of(tones[0])
    around = sample.grown(REACH, height, width)
    windows = np.lib.stride_tricks.sliding_window_view(around.of(tones[1]), patch.shape)
    # every second pixel of the sample is enough to find it, and a quarter of the work
    costs = np.abs(windows[:, :, ::2, ::2] - patch[::2, ::2]).mean(axis=(2, 3), dtype=np.float32)
    down, across = divmod(int(costs.argmin()), costs.shape[1])
    step = across - (sample.x - around.x), down - (sample.y - around.y)
    in_place = float(costs[sample.y - around.y, sample.x - around.x])
    is_found = costs.min() <= min(FOUND, GAIN * in_place) and patch.std() >= FLAT
    return step if is_found else None


def _most_inked(tone: NDArray[np.int16], box: Box) -> Box:
    """Return the part of a box, at most SAMPLE wide and high, where most is drawn."""
    wide, high = min(box.width, SAMPLE), min(box.height, SAMPLE)
    places = [
        Box(x, y, wide, high)
        for y in range(box.y, box.bottom - high + 1, max(1, high // 2))
        for x in range(box.x, box.right - wide + 1, max(1, wide // 2))
    ]
    return max(places, key=lambda place: float(place.of(tone).std()))
