"""The data file of coverage.py, `.coverage`: https://coverage.readthedocs.io/en/latest/dbschema.html.

It says which lines ran in which context; with `--cov-context=test` of pytest-cov or coverage.py's
own `dynamic_context` a context is a test. Numbers of lines stand in blobs, a bit a line.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from golive_core.errors import ReportError
from ingest.parse.coverage import tidy
from ingest.parse.report_formats import Format, Start
from ingest.parse.report_rows import Body, TestLines

MAGIC = b"SQLite format 3\x00"
MOST_BYTES = 512 << 20
TABLES = frozenset({"file", "context", "line_bits", "arc"})
LINES = """
select context.context, file.path, line_bits.numbits from line_bits
inner join context on line_bits.context_id = context.id
inner join file on line_bits.file_id = file.id
where context.context <> '' order by context.id, file.id
"""
ARCS = """
select context.context, file.path, arc.fromno, arc.tono from arc
inner join context on arc.context_id = context.id
inner join file on arc.file_id = file.id
where context.context <> '' order by context.id, file.id
"""


def matches(start: Start) -> bool:
    """Tell it by the tables that its first page declares."""
    return start.body.startswith(MAGIC) and b"line_bits" in start.body


def parse(body: Body) -> Iterator[TestLines]:
    """Yield the lines of each file that each test ran."""
    with body.open() as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ReportError(f"it is larger than {MOST_BYTES >> 20} MiB", path=body.path)
    database = sqlite3.connect(":memory:")
    try:
        yield from _lines(database, content, body.path)
    except (sqlite3.Error, OverflowError, UnicodeError) as error:
        raise ReportError(f"it is no data file of coverage.py: {error}", path=body.path) from error
    finally:
        database.close()


def _lines(database: sqlite3.Connection, content: bytes, path: str) -> Iterator[TestLines]:
    database.deserialize(content)
    database.execute("pragma trusted_schema = off")
    kinds = dict(database.execute("select name, type from sqlite_master"))
    if any(kinds.get(table) != "table" for table in TABLES):
        raise ReportError("it is no data file of coverage.py", path=path)
    is_empty = True
    for context, file, blob in database.execute(LINES):
        lines = numbers(blob) if isinstance(blob, bytes) else frozenset[int]()
        if lines:
            is_empty = False
            yield TestLines(str(context), tidy(str(file)), lines)
    for context, file, *ends in database.execute(ARCS):
        lines = frozenset(end for end in ends if isinstance(end, int) and end > 0)
        if lines:
            is_empty = False
            yield TestLines(str(context), tidy(str(file)), lines)
    if is_empty:
        hint = "Run the tests with: pytest --cov --cov-context=test"
        raise ReportError("it does not say which test ran what", path=path, hint=hint)


def numbers(blob: bytes) -> frozenset[int]:
    """Return the numbers whose bits are set; bit 0 of byte 0 is line 0."""
    return frozenset(
        8 * at + bit for at, byte in enumerate(blob) for bit in range(8) if byte >> bit & 1
    )


FORMAT = Format("coverage.py data", "measures", "application/vnd.sqlite3", matches, parse)
