"""Which failures of the past read like one: TF-IDF over words, reduced by SVD, by the cosine.

Latent semantic analysis (Deerwester et al. 1990): words that occur in the same failures count for
each other. Names are split where their letters change (`NullPointerException`, `read_timeout`), so
that a failure of another class is near if it speaks of the same things. Fitted on the own history
at each question, which holds few thousand signatures; frames in, numbers out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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


def similarities(text: str, others: Sequence[str], *, seed: int = 0) -> Floats:
    """Return how like each of the other texts is to one, shape `(len(others),)`, 0 to 1.

    A text without words is like none.
    """
    if not others or not words(text) or not any(map(words, others)):
        return np.zeros(len(others))
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    options: Any = {"analyzer": words, "dtype": np.float32}
    maker: Any = TfidfVectorizer(sublinear_tf=True, max_features=20_000, **options)
    table: Any = maker.fit_transform([*others, text])
    if len(others) >= FEW:
        parts = min(PARTS, table.shape[1] - 1)
        vectors = TruncatedSVD(parts, n_iter=4, random_state=seed).fit_transform(table)
    else:
        vectors = table.toarray()
    sizes = np.linalg.norm(vectors, axis=1)
    cosine = vectors[:-1] @ vectors[-1] / np.maximum(sizes[:-1] * sizes[-1], 1e-9)
    return np.clip(cosine.astype(np.float64), 0.0, 1.0)


def nearest(
    text: str, others: Sequence[str], *, count: int = 5, least: float = 0.35
) -> list[tuple[int, float]]:
    """Return index and likeness of the texts most like one, most like first."""
    found = similarities(text, others)
    order = np.argsort(-found, kind="stable")[:count].tolist()
    return [(at, float(found[at])) for at in order if found[at] >= least]
