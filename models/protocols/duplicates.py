"""Duplicate tickets: are the pairs that are called duplicates those that people call so.

A row is one ticket: its key, title, body, the key that it is a duplicate of or null, and which half
it is of; halves are judged apart. Precision, recall and F1 are of the pairs at the shipped cut, AP
of all pairs by likeness. Found in 3: the share of duplicates whose original is among the three most
like earlier tickets. The rival is the share of common words of the titles (Jaccard, 1912) at the
cut that is best for it on the very same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from models.duplicates import LEAST, Pair, nearest, pairs, stems
from models.evaluate import Outcome, Protocol, Score, Tell

COLUMNS = ("key", "title", "body", "duplicate_of", "half")
FOUND_IN = 3
GOAL = 0.8
Truth = set[tuple[int, int]]


def run(rows: pl.DataFrame, tell: Tell) -> Outcome:
    """Return the scores by half, and the pairs that were wrong."""
    tell(f"{rows.height} tickets")
    scores: list[Score] = []
    wrong: list[pl.DataFrame] = []
    for (half,), part in rows.group_by("half", maintain_order=True):
        found, table = _half(str(half), part)
        scores += found
        wrong.append(table)
    return Outcome(scores, tables={"wrong": pl.concat(wrong)})


def _half(half: str, rows: pl.DataFrame) -> tuple[list[Score], pl.DataFrame]:
    tickets = [(title, body or "") for title, body in rows.select("title", "body").iter_rows()]
    at = {key: nth for nth, key in enumerate(rows["key"])}
    named = zip(range(rows.height), rows["duplicate_of"], strict=True)
    truth: Truth = {(min(n, at[of]), max(n, at[of])) for n, of in named if of in at}
    every = pairs(tickets, least=0.0001)
    said = [one for one in every if one.likeness >= LEAST]
    rival = _by_words(tickets)
    precision, recall, f1 = _scores(said, truth)
    note = f"n = {rows.height} tickets, {len(truth)} duplicates, cut {LEAST:g}"
    scores = [
        Score(half, "F1", f1, {"words of titles": _best(rival, truth)}, goal=GOAL, note=note),
        Score(half, "precision", precision),
        Score(half, "recall", recall),
        Score(half, "AP", _average(every, truth), {"words of titles": _average(rival, truth)}),
        Score(half, f"found in {FOUND_IN}", _found(tickets, truth)),
    ]
    return scores, _wrong(rows, {(one.first, one.second) for one in said}, truth)


def _scores(said: Sequence[Pair], truth: Truth) -> tuple[float, float, float]:
    hits = sum((one.first, one.second) in truth for one in said)
    precision, recall = hits / max(len(said), 1), hits / max(len(truth), 1)
    return precision, recall, 2 * hits / max(len(said) + len(truth), 1)


def _average(ranked: Sequence[Pair], truth: Truth) -> float:
    """Return the average precision of pairs in their order."""
    hits, total = 0, 0.0
    for nth, one in enumerate(ranked, start=1):
        if (one.first, one.second) in truth:
            hits += 1
            total += hits / nth
    return total / max(len(truth), 1)


def _best(ranked: Sequence[Pair], truth: Truth) -> float:
    """Return the F1 of the cut that is best."""
    cuts = {one.likeness for one in ranked}
    return max(
        (_scores([one for one in ranked if one.likeness >= cut], truth)[2] for cut in cuts),
        default=0.0,
    )


def _by_words(tickets: Sequence[tuple[str, str]]) -> list[Pair]:
    said = [set(stems(title, "")) for title, _ in tickets]
    found = [
        Pair(a, b, len(one & said[b]) / len(one | said[b]))
        for a, one in enumerate(said) for b in range(a + 1, len(said)) if one & said[b]
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-one.likeness, one.first, one.second))


def _found(tickets: Sequence[tuple[str, str]], truth: Truth) -> float:
    hits = 0
    for first, second in truth:
        found = nearest(tickets[second], tickets[:second], count=FOUND_IN, least=0.0001)
        hits += first in [at for at, _ in found]
    return hits / max(len(truth), 1)


def _wrong(rows: pl.DataFrame, said: Truth, truth: Truth) -> pl.DataFrame:
    def told(some: Truth, what: str) -> Iterator[tuple[str, str, str]]:
        for a, b in sorted(some):
            yield what, rows["title"][a], rows["title"][b]

    table = [*told(truth - said, "missed"), *told(said - truth, "false")]
    schema: dict[str, type[pl.String]] = dict.fromkeys(("what", "ticket", "other"), pl.String)
    return pl.DataFrame(table, schema=schema, orient="row")


PROTOCOL = Protocol(
    "duplicates", "tickets that tell of the same are called duplicates, others not", COLUMNS, run
)
