"""Which failures of the past read like one: TF-IDF over words, reduced by SVD, by the cosine.

Latent semantic analysis (Deerwester et al. 1990): words that occur in the same failures count for
each other. Names are split where their letters change (`NullPointerException`, `read_timeout`), so
that a failure of another class is near if it speaks of the same things. Fitted on the own history
at each question, which holds few thousand signatures. Of scipy alone: scikit-learn takes a second
to be imported, which is longer than an explanation takes.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.beta import Floats

PARTS = 60
"""Dimensions that the words are reduced to."""
FEW = 120
"""Texts below which words are compared as they are: there is nothing to reduce."""
LONGEST = 1_000
"""Characters of a text that are read."""
WORD = re.compile(r"[A-Z]?[a-z]{2,}|[A-Z]{2,}(?![a-z])|\b\d{3}\b")


def words(text: str) -> list[str]:
    """Return the words of a text in small letters: parts of names, and codes of three digits."""
    return [word.lower() for word in WORD.findall(text[:LONGEST])]


def similarities(text: str, others: Sequence[str]) -> Floats:
    """Return how like each of the other texts is to one, shape `(len(others),)`, 0 to 1.

    A text without words is like none.
    """
    counts = [Counter(words(one)) for one in (*others, text)]
    if not others or not counts[-1] or not any(counts[:-1]):
        return np.zeros(len(others))
    table = weighed(counts)
    vectors = _reduced(table) if len(others) >= FEW else np.asarray(table.todense())
    sizes = np.linalg.norm(vectors, axis=1)
    cosine = vectors[:-1] @ vectors[-1] / np.maximum(sizes[:-1] * sizes[-1], 1e-9)
    return np.clip(cosine, 0.0, 1.0)


def weighed(counts: Sequence[Mapping[str, int]]) -> Any:  # noqa: ANN401 - scipy has no stubs
    """Return the weights of words by text, sparse `(n, words)`, rows of length 1.

    (1 + ln tf) (1 + ln((1 + n) / (1 + df))), sublinear and smoothed (Salton & Buckley 1988).
    """
    from scipy import sparse

    column: dict[str, int] = {}
    cells = [
        (row, column.setdefault(word, len(column)), 1 + math.log(n))
        for row, one in enumerate(counts)
        for word, n in one.items()
    ]
    rows, columns, weights = map(np.array, zip(*cells, strict=True))
    found_in = np.bincount(columns, minlength=len(column))
    weights = weights * (1 + np.log((1 + len(counts)) / (1 + found_in[columns])))
    length = np.sqrt(np.bincount(rows, weights**2, minlength=len(counts)))
    shape = (len(counts), len(column))
    return sparse.csr_array((weights / length[rows], (rows, columns)), shape=shape)


def _reduced(table: Any) -> Floats:  # noqa: ANN401 - scipy has no stubs
    """Return the rows in PARTS dimensions or fewer, by the singular value decomposition."""
    from scipy.sparse.linalg import svds

    parts = min(PARTS, *(size - 1 for size in table.shape))
    start = np.ones(min(table.shape))  # where the iteration begins: the same each time
    left, sizes, _ = svds(table, k=parts, v0=start)
    return np.asarray(left * sizes)


def nearest(
    text: str, others: Sequence[str], *, count: int = 5, least: float = 0.35
) -> list[tuple[int, float]]:
    """Return index and likeness of the texts most like one, most like first."""
    found = similarities(text, others)
    order = np.argsort(-found, kind="stable")[:count].tolist()
    return [(at, float(found[at])) for at in order if found[at] >= least]
