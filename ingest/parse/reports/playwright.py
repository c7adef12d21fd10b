"""What Playwright's `json` reporter writes: https://playwright.dev/docs/test-reporters#json-reporter.

The shape is JSONReport in https://github.com/microsoft/playwright/blob/main/packages/playwright/types/testReporter.d.ts.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.parse.json_stream import values
from ingest.parse.report_formats import Format, Start
from ingest.parse.report_rows import Body, Case, first_line, items, lasted, obj, text

STATUS = {
    "passed": "passed", "failed": "failed", "timedOut": "failed", "interrupted": "error",
    "skipped": "skipped",
}  # fmt: skip
DEPTH = 64

Json = dict[str, object]


def matches(start: Start) -> bool:
    """Tell it by its parts."""
    return "config" in start.keys and (
        "suites" in start.keys or bool({"config.rootDir", "config.configFile"} & start.keys)
    )


def parse(body: Body) -> Iterator[Case]:
    """Yield every result of every test, and errors outside of them."""
    for place, value in values(body.open, "suites.*", "errors.*", path=body.path):
        if place[0] == "suites":
            suite = obj(value)
            yield from _suite(body, suite, text(suite.get("title")) or "", ())
        else:
            message, details = _error(obj(value))
            yield Case("(run)", "error", message=message, details=details)


def _suite(body: Body, suite: Json, file: str, titles: tuple[str, ...]) -> Iterator[Case]:
    for spec in map(obj, items(suite.get("specs"))):
        for test in map(obj, items(spec.get("tests"))):
            case = Case(
                text(spec.get("title")) or "", "skipped", file, " > ".join(titles),
                file=text(spec.get("file")) or text(suite.get("file")),
                environment=text(test.get("projectName")) or "",
            )  # fmt: skip
            yield from _results(body, test, case)
    for inner in map(obj, items(suite.get("suites"))):
        if len(titles) < DEPTH:
            yield from _suite(body, inner, file, (*titles, text(inner.get("title")) or ""))


def _results(body: Body, test: Json, case: Case) -> Iterator[Case]:
    """Yield an attempt each result; what failed as it was meant to has passed."""
    expected = str(test.get("expectedStatus") or "passed")
    reason = next((text(obj(one).get("description")) or text(obj(one).get("type"))
                   for one in items(test.get("annotations"))), None)  # fmt: skip
    results = [obj(one) for one in items(test.get("results"))]
    if not results:
        yield case._replace(skip_reason=reason)
    for one in results:
        said = str(one.get("status"))
        status = STATUS.get(said, "error")
        message, details = _error(
            obj(one.get("error")) or obj(next(iter(items(one.get("errors"))), 0))
        )
        if said == expected and said != "skipped":
            status = "passed"
        elif said == "passed":
            status, message = "failed", f"it was expected to be {expected}, but passed"
        yield case._replace(
            status=status,
            duration_s=lasted(one.get("duration"), per_second=1000),
            started_at=body.at(one.get("startTime")),
            type=said if said in ("timedOut", "interrupted") else None,
            message=message, details=details,
            skip_reason=reason if status == "skipped" else None,
        )  # fmt: skip


def _error(error: Json) -> tuple[str | None, str | None]:
    stack = text(error.get("stack")) or text(error.get("snippet"))
    message = text(error.get("message")) or text(error.get("value"))
    return message or first_line(stack), stack


FORMAT = Format("Playwright JSON report", "run", "application/json", matches, parse)
