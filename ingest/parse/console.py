"""Lines of consoles and job logs: control sequences out, how bad a line is. Knows no source."""

from __future__ import annotations

import polars as pl

CONTROL = r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b-\x1f\x7f]"
"""ANSI sequences and control characters, but for tab and line feed."""
LEVELS = (
    (
        "error",
        r"(?i)\b(?:error|fatal|severe|failed|failure|exception|panic)\b|\bFAIL\b|Exception:|Error:",
    ),
    ("warning", r"(?i)\bwarn(?:ing)?s?\b|\bdeprecated\b"),
    ("debug", r"\b(?:DEBUG|TRACE)\b"),
    ("info", r"\bINFO\b"),
)
LONGEST = 16 * 1024
"""Characters of a line that are kept."""


def lines(body: bytes) -> pl.DataFrame:
    """Return the lines of a text as the column `message`, as they are."""
    texts = body.decode("utf-8", "replace").removesuffix("\n").split("\n") if body else []
    return pl.DataFrame({"message": texts}, schema={"message": pl.String})


def level() -> pl.Expr:
    """Return error, warning, debug, info or null by the words of `message`."""
    chosen = pl.lit(None, pl.String)
    for word, pattern in reversed(LEVELS):
        chosen = (
            pl.when(pl.col("message").str.contains(pattern)).then(pl.lit(word)).otherwise(chosen)
        )
    return chosen
