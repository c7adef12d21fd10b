"""Is this failure known? A pasted text beside known failures, without what varies by run."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Set

import polars as pl

from ingest.parse.signature import signature, signatures

WORD = re.compile(r"[^\W\d_]+")
FEW_WORDS = 4
"""Fewer words than these are in many a text by chance: then all words of both sides count."""
LIKE, SAME = 0.5, 0.9
"""Likeness from which a failure is worth telling, and from which it is taken for the same one."""
QUOTED = 0.6
"""Least likeness of a failure that holds the text word by word."""


def like(failures: pl.DataFrame, text: str) -> pl.DataFrame:
    """Return the rows of `failures` (type, message) that are like `text`, the likeliest first.

    Their column `likeness` is the share of words in common, each weighted by its inverse document
    frequency (Spärck Jones 1972): of the smaller side's words, so that a line of a stack finds the
    whole and a whole log finds the line (overlap coefficient, Simpson 1943).
    """
    kept = signatures(failures.select("type", "message", details=pl.lit("")))
    said = [_words(one) for one in kept]
    asked, plain = _words(signature(None, None, text)), text.strip().lower()
    weights = _weights(said, asked)
    raw = failures.select(
        pl.concat_str("type", "message", separator=": ", ignore_nulls=True).str.to_lowercase()
    ).to_series()
    likeness = [
        max(_likeness(words, asked, weights), QUOTED if plain and plain in whole else 0.0)
        for words, whole in zip(said, raw, strict=True)
    ]
    found = failures.with_columns(pl.Series("likeness", likeness, dtype=pl.Float64).round(3))
    return found.filter(pl.col("likeness") >= LIKE).sort(
        "likeness", "failures", descending=True, maintain_order=True
    )


def _words(text: str) -> set[str]:
    return set(WORD.findall(text.lower()))


def _weights(said: list[set[str]], asked: Set[str]) -> Mapping[str, float]:
    """Return the weight of each word: a word of every failure says next to nothing."""
    counts = Counter(word for words in [*said, asked] for word in words)
    return {word: math.log1p(len(said) / count) for word, count in counts.items()}


def _likeness(one: Set[str], other: Set[str], weights: Mapping[str, float]) -> float:
    def weight(words: Set[str]) -> float:
        return sum(weights[word] for word in words)

    few = min(len(one), len(other))
    whole = weight(one | other) if few < FEW_WORDS else min(weight(one), weight(other))
    return weight(one & other) / whole if whole else 0.0
