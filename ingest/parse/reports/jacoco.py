"""JaCoCo XML: https://www.jacoco.org/jacoco/trunk/coverage/report.dtd."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.parse.coverage import Coverage
from ingest.parse.report_formats import Format, Start
from ingest.parse.report_rows import Body, FileCoverage, count
from ingest.parse.xml_records import Element, records

INSIDE = ("<sessioninfo", "<package", "<group", "<counter", "JACOCO")


def matches(start: Start) -> bool:
    """Tell it by its root, and by what is in it, since the root says little."""
    return start.root == "report" and any(word in start.text for word in INSIDE)


def parse(body: Body) -> Iterator[FileCoverage]:
    """Yield every source file; modules (groups) stand before the package."""
    found, at = Coverage(), None
    for record in records(body, "sourcefile", "sessioninfo"):
        one = record.element
        if one.tag == "sessioninfo":
            at = body.epoch(one.get("dump")) or at
            continue
        folders = [up.get("name") for up in record.above if up.tag in ("group", "package")]
        path = "/".join([*filter(None, folders), one.get("name")])
        covered, lines = _counter(one, "LINE")
        taken, branches = _counter(one, "BRANCH")
        found.counts(path, lines, covered, branches, taken)
    yield from found.rows(at)


def _counter(one: Element, kind: str) -> tuple[int, int]:
    """Return covered and total."""
    for counter in one.all("counter"):
        if counter.get("type") == kind:
            covered = count(counter.get("covered"))
            return covered, covered + count(counter.get("missed"))
    return 0, 0


FORMAT = Format("JaCoCo coverage", "measures", "application/xml", matches, parse)
