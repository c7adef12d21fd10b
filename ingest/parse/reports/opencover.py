"""OpenCover XML, also as Coverlet and AltCover write it.

https://github.com/OpenCover/opencover/wiki/Reports
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.parse.coverage import Coverage
from ingest.parse.report_formats import Format, Start
from ingest.parse.report_rows import Body, FileCoverage, count
from ingest.parse.xml_records import Element, records


def matches(start: Start) -> bool:
    """Tell it by its root."""
    return start.root == "CoverageSession"


def parse(body: Body) -> Iterator[FileCoverage]:
    """Yield every file: a line is covered if a sequence point on it was visited.

    Files stand before the methods of their module, which name them by number.
    """
    found, files = Coverage(), dict[str, str]()
    for record in records(body, "Files", "Method"):
        if record.element.tag == "Files":
            files = {one.get("uid"): one.get("fullPath") for one in record.element.all("File")}
            for path in files.values():
                found.file(path)
        else:
            _method(found, record.element, files)
    yield from found.rows()


def _method(found: Coverage, method: Element, files: dict[str, str]) -> None:
    ref = method.find("FileRef")
    for point in _points(method, "SequencePoints"):
        path = files.get(point.get("fileid") or (ref.get("uid") if ref else ""))
        if path:
            covered = count(point.get("vc")) > 0
            found.line(path, count(point.get("sl")), is_covered=covered)
    for nth, point in enumerate(_points(method, "BranchPoints")):
        path = files.get(point.get("fileid") or (ref.get("uid") if ref else ""))
        if path and count(point.get("sl")):
            key = (method.text("MetadataToken"), method.text("Name"), nth)
            found.branch(path, key, min(1, count(point.get("vc"))))


def _points(method: Element, group: str) -> Iterator[Element]:
    one = method.find(group)
    return iter(one.children if one else ())


FORMAT = Format("OpenCover coverage", "measures", "application/xml", matches, parse)
