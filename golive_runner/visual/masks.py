"""Masks travel inside the picture they belong to: a chunk of text in the PNG.

What is masked is seldom of one size in two runs, so a comparison leaves out what either picture
masks, and the approved one is known by its content alone.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from golive_runner.visual.pixels import SIGNATURE

if TYPE_CHECKING:
    from pydantic import TypeAdapter

KEY = b"golive-masks\0"
HEADER_END = 33
"""Signature and IHDR, after which further chunks may stand (PNG, ISO/IEC 15948)."""
AROUND = 12
"""Bytes of a chunk beside its data: length, name and CRC-32."""

Masks = Sequence[Sequence[float]]
Box: TypeAlias = tuple[float, float, float, float]


def noted(png: bytes, masks: Masks) -> bytes:
    """Return the PNG with its masks written into it."""
    if not masks or not png.startswith(SIGNATURE):
        return png
    said = b"tEXt" + KEY + json.dumps([[round(one, 2) for one in box] for box in masks]).encode()
    chunk = (len(said) - 4).to_bytes(4, "big") + said + zlib.crc32(said).to_bytes(4, "big")
    return png[:HEADER_END] + chunk + png[HEADER_END:]


def noted_in(png: bytes) -> list[Box]:
    """Return the masks that were written into a PNG, none where none can be read."""
    said = next((data for name, data in _chunks(png) if name == b"tEXt" and KEY in data), b"")
    try:
        return list(_adapter().validate_json(said.partition(b"\0")[2] or b"[]"))
    except ValueError:
        return []


@cache
def _adapter() -> TypeAdapter[list[Box]]:
    from pydantic import TypeAdapter

    return TypeAdapter(list[tuple[float, float, float, float]])


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and data of the chunks before the pixels."""
    at = len(SIGNATURE)
    while png.startswith(SIGNATURE) and at + AROUND <= len(png):
        size, name = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8]
        if name == b"IDAT":
            return
        yield name, png[at + 8 : at + 8 + size]
        at += size + AROUND
