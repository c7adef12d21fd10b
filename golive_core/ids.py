"""Stable ids: the same words give the same number in every process, version and year.

`polars.hash` and `duckdb.hash` promise nothing across versions, so ids are the low 64 bits of
MD5 (RFC 1321) over the parts joined by U+001F, read as a signed integer, null being U+0000. MD5
serves as a mixer here, not as protection.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable

import polars as pl

SEPARATOR = "\x1f"
NULL = "\x00"


def content_id(*parts: str | None) -> int:
    """Return the signed 64-bit id of the parts."""
    return ids_of([joined(*parts)])[0]


def look_id(suite: str, test: str, name: str, rendered: tuple[str, str, str]) -> str:
    """Return the key of a look: what is looked at, and its browser, size and theme."""
    return f"{content_id(suite, test, name, *rendered) & (1 << 64) - 1:016x}"


def joined(*parts: str | None) -> str:
    """Return the text whose digest is the id of the parts."""
    return SEPARATOR.join([NULL if part is None else part for part in parts])


def ids_of(texts: Iterable[str]) -> list[int]:
    """Return the ids of texts that `joined` made: all digests are unpacked at once."""
    md5 = hashlib.md5
    digests = b"".join(
        [md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
         for text in texts]
    )  # fmt: skip
    return [number for (number,) in struct.iter_unpack("<q8x", digests)]


def content_ids(frame: pl.DataFrame, columns: list[str]) -> pl.Series:
    """Return the ids of the rows, shape `(frame.height,)`, Int64; equal to `content_id` by row.

    Each distinct combination is hashed once, so it costs what the distinct rows cost.
    """
    cells = [pl.col(name).cast(pl.String).fill_null(NULL) for name in columns]
    words = frame.select(pl.concat_str(cells, separator=SEPARATOR)).to_series().to_list()
    known = dict.fromkeys(words, 0)
    known.update(zip(known, ids_of(known), strict=True))
    return pl.Series("content_id", [known[word] for word in words], dtype=pl.Int64)
