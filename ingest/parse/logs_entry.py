"""What every form of log is made into before it becomes rows: entries; and the words of levels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

ENTRY = pl.Schema({
    "number": pl.Int64(), "part": pl.Int64(), "at": pl.Datetime("us", "UTC"),
    "level": pl.String(), "service": pl.String(), "message": pl.String(),
    "attributes": pl.String(),
})  # fmt: skip
"""`number` is the line of the chunk, from 0, `part` the record in it; `service` null for the file.
"""
WORDS = {
    "error": "error err severe fatal critical crit alert emerg emergency panic failure f e",
    "warning": "warning warn w",
    "info": "info information informational notice i n",
    "debug": "debug trace verbose fine finer finest dbg d v t",
}
LEVELS = {word: level for level, words in WORDS.items() for word in words.split()}
"""Levels by the words and letters that loggers write, in lower case."""


BY_SEVERITY = ("error", "error", "error", "error", "warning", "info", "info", "debug")
"""Levels by the severities of syslog, from emergency to debug."""
BY_TEN = {10: "debug", 20: "debug", 30: "info", 40: "warning", 50: "error", 60: "error"}
"""Levels by the numbers of bunyan and pino."""


def level_of(value: object) -> str | None:
    """Return the level that a word, or a number of bunyan and pino, stands for; null for none."""
    if isinstance(value, str):
        return LEVELS.get(value.strip().lower())
    return BY_TEN.get(value // 10 * 10) if isinstance(value, int) else None


def attributes(found: Mapping[str, Any]) -> str | None:
    """Return the fields that have a value as a JSON object, null for none."""
    kept = {name: value for name, value in found.items() if value not in (None, "", "-")}
    return json.dumps(kept, ensure_ascii=False, default=str) if kept else None
