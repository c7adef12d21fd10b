"""Pictures as arrays: reading a PNG, bringing two to one size, covering what is masked."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from golive_core.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture: TypeAlias = NDArray[np.uint8]
    """Height x width x 3, sRGB, 0 to 255."""
    Map: TypeAlias = NDArray[np.bool_]
    """Height x width."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_PIXELS = 64_000_000
"""A page of 1,280 pixels width and 50,000 height; more is refused before it is unpacked."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box in pixels: left, top, width and height."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column behind it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.y + self.height

    def grown(self, by: int, height: int, width: int) -> Box:
        """Return it with `by` pixels more on each side, as far as the picture goes."""
        x, y = max(0, self.x - by), max(0, self.y - by)
        return Box(x, y, min(width, self.right + by) - x, min(height, self.bottom + by) - y)

    def of(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the part of an array that it covers."""
        return array[self.y : self.bottom, self.x : self.right]


def read(png: bytes, what: str) -> Picture:
    """Return a PNG as a picture; raises UsageError for what is none or is too large.

    What can be seen through lies on white, as a browser shows it.
    """
    from PIL import Image, UnidentifiedImageError

    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    if png.startswith(SIGNATURE) and width * height > MOST_PIXELS:
        raise UsageError(f"it has {width} x {height} pixels", where=what)
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            if image.mode in ("RGB", "L"):
                return np.asarray(image.convert("RGB"))
            seen = image.convert("RGBA")
            white = Image.new("RGBA", seen.size, "white")
            return np.asarray(Image.alpha_composite(white, seen).convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise UsageError("it is not a PNG that can be read", where=what) from error


def write(picture: Picture) -> bytes:
    """Return a picture as PNG."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG", compress_level=1)
    return out.getvalue()


def any_channel(marks: NDArray[np.bool_]) -> Map:
    """Return where one of three channels is marked: a tenth of the time of `any(axis=-1)`."""
    return marks[..., 0] | marks[..., 1] | marks[..., 2]


def largest_channel(values: NDArray[Any]) -> NDArray[Any]:
    """Return the largest of three channels."""
    return np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])


def covered(shape: tuple[int, ...], masks: Iterable[Sequence[float]]) -> Map:
    """Return what masks (x, y, width, height) cover; pixels that they touch in part as well."""
    found = np.zeros(shape[:2], np.bool_)
    for x, y, width, height in masks:
        rows = slice(max(0, int(y)), max(0, int(np.ceil(y + height))))
        found[rows, max(0, int(x)) : max(0, int(np.ceil(x + width)))] = True
    return found


def padded(picture: Picture, height: int, width: int) -> Picture:
    """Return a picture of that size: what is missing repeats the last row and column."""
    down, right = height - picture.shape[0], width - picture.shape[1]
    if not down and not right:
        return picture
    return np.pad(picture, ((0, down), (0, right), (0, 0)), mode="edge")
