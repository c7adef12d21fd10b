"""What a source is: the contract between a connector and the framework.

A connector is one file in `ingest/sources/` with one class that has the attributes and methods
of `Source`. It never touches the lake: it yields payloads and frames, the assets write them.

    pull   outside world -> payloads as received, and where the pull stands   (I/O, in order)
    plan   payloads      -> units of work                                     (cheap)
    parse  one unit      -> rows of core tables                               (may run in a worker)

`pull` and `parse` are apart so that a payload is safe in the lake before anyone tries to
understand it, and core can be rebuilt from raw without asking the source again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import polars as pl
from pydantic import BaseModel

from golive_core.settings import Instance
from golive_core.window import Window

__all__ = [
    "Context",
    "Cursor",
    "Finding",
    "Instance",
    "Parsed",
    "Pulled",
    "Reject",
    "Source",
    "Stream",
    "Unit",
]

Cursor = Mapping[str, Any]
"""A JSON object of the source's own; the framework only stores it."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of payload of a source and the core tables that its rows land in."""

    name: str
    doc: str
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What the framework lends: `home` for a source's own files, `base`, golive.toml's folder."""

    home: Path
    base: Path


@dataclass(frozen=True, slots=True)
class Pulled:
    """One batch as received.

    `payloads` has the columns payload_id, uri, media_type, size_bytes, context and body or
    artifact of `schema.RAW_SPEC`; the framework adds the rest. `cursor` is where the pull stands
    after it and is stored only once the payloads are committed. `requests` counts what was asked.
    """

    payloads: pl.DataFrame
    cursor: Cursor
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of work for one process: payload rows and the source's own notes (picklable)."""

    stream: str
    payloads: pl.DataFrame
    notes: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Reject:
    """A payload or a part of it that cannot be parsed: it is quarantined, the rest goes on."""

    uri: str
    reason: str
    line: int | None = None
    content: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Rows by core table (columns of golive_core/schema, absent ones null) and the rejected."""

    tables: Mapping[str, pl.DataFrame]
    rejects: Sequence[Reject] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `golive doctor`: what was tried, how it went and the mend."""

    check: str
    state: Literal["ok", "warning", "failed"]
    detail: str
    hint: str = ""


class Source(Protocol):
    """A connector. Class attributes describe it; an object reads one instance."""

    type: ClassVar[str]
    title: ClassVar[str]
    streams: ClassVar[tuple[Stream, ...]]
    scopes: ClassVar[tuple[str, ...]]
    example: ClassVar[str]
    Options: ClassVar[type[BaseModel]]

    def __init__(self, instance: Instance, context: Context) -> None: ...

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by at most one cheap request whether a pull would bring anything."""
        ...

    def pull(
        self, stream: str, *, cursor: Cursor | None, window: Window | None
    ) -> Iterator[Pulled]:
        """Yield what is new since `cursor`, or with `window` what lies in it, whatever is known.

        Raises SourceError with the instance, what was asked and the next step.
        """
        ...

    def plan(self, payloads: pl.DataFrame) -> Iterable[Unit]:
        """Split raw rows (of one stream, all columns of RAW_SPEC) into units of like cost."""
        ...

    def parse(self, unit: Unit) -> Iterator[Parsed]:
        """Yield core rows of the unit in bounded batches. The same unit gives the same rows."""
        ...

    def check(self) -> Iterator[Finding]:
        """Yield what doctor should know: reachable, authorised, scopes, clock."""
        ...
