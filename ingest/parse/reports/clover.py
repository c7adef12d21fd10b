"""Clover XML, also as Istanbul and PHPUnit write it.

https://openclover.org/doc/manual/latest/general--openclover-database-specification.html
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.parse.coverage import Coverage, is_clover
from ingest.parse.report_formats import Format, Start
from ingest.parse.report_rows import Body, FileCoverage, count
from ingest.parse.xml_records import Element, Record, records

MILLIS = 1e11
"""A larger timestamp is in milliseconds: PHPUnit counts seconds."""
STATEMENTS = ("stmt", "cond")


def matches(start: Start) -> bool:
    """Tell it by what is in its root, which is Cobertura's too."""
    return start.root == "coverage" and is_clover(start.text)


def parse(body: Body) -> Iterator[FileCoverage]:
    """Yield every file: its lines one by one, or only counted."""
    found, at = Coverage(), None
    for record in records(body, "file"):
        stamp = record.above[0].get("generated")
        at = at or body.epoch(stamp, per_second=1000 if count(stamp) > MILLIS else 1)
        _file(found, record)
    yield from found.rows(at)


def _file(found: Coverage, record: Record) -> None:
    one, package = record.element, record.near("package")
    folder = package.get("name").replace(".", "/") if package else ""
    path = one.get("path") or _below(folder, one.get("name"))
    found.file(path)
    lines = [line for line in one.all("line") if line.get("type") in STATEMENTS]
    for line in lines:
        is_covered = any(count(line.get(key)) for key in ("count", "truecount", "falsecount"))
        found.line(path, count(line.get("num")), is_covered=is_covered)
    said = one.find("metrics") or Element("metrics", {})
    counted = 0 if lines else count(said.get("statements"))
    found.counts(
        path, counted, count(said.get("coveredstatements")) if counted else 0,
        count(said.get("conditionals")), count(said.get("coveredconditionals")),
    )  # fmt: skip


def _below(folder: str, name: str) -> str:
    """Return where a file is that bears its bare name, or all of its path."""
    is_whole = name.startswith("/") or name[1:2] == ":" or not folder
    return name if is_whole else f"{folder}/{name}"


FORMAT = Format("Clover coverage", "measures", "application/xml", matches, parse)
