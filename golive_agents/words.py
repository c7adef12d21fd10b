"""Words of questions that mean the same for every subject, and how words are compared."""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal[
    "subject", "measure", "amount", "weak measure", "weak amount", "most", "least",
    "dimension", "filter", "value", "quoted",
    "count", "list", "which", "up", "down", "group", "aggregate", "newest", "oldest", "grain",
    "trend", "compare", "number", "stop",
]  # fmt: skip
TOKEN = re.compile(r"\x00\d+|[^\s,;:?!()\"']+(?:'[^\s,;:?!()\"']+)?")
PLURALS = (
    (re.compile(r"(?<=..)ies$"), "y"),
    (re.compile(r"(?<=ss|sh|ch|.x)es$"), ""),
    (re.compile(r"(?<=.[^siu])s$"), ""),
)
"""Endings of plurals and of the third person."""
QUOTED = re.compile(r"[\"“”`]([^\"“”`]+)[\"“”`]|(?<!\w)'([^']+)'(?!\w)")
GRAINS = {
    "day": "day", "daily": "day", "date": "day", "week": "week", "weekly": "week",
    "month": "month", "monthly": "month",
}  # fmt: skip
GENERIC: dict[str, tuple[Kind, str]] = {
    **dict.fromkeys(("how many", "number of", "count", "count of", "amount of", "how often"),
                    ("count", "")),
    **dict.fromkeys(("list", "show", "show me", "give me", "list all", "display", "name"),
                    ("list", "")),
    **dict.fromkeys(("which", "what", "who", "whose"), ("which", "")),
    **dict.fromkeys(("most", "highest", "largest", "biggest", "top", "most often", "maximum",
                     "descending", "worst"), ("up", "")),
    **dict.fromkeys(("least", "fewest", "lowest", "smallest", "best", "least often", "ascending"),
                    ("down", "")),
    **dict.fromkeys(("by", "per", "for each", "each", "every", "grouped by", "split by",
                     "broken down by", "for every", "across", "and by", "in each", "of each"),
                    ("group", "")),
    "average": ("aggregate", "average"), "avg": ("aggregate", "average"),
    "mean": ("aggregate", "average"), "on average": ("aggregate", "average"),
    "median": ("aggregate", "median"), "typical": ("aggregate", "median"),
    "typically": ("aggregate", "median"), "usually": ("aggregate", "median"),
    "total": ("aggregate", "total"), "sum": ("aggregate", "total"),
    "sum of": ("aggregate", "total"), "altogether": ("aggregate", "total"),
    "p90": ("aggregate", "p90"), "90th percentile": ("aggregate", "p90"),
    "p95": ("aggregate", "p95"), "95th percentile": ("aggregate", "p95"),
    "p99": ("aggregate", "p99"), "99th percentile": ("aggregate", "p99"),
    "maximum of": ("aggregate", "longest"), "max": ("aggregate", "longest"),
    "min": ("aggregate", "shortest"), "minimum": ("aggregate", "shortest"),
    **dict.fromkeys(("latest", "newest", "most recent", "last", "recent", "recently"),
                    ("newest", "")),
    **dict.fromkeys(("oldest", "first", "earliest"), ("oldest", "")),
    **{word: ("grain", grain) for word, grain in GRAINS.items()},
    **dict.fromkeys(("trend", "over time", "trend of", "develop", "history of", "evolve"),
                    ("trend", "")),
    **dict.fromkeys(("compared to the period before", "compared with the period before",
                     "than before", "compared to before", "compare", "against the period before",
                     "to the period before", "with the period before", "the period before",
                     "than the period before", "versus the period before"),
                    ("compare", "")),
}  # fmt: skip
STOP = frozenset(
    (
        "a",
        "an",
        "the",
        "of",
        "in",
        "on",
        "for",
        "to",
        "at",
        "with",
        "from",
        "and",
        "or",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "do",
        "does",
        "did",
        "done",
        "has",
        "have",
        "had",
        "there",
        "this",
        "that",
        "these",
        "those",
        "it",
        "its",
        "we",
        "us",
        "our",
        "i",
        "me",
        "my",
        "you",
        "please",
        "can",
        "could",
        "tell",
        "show",
        "how",
        "what",
        "when",
        "where",
        "all",
        "any",
        "now",
        "right",
        "currently",
        "current",
        "today's",
        "so",
        "much",
        "many",
        "get",
        "got",
        "than",
        "during",
        "within",
        "between",
        "into",
        "about",
        "as",
        "their",
        "they",
        "them",
        "one",
        "ones",
        "some",
        "exist",
        "happen",
        "happened",
        "if",
        "then",
        "also",
        "just",
        "only",
        "same",
        "instead",
        "still",
        "yet",
        "seen",
        "value",
        "given",
        "run's",
    )
)
AUXILIARY = frozenset(
    (
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "do",
        "does",
        "did",
        "has",
        "have",
        "had",
    )
)
"""Left out before phrases are compared: "lines were added" is "lines added"."""
FOLLOWING = re.compile(
    r"^(?:and|by|per|for each|in|on|since|last|with|without|what about|how about|only|now|"
    r"same|but|instead|ok|okay|then|show (?:it|that|them)|"
    r"split (?:it|that)|break (?:it|that) down)\b"
)
"""How a question begins that goes on from the one before."""


def plain(token: str) -> str:
    """Return a word without its case and its plural, as words are compared.

    Not a stemmer: "fails" and "fail" are one word, "failed" is another.
    """
    word = token.casefold().strip(".")
    for pattern, singular in PLURALS:
        if pattern.search(word):
            return pattern.sub(singular, word)
    return word


def tokens(text: str) -> list[str]:
    """Return the words of a text, punctuation left out."""
    expanded = re.sub(r"\b(what|who|how|that|there|it|where|when)'s\b", r"\1 is", text)
    expanded = re.sub(r"(\w)n't\b", r"\1 not", expanded)
    return [one.rstrip(".") for one in TOKEN.findall(expanded) if one.rstrip(".")]


def phrase(text: str) -> tuple[str, ...]:
    """Return a phrase as it is compared."""
    return tuple(plain(one) for one in without_auxiliaries(tokens(text)))


def without_auxiliaries(said: list[str]) -> list[str]:
    """Return the words without "is", "did" and their like, unless nothing else is left."""
    return [one for one in said if one.casefold() not in AUXILIARY] or said
