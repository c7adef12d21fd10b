"""TRX, what `dotnet test --logger trx` and Visual Studio write.

The schema is vstst.xsd of Visual Studio; what the writer puts where:
https://github.com/microsoft/vstest/tree/main/src/Microsoft.TestPlatform.Extensions.TrxLogger
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PureWindowsPath

from ingest.parse.report_formats import Format, Start
from ingest.parse.report_rows import Body, Case, first_line, lasted, text
from ingest.parse.xml_records import Element, records

STATUS = {
    **dict.fromkeys(("Passed", "PassedButRunAborted", "Warning", "Completed"), "passed"),
    **dict.fromkeys(("Failed", "Timeout"), "failed"),
    **dict.fromkeys(("Error", "Aborted", "Disconnected", "InProgress", "NotRunnable"), "error"),
    **dict.fromkeys(("NotExecuted", "Inconclusive", "Pending", ""), "skipped"),
}
SPAN = re.compile(r"(?:(\d+)\.)?(\d+):(\d+):(\d+(?:\.\d+)?)")

Place = tuple[str, str]
"""Suite and class."""


def matches(start: Start) -> bool:
    """Tell it by its root."""
    return start.root == "TestRun"


def parse(body: Body) -> Iterator[Case]:
    """Yield a case a result, rows of data one by one; classes are defined behind the results."""
    places = {
        one.element.get("id"): _place(one.element) for one in records(body, "UnitTest")
    }  # fmt: skip
    for record in records(body, "UnitTestResult", "TestResult"):
        yield from _results(body, record.element, places)


def _place(definition: Element) -> Place:
    storage = PureWindowsPath(definition.get("storage").replace("/", "\\")).name
    method = definition.find("TestMethod")
    return storage, method.get("className").partition(",")[0] if method else ""


def _results(body: Body, one: Element, places: dict[str, Place]) -> Iterator[Case]:
    rows = one.find("InnerResults")
    if rows and rows.children:
        for row in rows.children:
            yield from _results(body, row, places)
        return
    suite, class_name = places.get(one.get("testId"), ("", ""))
    name = one.get("testName")
    prefix = f"{class_name}."
    message = text(one.text("Output", "ErrorInfo", "Message"))
    stack = text(one.text("Output", "ErrorInfo", "StackTrace"))
    status = STATUS.get(one.get("outcome"), "error")
    yield Case(
        name.removeprefix(prefix) if class_name else name,
        status,
        suite,
        class_name,
        _seconds(one.get("duration")),
        body.at(one.get("startTime")),
        type=one.get("outcome") if status == "error" or one.get("outcome") == "Timeout" else None,
        message=message or first_line(stack),
        details=stack,
        skip_reason=message if status == "skipped" else None,
    )


def _seconds(span: str) -> float | None:
    found = SPAN.fullmatch(span.strip())
    if not found:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return lasted(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


FORMAT = Format("TRX test results", "part", "application/xml", matches, parse)
