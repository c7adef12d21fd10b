"""xUnit.net's XML, versions 1 to 3: https://xunit.net/docs/format-xml-v2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PureWindowsPath

from ingest.parse.report_formats import Format, Start
from ingest.parse.report_rows import Body, Case, first_line, lasted, text
from ingest.parse.xml_records import Element, Record, records

STATUS = {"pass": "passed", "fail": "failed", "skip": "skipped", "notrun": "skipped"}


def matches(start: Start) -> bool:
    """Tell it by its root."""
    return start.root in ("assemblies", "assembly")


def parse(body: Body) -> Iterator[Case]:
    """Yield a case each `test`, and one each error outside of them (a clean-up that broke)."""
    for record in records(body, "test", "error"):
        yield _case(body, record) if record.element.tag == "test" else _error(body, record)


def _case(body: Body, record: Record) -> Case:
    one, kind = record.element, record.element.get("type")
    reason = text(one.text("reason", "message") or one.text("reason"))
    status = _status(one)
    message, details, failure = _failure(one)
    if status == "error" and not message:
        message = f"the result is {one.get('result')!r}"
    return Case(
        one.get("name").removeprefix(f"{kind}.") if kind else one.get("name"),
        status,
        _assembly(record),
        kind,
        lasted(one.get("time")),
        body.at(one.get("start-rtf")) or _began(body, record),
        failure,
        message,
        details,
        text(one.get("source-file")),
        reason if status == "skipped" else None,
    )


def _status(one: Element) -> str:
    """Return the status; where the word is unknown the elements tell."""
    known = STATUS.get(one.get("result").lower())
    if known:
        return known
    return "failed" if one.find("failure") else "skipped" if one.find("reason") else "error"


def _failure(one: Element) -> tuple[str | None, str | None, str | None]:
    """Return message, stack and type."""
    failure = one.find("failure")
    if failure is None:
        return None, None, None
    stack = text(failure.text("stack-trace"))
    message = text(failure.text("message")) or first_line(stack)
    return message, stack, text(failure.get("exception-type"))


def _error(body: Body, record: Record) -> Case:
    message, details, failure = _failure(record.element)
    one = record.element
    name = " ".join(word for word in (one.get("type"), one.get("name")) if word)
    return Case(
        f"({name or 'error'})", "error", _assembly(record), started_at=_began(body, record),
        type=failure, message=message, details=details,
    )  # fmt: skip


def _assembly(record: Record) -> str:
    one = record.near("assembly")
    return PureWindowsPath(one.get("name").replace("/", "\\")).name if one else ""


def _began(body: Body, record: Record) -> int | None:
    one = record.near("assembly")
    if one is None:
        return None
    return body.at(one.get("start-rtf")) or body.at(f"{one.get('run-date')}T{one.get('run-time')}")


FORMAT = Format("xUnit.net test results", "run", "application/xml", matches, parse)
