"""One raw row as a parser sees it: body, context, whose it is; and what to do where it is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import polars as pl

from golive_core.errors import SourceDataError
from golive_core.settings import Instance
from ingest.source import Parsed, Reject

SHOWN = 4096
"""Characters of a rejected payload that are kept."""
WRONG = (
    SourceDataError, AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError,
    pl.exceptions.PolarsError,
)  # fmt: skip
"""What parsers raise on a body of another shape than the source's own."""


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload of `instance`; `context` is what the pull knew of it."""

    instance: Instance
    id: str
    uri: str
    body: bytes
    context: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The kind of payload, which chooses its parser."""
        return str(self.context["kind"])

    def json(self) -> object:
        """Return the body decoded; raises SourceDataError."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise SourceDataError(f"not JSON ({error})", where=self.uri) from error

    def object(self) -> dict[str, Any]:
        """Return the body as a JSON object; raises SourceDataError."""
        value = self.json()
        if not isinstance(value, dict):
            raise SourceDataError("not a JSON object", where=self.uri)
        return cast("dict[str, Any]", value)

    def objects(self, *path: str) -> list[dict[str, Any]]:
        """Return the list of JSON objects at `path`, or the whole body; raises SourceDataError."""
        value: object = self.json()
        for name in path:
            value = cast("dict[str, object]", value).get(name) if isinstance(value, dict) else None
        if not isinstance(value, list):
            raise SourceDataError(f"no list at {'.'.join(path) or 'the top'}", where=self.uri)
        found = cast("list[object]", value)
        if not all(isinstance(one, dict) for one in found):
            raise SourceDataError("a list of other things than objects", where=self.uri)
        return cast("list[dict[str, Any]]", found)

    def reject(self, error: Exception) -> Reject:
        """Return why the payload is kept out."""
        what = error.what if isinstance(error, SourceDataError) else repr(error)
        content = self.body[:SHOWN].decode("utf-8", "replace")
        return Reject(self.uri, f"not what {self.instance.type} should say: {what}",
                      content=content)  # fmt: skip


Tables = Mapping[str, pl.DataFrame]
Parser = Callable[[Payload], Tables]
"""A pure function from a payload to rows by core table (columns of golive_core/schema)."""


def payloads(frame: pl.DataFrame, instance: Instance) -> Iterator[Payload]:
    """Yield the raw rows of a frame as payloads."""
    for row in frame.iter_rows(named=True):
        yield Payload(
            instance, row["payload_id"], row["uri"], row["body"] or b"", json.loads(row["context"])
        )


def parsed(
    frame: pl.DataFrame, instance: Instance, parsers: Mapping[str, Parser]
) -> Iterator[Parsed]:
    """Yield what each raw row says; one that is wrong is rejected, the others go on."""
    for payload in payloads(frame, instance):
        try:
            yield Parsed(parsers[payload.kind](payload))
        except WRONG as error:
            yield Parsed({}, [payload.reject(error)])
