"""Why does a test flake: the cause that its failures speak of, with how sure that is and the words.

Rules read type, message and the head of the stack: names of exceptions and phrases of Java, Python,
JavaScript, Go, .NET, Ruby, Rust and of browsers, databases and operating systems. What no rule
knows is compared with labelled examples by TF-IDF over character n-grams, which carries over to
spellings that no rule has. Without words that speak of a cause it stays unknown. Causes are those
of Luo et al. (FSE 2014), with waiting for too long told apart as timeout and what the machine lacks
as environment.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from models.beta import Floats

CAUSES = (
    "timeout", "order", "concurrency", "network", "time", "randomness", "resource", "environment",
)  # fmt: skip
UNKNOWN = "unknown"
EXAMPLES = Path(__file__).with_name("cause_examples.jsonl")
"""Labelled failures: type, message, cause, and where they come from. Own ones name no source."""
RULES = Path(__file__).with_name("cause_rules.toml")
WORTH = {"sure": 3.0, "likely": 2.0, "hint": 1.0}
"""What a rule is worth, on the logit scale."""
DOUBT = 1.0
"""What unknown is worth: a hint alone is as probable as not."""
LEAST = 0.45
"""Probability from which a cause is named."""
HEAD = 1500
"""Characters of a stack or output that are read: further down others speak."""
QUOTE = 160
NEAR = 0.6
"""P(cause) by TF-IDF from which a failure that no rule knows takes the cause of the examples."""


def classify(failures: pl.DataFrame, *, with_examples: bool = True) -> pl.DataFrame:
    """Return `failures` with cause, cause_confidence and cause_evidence (the words, quoted).

    `failures` has text columns type, message and details; confidence is P(cause), 0 to 1, and of an
    unknown cause P(it is none of the causes).
    """
    texts = failures.select(
        pl.concat_str(
            pl.col("type").fill_null(""), pl.lit(": "), pl.col("message").fill_null("")
        ).alias("said"),
        pl.col("details").fill_null("").str.head(HEAD).alias("behind"),
    )
    found = _ruled(texts)
    weights = np.stack([found[f"w_{cause}"].to_numpy() for cause in CAUSES], axis=1)
    if with_examples and failures.height:
        weights = _compared(texts["said"].to_list(), weights)
    chance = _softmax(weights)
    best = chance[:, :-1].argmax(axis=1) if len(chance) else np.zeros(0, dtype=np.int64)
    top = chance[np.arange(len(best)), best]
    named = np.where(top >= LEAST, np.array(CAUSES)[best], UNKNOWN)
    quotes = [
        found[f"q_{cause}"][row] if cause in CAUSES else None
        for row, cause in enumerate(named.tolist())
    ]
    return failures.with_columns(
        pl.Series("cause", named.tolist(), dtype=pl.String),
        pl.Series("cause_confidence", np.where(top >= LEAST, top, chance[:, -1])),
        pl.Series("cause_evidence", quotes, dtype=pl.String),
    )


@cache
def rules() -> tuple[tuple[str, float, str], ...]:
    """Return cause, worth and pattern of every rule."""
    found = tomllib.loads(RULES.read_text())["rule"]
    return tuple((one["cause"], WORTH[one["worth"]], "|".join(one["says"])) for one in found)


def _ruled(texts: pl.DataFrame) -> pl.DataFrame:
    """Return for each cause what its best rule is worth (`w_`), and the line it matched (`q_`).

    The stack counts less than the message: it names what was done, not what went wrong.
    """
    columns: list[pl.Expr] = []
    for cause in CAUSES:
        mine = [(worth, rule) for name, worth, rule in rules() if name == cause]
        tries = [
            (worth * share, _line(text, rule))
            for worth, rule in mine
            for text, share in (("said", 1.0), ("behind", 0.6))
        ]
        tries.sort(key=lambda one: -one[0])
        weight = pl.coalesce(
            *(pl.when(line.is_not_null()).then(worth) for worth, line in tries), 0.0
        )
        quote = pl.coalesce(*(line for _, line in tries))
        columns += [weight.alias(f"w_{cause}"), quote.str.strip_chars().alias(f"q_{cause}")]
    return texts.select(columns)


def _line(text: str, rule: str) -> pl.Expr:
    """Return the words around what a rule matches in a text, of one line; null without a match."""
    return (
        pl.col(text).str.extract(rf"(?i)([^\n]{{0,60}}(?:{rule})[^\n]{{0,80}})", 1).str.head(QUOTE)
    )


def _softmax(weights: Floats) -> Floats:
    """Return P(cause) and, last, P(unknown): `(n, len(CAUSES) + 1)`; what no rule says is out."""
    every = np.where(weights > 0, np.exp(weights), 0.0)
    whole = np.concatenate([every, np.full((len(weights), 1), np.exp(DOUBT))], axis=1)
    return whole / whole.sum(axis=1, keepdims=True)


def _compared(said: Sequence[str], weights: Floats) -> Floats:
    """Return the weights with those of the examples for failures that no rule knows."""
    bare = np.flatnonzero(weights.max(axis=1) == 0)
    if not len(bare):
        return weights
    told = learned().predict([said[row] for row in bare.tolist()])
    found = weights.copy()
    for row, chances in zip(bare, told, strict=True):
        at = int(chances[:-1].argmax())
        if chances[at] >= NEAR:
            found[row, at] = DOUBT + np.log(chances[at] / (1 - chances[at]))
    return found


class Examples:
    """TF-IDF over character n-grams and a logistic regression, learned from labelled failures."""

    def __init__(self, said: Sequence[str], causes: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        words = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=1)
        steps: Any = make_pipeline(words, LogisticRegression(C=30.0, max_iter=500))
        self.steps: Any = steps.fit([_plain(text) for text in said], list(causes))

    def predict(self, said: Sequence[str]) -> Floats:
        """Return P(cause) in the order of CAUSES and, last, P(unknown): `(n, len(CAUSES) + 1)`."""
        told = self.steps.predict_proba([_plain(text) for text in said])
        classes = list(self.steps.classes_)
        found = np.zeros((len(told), len(CAUSES) + 1))
        for at, cause in enumerate((*CAUSES, UNKNOWN)):
            if cause in classes:
                found[:, at] = told[:, classes.index(cause)]
        return found


@cache
def learned() -> Examples:
    """Return what is learned from the examples; once a process."""
    rows = pl.read_ndjson(EXAMPLES)
    said = rows.select(pl.concat_str("type", pl.lit(": "), "message")).to_series().to_list()
    return Examples(said, rows["cause"].to_list())


def _plain(text: str) -> str:
    """Return a text without numbers, which tell nothing of a cause."""
    return "".join("0" if letter.isdigit() else letter for letter in text.lower())[:500]


def of_tests(failures: pl.DataFrame) -> pl.DataFrame:
    """Return one row a test, KEY, with the cause that most of its failures speak of.

    `failures`: project_id, test_id, times (how often), cause, cause_confidence, cause_evidence. The
    confidence is the mean probability of that cause over all failures; the words are of its surest.
    """
    key = ["project_id", "test_id"]
    weighed = failures.with_columns(mass=pl.col("times") * pl.col("cause_confidence"))
    sums = weighed.group_by(*key, "cause").agg(
        pl.sum("mass"), pl.col("cause_evidence").sort_by("cause_confidence").last()
    )
    every = failures.group_by(key).agg(every=pl.sum("times"))
    # A cause that is named for a part of the failures beats "unknown" for the rest.
    named = sums.with_columns(known=(pl.col("cause") != UNKNOWN))
    best = named.sort(*key, "known", "mass", "cause", descending=[False, False, True, True, False])
    return (
        best.unique(key, keep="first", maintain_order=True)
        .join(every, on=key)
        .select(
            *key, "cause", (pl.col("mass") / pl.col("every")).alias("cause_confidence"),
            "cause_evidence",
        )
    )  # fmt: skip
