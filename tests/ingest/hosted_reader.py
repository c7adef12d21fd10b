"""What a source says, without a lake between: rows of a pull and of a payload, and its cursor."""

from __future__ import annotations

import polars as pl

from golive_core.window import Window
from ingest.api import ApiSource
from ingest.payload import Payload


def core(source: ApiSource, stream: str, window: Window | None = None) -> dict[str, pl.DataFrame]:
    """Return the rows by table that a first pull of the stream gives."""
    found: dict[str, list[pl.DataFrame]] = {}
    for pulled in source.pull(stream, cursor=None, window=window):
        for unit in source.plan(pulled.payloads):
            for parsed in source.parse(unit):
                assert not parsed.rejects
                for name, frame in parsed.tables.items():
                    found.setdefault(name, []).append(frame)
    return {name: pl.concat(frames) for name, frames in found.items()}


def cursor(source: ApiSource, stream: str) -> dict:
    """Return where a first pull of the stream ends."""
    return dict([pulled.cursor for pulled in source.pull(stream, cursor=None, window=None)][-1])


def rows(source: ApiSource, context: dict, body: bytes) -> dict[str, list[dict]]:
    """Return the rows by table of one payload."""
    payload = Payload(source.instance, "id", "uri", body, context)
    return {name: frame.to_dicts() for name, frame in source.parsers[payload.kind](payload).items()}
