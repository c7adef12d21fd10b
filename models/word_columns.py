"""Texts of equal shape as tables of words: which are of one template, and which one a text fits.

A table has a row a text and a column a place, shape `(n_texts, n_words)`; words are numbers, 0
stands for any. Pure numpy; what words are, `models/log_templates.py` says.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

ALIKE = 0.7
"""Share of the words that lines of one template have in common."""
USUAL = 2.3
"""Words are values if they are at least so many, each counted by its share: the exponential of
their entropy. Three names that are equally frequent are; `root` with two rare others is not."""
MANY = 5
"""Different words that are values, however often one of them comes."""

Words = NDArray[np.int32]
Rows = NDArray[np.intp]
Weights = NDArray[np.float64]


def best_fit(words: Words, templates: Words) -> Rows:
    """Return the template that each text fits best, shape `(n_texts,)`, -1 for none.

    A text fits if it has every word of the template, anything for a value, and is ALIKE. The best
    has the fewest words for values; of equals it is the first.
    """
    found = np.full(words.shape[0], -1, np.intp)
    least = np.full(words.shape[0], words.shape[1] + 1)
    is_word = words != 0
    for number in np.flatnonzero((templates == 0).any(axis=1)):
        is_value = templates[number] == 0
        fixed = np.flatnonzero(~is_value)
        rows = np.flatnonzero((words[:, fixed] == templates[number, fixed]).all(axis=1))
        said = (is_value & is_word[rows]).sum(axis=1)
        fits = (fixed.size >= ALIKE * (fixed.size + said)) & (said < least[rows])
        found[rows[fits]] = number
        least[rows[fits]] = said[fits]
    return found


def common(words: Words) -> tuple[int, ...]:
    """Return the words that all texts have, 0 where they differ."""
    varies = (words != words[0]).any(axis=0)
    return tuple(np.where(varies, 0, words[0]).tolist())


def leaves(words: Words, lines: Weights) -> Iterator[Rows]:
    """Yield the rows of each template; `lines`, shape `(n_texts,)`, says how often a text came."""
    todo: list[Rows] = [np.arange(words.shape[0])]
    while todo:
        rows = todo.pop()
        column = divides(words[rows], lines[rows]) if rows.size > 1 else None
        if column is None:
            yield rows
        else:
            values = words[rows, column]
            order = np.argsort(values, kind="stable")
            cuts = np.flatnonzero(np.diff(values[order])) + 1
            todo.extend(np.split(rows[order], cuts))


def divides(words: Words, lines: Weights) -> int | None:
    """Return the column whose words tell templates apart, None where all are of one template."""
    varies = (words != words[0]).any(axis=0)
    columns = sorted((np.unique(words[:, i]).size, int(i)) for i in np.flatnonzero(varies))
    kept = int((~varies & (words[0] != 0)).sum())
    if kept < ALIKE * (kept + len(columns)):
        return columns[0][1]
    few = (i for size, i in columns if size < MANY)
    return next((i for i in few if not _is_value(words[:, i], lines)), None)


def _is_value(words: Words, lines: Weights) -> bool:
    """Tell whether few different words in one place are values, by what they are or how even."""
    share = np.bincount(words, lines)
    share = share[share > 0] / share.sum()
    return bool((words == 0).any()) or float(np.exp(-(share * np.log(share)).sum())) >= USUAL
