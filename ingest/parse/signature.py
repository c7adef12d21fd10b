"""Failure signatures: what stays of a failure when it happens again elsewhere.

Two failures with one signature are one problem. Whatever changes from run to run becomes `#`:
words that open with a digit (line numbers, durations, ports, counters, dates), addresses, hashes,
UUIDs, temporary and home paths. The frames of runtimes and test frameworks are dropped: they
change with the version and with JIT compilation. Types, words and own frames are kept.
"""

from __future__ import annotations

import polars as pl

MESSAGE_CHARS = 1_000
HEAD_CHARS, TAIL_CHARS = 4_000, 2_000
"""Of a longer stack the ends count: the throw is at one of them in every language. What varies is
taken out before: a line number of one digit more must not move the cut."""
READ_HEAD_CHARS, READ_TAIL_CHARS = 32_000, 16_000
"""What is read for that of a stack that is longer still."""

FRAMEWORK_FRAMES = (
    r"(?m:^[ \t]*at (?:java|javax|jdk|sun|com\.sun|kotlin|scala|groovy|org\.junit|junit"
    r"|org\.testng|org\.gradle|org\.apache\.maven|org\.codehaus\.groovy|worker\.org\.gradle)"
    r"[./][^\n]*\n?)"
    r"|(?m:^[ \t]*at [^\n]*(?:node:internal|node_modules/(?:jest|mocha|vitest|jasmine))[^\n]*\n?)"
    r"|(?m:^[ \t]*\.\.\. [0-9]+ (?:more|common frames omitted)[ \t]*\n?)"
    r"|(?m:^[ \t|]*[\^~]+[ \t]*\n?)|(?m:^(?:=>|[ \t]+)0x[0-9a-f]+: ?[^\n]*\n?)"
)
"""Whole lines that are dropped, marks below source and dumps of memory among them."""
OTHERS = r"(?s)(\ngoroutine [0-9]+ \[.*?)\n\ngoroutine [0-9]+ \[.*"
"""A Go trace names the goroutine that failed, then what all others did just then."""
TEMPORARY = (
    r"[A-Za-z]:\\(?:[^\s\\:\"']+\\)*(?:Temp|TEMP|temp|tmp)\\[^\s:\"')]*"
    r"|(?:/private)?(?:/var/folders|/var/tmp|/tmp|/dev/shm)/[^\s:\"')]*"
)
PATH = (
    r"(?m)(^|[\s\"'(=\[<,])/(?:[^\s/:\"'()]+/)+"
    r"([^\s/:\"'()]+/[^\s/:\"'()]+\.[A-Za-z]\w{0,4}\b)"
)
"""Files by absolute paths: the last folder and the name stay, wherever checkout or packages lie."""
UNITS = r"(?: (?:ns|us|µs|ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b)?"
VARIABLE = "|".join(
    (
        r"/(?:home|Users)/[^/\s]+/(?:work/[^/\s]+/[^/\s]+/)?|/builds/[^/\s]+/[^/\s]+/",
        r"/[^\s:\"']*/workspace/[^/\s]+/|[A-Za-z]:\\Users\\[^\\\s]+\\",
        r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
        r"@[0-9a-f]{5,8}\b|\b[0-9a-fA-F]{8,}\b",
        r"(?:\$Proxy|MethodAccessor|\$\$Lambda)[$/]?[0-9]+(?:/[0-9a-fx]+)?",
        r"(?:\B-)?\b[0-9][0-9A-Za-z_]*(?:[.,:/T+-][0-9][0-9A-Za-z_]*)*" + UNITS,
    )
)
"""What becomes `#`: paths of one machine, UUIDs, hashes, words and dates that open with a digit."""


def signatures(failures: pl.DataFrame) -> pl.Series:
    """Return `signature` by row of a frame with type, message and details; never null."""
    message = pl.col("message").fill_null("").str.head(MESSAGE_CHARS)
    head = pl.concat_str(pl.col("type").fill_null(""), message, separator="\n")
    stack = _ends(pl.col("details").fill_null(""), READ_HEAD_CHARS, READ_TAIL_CHARS)
    stack = _ends(_lasting(stack), HEAD_CHARS, TAIL_CHARS)
    text = pl.concat_str(_lasting(head), stack, separator="\n")
    return failures.select(text.str.strip_chars().alias("signature")).to_series()


def signature(kind: str | None, message: str | None, details: str | None) -> str:
    """Return the signature of one failure."""
    text = pl.String
    frame = pl.DataFrame(
        {"type": [kind], "message": [message], "details": [details]},
        schema={"type": text, "message": text, "details": text},
    )
    return str(signatures(frame)[0])


def _lasting(text: pl.Expr) -> pl.Expr:
    """Return what stays of a text when it comes again elsewhere."""
    text = text.str.replace_all("\r", "", literal=True)
    text = text.str.replace_all(FRAMEWORK_FRAMES, "").str.replace(OTHERS, "$1")
    text = text.str.replace_all(TEMPORARY, "#").str.replace_all(PATH, "${1}#$2")
    return text.str.replace_all(VARIABLE, "#")


def _ends(text: pl.Expr, head: int, tail: int) -> pl.Expr:
    """Return the beginning and the end of a text that is longer than both."""
    is_long = text.str.len_chars() > head + tail
    ends = pl.concat_str(text.str.head(head), text.str.tail(tail), separator="\n")
    return pl.when(is_long).then(ends).otherwise(text)
