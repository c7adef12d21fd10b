"""What an entry of a log with a stack trace says was thrown: type, message and stack. Pure.

Python, Java and Kotlin, Node, .NET, Go, Rust, Ruby, PHP, sanitizers and gdb. Lines were joined to
entries by `ingest/parse/logs_trace.py`; what makes two failures one is in `signature.py`.
"""

from __future__ import annotations

import polars as pl

from ingest.parse.logs_trace import NUMBERED_FRAME

NUMBERED = rf"^[ \t]*{NUMBERED_FRAME}"
FRAMES = "|".join(
    (
        r"(?m)^[ \t]+at \S", r"^[ \t|]*File \"[^\"]+\", line \d+", r"^goroutine \d+ \[",
        r"^stack backtrace:", NUMBERED, r"^[ \t]+from \S+:\d+:in ",
        r"^\S+\.rb:\d+:in [`']", r"panicked at [^\n]*:\d+:\d+:$",
    )
)  # fmt: skip
"""An entry with such a line has a stack."""
NAME = r"(?:[\w$]+(?:\.|::|\\))*[A-Z][\w$]*"
KIND = r"(?:[\w$]+(?:\.|::|\\))*(?:[A-Z][\w$]*)?(?:Error|Exception|Throwable|Failure|Fault)"
"""Exceptions by their usual names."""
THROWN = (
    r"==\d+==\s?(?:ERROR|WARNING): (?<type>\w+Sanitizer): (?<message>[\w-]+)",
    r"received signal (?<type>SIG\w+), (?<message>[^\n]*)",
    r"panicked at [^\n]*:\d+:\d+:\n(?<type>)(?<message>[^\n]*)",
    r"(?m)^(?<type>panic|fatal error): (?<message>[^\n]*?)(?: \[recovered\])?$",
    r"(?m)^\S+:\d+:in [^\n]*?['`]: (?<message>[^\n]*) \((?<type>[A-Z][\w:]*)\)$",
    r"(?m)^(?<type>[A-Z]\w*(?:::\w+)+) \((?<message>[^\n]*)\):?$",
    rf"(?m)Uncaught (?<type>{NAME}): (?<message>[^\n]*?) in \S+:\d+$",
    rf"(?s)Exception Group Traceback.*?\n[ |]*(?<type>{NAME}): (?<message>[^\n]*)",
    rf"(?s)Traceback \(most.*\n[ \t]+\S[^\n]*\n(?<type>{NAME})(?:: (?<message>[^\n]*))?",
    rf"(?m)(?:^|[ :\"])(?<type>{KIND})\b(?: \[\w+\])?(?:: (?<message>[^\n]*))?$",
    rf"(?m)(?:^|[ :\"])(?<type>{KIND})(?: in thread \S+)?(?:: (?<message>[^\n]*))",
)  # fmt: skip
"""Where the type and the message stand, the surest first."""
OPENS = r"^(?:Traceback \(|[ \t]*\+ Exception Group|thread '|goroutine \d|={20,}|==\d+==|\S+:\d+$)"
"""First lines of traces that name no type."""
NAMELESS = "panic"
"""Type of what has none: a panic of Rust."""


def thrown(messages: pl.Series) -> pl.DataFrame:
    """Return type, message and details of the failure in each message; null where there is none.

    Details begin with the first line if it is of the trace, else behind it.
    """
    text = pl.col("text")
    found = [text.str.extract_groups(pattern) for pattern in THROWN]
    has_stack = text.str.contains(FRAMES)
    kind = pl.coalesce(one.struct.field("type") for one in found)
    said = pl.coalesce(
        pl.when(one.struct.field("type").is_not_null()).then(
            one.struct.field("message").fill_null("")
        )
        for one in found
    )
    first = text.str.extract(r"^([^\n]*)")
    below = pl.coalesce(text.str.extract(r"(?s)^[^\n]*\n(.*)$"), text)
    frame = messages.alias("text").to_frame()
    frame = frame.with_columns(kind.alias("type"), said.alias("message"))
    names_it = first.str.contains(pl.col("type"), literal=True) & (pl.col("type") != "")
    opens = names_it.fill_null(value=False) | first.str.contains(OPENS)
    cells = {
        "type": pl.col("type").replace("", NAMELESS).fill_null(""),
        "message": pl.col("message").fill_null(""),
        "details": pl.when(opens).then(text).otherwise(below),
    }
    return frame.select(pl.when(has_stack).then(cell).alias(name) for name, cell in cells.items())
