"""Cobertura XML, also as coverage.py, gcovr, Coverlet, Istanbul and others write it.

https://raw.githubusercontent.com/cobertura/web/master/htdocs/xml/coverage-04.dtd
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.parse.coverage import Coverage, is_clover
from ingest.parse.report_formats import Format, Start
from ingest.parse.report_rows import Body, FileCoverage, count
from ingest.parse.xml_records import Element, records

UNNAMED = "(unnamed)"
CONDITIONS = re.compile(r"\((\d+)/(\d+)\)")
MILLIS = 1e11
"""A larger timestamp is in milliseconds: some writers count so, others in seconds."""


def matches(start: Start) -> bool:
    """Tell it by its root; Clover has the same one, with a project in it."""
    return start.root == "coverage" and not is_clover(start.text)


def parse(body: Body) -> Iterator[FileCoverage]:
    """Yield every file; lines stand at the class, at its methods, or at both."""
    found, at = Coverage(), None
    for record in records(body, "class"):
        at = at or _at(body, record.above[0].get("timestamp"))
        _class(found, record.element)
    yield from found.rows(at)


def _at(body: Body, stamp: str) -> int | None:
    return body.epoch(stamp, per_second=1000 if count(stamp) > MILLIS else 1)


def _class(found: Coverage, one: Element) -> None:
    path = one.get("filename") or one.get("name") or UNNAMED
    found.file(path)
    methods = [method for group in one.all("methods") for method in group.all("method")]
    for holder in (one, *methods):
        for line in (line for group in holder.all("lines") for line in group.all("line")):
            number = count(line.get("number"))
            found.line(path, number, is_covered=count(line.get("hits")) > 0)
            conditions = CONDITIONS.search(line.get("condition-coverage"))
            if conditions and number:
                found.branch(path, number, count(conditions[1]), count(conditions[2]))


FORMAT = Format("Cobertura coverage", "measures", "application/xml", matches, parse)
