"""A test result of an Allure folder, a file a test: https://allurereport.org/docs/how-it-works-test-result-file/.

A retry is another file with the same `historyId`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from golive_core.errors import ReportError
from ingest.parse.json_stream import values
from ingest.parse.report_formats import Format, Start
from ingest.parse.report_rows import Body, Case, first_line, items, obj, quantity, text

STATUS = {
    "passed": "passed", "failed": "failed", "broken": "error", "skipped": "skipped",
    "unknown": "error",
}  # fmt: skip
IDENTITY = re.compile(r'"(historyId|testCaseId|fullName)"\s*:\s*"([^"\\]+)"')
SUITES = ("parentSuite", "suite", "subSuite")
MARKS = frozenset({"uuid", "historyId", "fullName"})


def matches(start: Start) -> bool:
    """Tell it by the ids and the status; containers of set-ups have `children`."""
    return (
        len(MARKS & start.keys) > 1 and bool({"status", "stage"} & start.keys)
        and "children" not in start.keys
    )  # fmt: skip


def key(start: Start) -> str | None:
    """Return what retries of one test have in common."""
    found = dict(IDENTITY.findall(start.text))
    return next((found[name] for name in ("historyId", "testCaseId", "fullName") if name in found),
                None)  # fmt: skip


def parse(body: Body) -> Iterator[Case]:
    """Yield the one case."""
    for _, value in values(body.open, "", path=body.path):
        yield _case(body, obj(value))


def _case(body: Body, test: dict[str, object]) -> Case:
    status = STATUS.get(str(test.get("status") or "unknown"))
    if status is None:
        what = f"the status is {test.get('status')!r}, which Allure does not know"
        raise ReportError(what[:500], path=body.path)
    labels = {
        str(label.get("name")): str(label.get("value"))
        for label in map(obj, items(test.get("labels")))
    }
    details = obj(test.get("statusDetails"))
    trace, message = text(details.get("trace")), text(details.get("message"))
    began, ended = quantity(test.get("start")), quantity(test.get("stop"))
    return Case(
        _name(test),
        status,
        " > ".join(labels[name] for name in SUITES if name in labels),
        labels.get("testClass") or labels.get("package") or "",
        max(0.0, ended - began) / 1000 if began and ended else None,
        body.epoch(began),
        message=message or first_line(trace),
        details=trace,
        skip_reason=message if status == "skipped" else None,
    )


def _name(test: dict[str, object]) -> str:
    """Return the name with the values of its parameters, which make it another test."""
    name = text(test.get("name")) or text(test.get("fullName")) or ""
    chosen = [
        str(one.get("value"))
        for one in map(obj, items(test.get("parameters")))
        if not one.get("excluded")
    ]
    return name if not chosen or name.endswith("]") else f"{name}[{', '.join(chosen)}]"


FORMAT = Format("Allure test result", "part", "application/json", matches, parse, key)
