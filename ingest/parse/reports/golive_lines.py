"""Attempts as they ended, one a line: what the pytest plugin writes while a suite runs.

The first line may name the files of the tests, so that batches of a run which share none are told
apart. A line that is torn at the end is where the run was killed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from golive_core.errors import ReportError
from ingest.parse.report_formats import Format, Start
from ingest.parse.report_lines import lines
from ingest.parse.report_rows import Body, Row, items, obj, text
from ingest.parse.reports.golive_run import attempt

HEAD, LINE = "golive_attempts", "golive_attempt"
VERSION = 1
MOST_FILES = 500


def matches(start: Start) -> bool:
    """Tell it by the key of its first line."""
    return start.text.startswith((f'{{"{HEAD}"', f'{{"{LINE}"'))


def key(start: Start) -> str | None:
    """Return the files of the tests, one a line; None where they are not told."""
    head = _object(start.text.partition("\n")[0]) or {}
    named = [name for one in items(head.get("files")) if (name := text(one))]
    is_told = 0 < len(named) <= MOST_FILES and not any("\n" in name for name in named)
    return "\n".join(sorted(named)) if is_told else None


def parse(body: Body) -> Iterator[Row]:
    """Yield each attempt in order."""
    torn = 0
    for number, line in lines(body):
        if torn:
            raise ReportError("the line is not JSON", path=body.path, line=torn)
        said = _object(line)
        if said is None:
            torn = number
        elif HEAD in said and said[HEAD] != VERSION:
            what = f"it is of version {said[HEAD]!r}, which this GoLive does not know"
            raise ReportError(what[:200], path=body.path, hint="Install a newer GoLive")
        elif LINE in said:
            yield from attempt(body, f"line {number}", obj(said[LINE]))


def _object(line: str) -> dict[str, object] | None:
    try:
        return obj(json.loads(line)) or None
    except (ValueError, RecursionError):
        return None


FORMAT = Format("GoLive attempts", "run", "application/x-ndjson", matches, parse, key)
