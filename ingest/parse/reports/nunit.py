"""NUnit's test results, of version 3 (`test-run`) and of version 2 (`test-results`).

https://docs.nunit.org/articles/nunit/technical-notes/usage/Test-Result-XML-Format.html
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PureWindowsPath

from ingest.parse.report_formats import Format, Start
from ingest.parse.report_rows import Body, Case, first_line, lasted, text
from ingest.parse.xml_records import Record, records

STATUS = {
    **dict.fromkeys(("passed", "success", "warning"), "passed"),
    **dict.fromkeys(("failed", "failure"), "failed"),
    **dict.fromkeys(("error", "notrunnable", "invalid", "cancelled"), "error"),
    **dict.fromkeys(("skipped", "ignored", "inconclusive", "explicit"), "skipped"),
}


def matches(start: Start) -> bool:
    """Tell it by its root."""
    return start.root in ("test-run", "test-results")


def parse(body: Body) -> Iterator[Case]:
    """Yield a case each `test-case`."""
    for record in records(body, "test-case"):
        yield _case(body, record)


def _case(body: Body, record: Record) -> Case:
    one, root = record.element, record.above[0]
    full = one.get("fullname") or one.get("name")
    name = one.get("name").rpartition(".")[2] if not one.get("fullname") else one.get("name")
    if "(" in one.get("name"):
        name = one.get("name") if one.get("fullname") else _call(one.get("name"))
    stack = text(one.text("failure", "stack-trace"))
    message = text(one.text("failure", "message")) or first_line(stack)
    status = _status(one.get("result"), one.get("label"), one.get("executed"))
    reason = text(one.text("reason", "message") or one.text("reason"))
    return Case(
        name or full,
        status,
        _assembly(record),
        full.removesuffix(name).removesuffix(".") if full != name else one.get("classname"),
        lasted(one.get("duration") or one.get("time")),
        body.at(one.get("start-time")) or body.at(_day(root.get("date"), root.get("time"))),
        type=one.get("label") or one.get("result") if status == "error" else None,
        message=message or (reason if status == "error" else None),
        details=stack,
        skip_reason=reason if status == "skipped" else None,
    )


def _call(name: str) -> str:
    """Return the last part of a dotted name whose arguments may have dots too."""
    path, bracket, arguments = name.partition("(")
    return path.rpartition(".")[2] + bracket + arguments


def _status(result: str, label: str, executed: str) -> str:
    """Return the status; a label says more of why something failed or did not run."""
    if executed.lower() == "false" and not result:
        return "skipped"
    status = STATUS.get(result.lower(), "error")
    return "error" if status == "failed" and STATUS.get(label.lower()) == "error" else status


def _assembly(record: Record) -> str:
    suites = [one for one in record.above if one.tag == "test-suite"]
    found = next((one for one in suites if one.get("type") == "Assembly"), None)
    path = found.get("name") if found else record.above[0].get("name")
    return PureWindowsPath(path.replace("/", "\\")).name


def _day(date: str, time: str) -> str:
    return f"{date}T{time}" if date and time else ""


FORMAT = Format("NUnit test results", "run", "application/xml", matches, parse)
