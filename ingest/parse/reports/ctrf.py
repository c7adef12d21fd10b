"""CTRF, the common test report format: https://ctrf.io/docs/specification/overview."""

from __future__ import annotations

from collections.abc import Iterator

from golive_core.errors import ReportError
from ingest.parse.json_stream import values
from ingest.parse.report_formats import Format, Start
from ingest.parse.report_rows import Body, Case, count, first_line, items, lasted, obj, text

STATUS = {
    "passed": "passed", "failed": "failed", "skipped": "skipped", "pending": "skipped",
    "other": "error",
}  # fmt: skip
RETRIES = 100
"""Attempts that are believed where a test only counts them."""


def matches(start: Start) -> bool:
    """Tell it by `reportFormat`, or by the objects that every one has."""
    return bool(start.keys & {"results.tests", "results.tool", "results.summary"}) or (
        "reportFormat" in start.keys and '"CTRF"' in start.text
    )


def parse(body: Body) -> Iterator[Case]:
    """Yield the attempts of every test."""
    is_there = False
    for place, value in values(body.open, "results.tests.*", "results.summary", path=body.path):
        is_there = True
        if place[1] == "tests":
            yield from _attempts(body, f"results.tests.{place[2]}", obj(value))
    if not is_there:
        raise ReportError("it has neither results.tests nor results.summary", path=body.path)


def _attempts(body: Body, where: str, test: dict[str, object]) -> Iterator[Case]:
    """Yield the earlier attempts of a test, then the one that decided; a bare count is believed."""
    final = _case(body, where, test, test)
    told = [obj(one) for one in items(test.get("retryAttempts"))]
    retries = min(count(test.get("retries")), RETRIES)
    for nth, one in enumerate(told):
        is_last = nth + 1 == len(told) and len(told) > retries
        attempt = _case(body, f"{where}.retryAttempts.{nth}", test, one)
        if is_last and attempt.status == final.status:
            final = final._replace(started_at=attempt.started_at, duration_s=attempt.duration_s,
                                   message=attempt.message or final.message,
                                   details=attempt.details or final.details)  # fmt: skip
        else:
            yield attempt
    if not told:
        yield from [final._replace(status="failed", duration_s=None)] * retries
    yield final


def _case(body: Body, where: str, test: dict[str, object], run: dict[str, object]) -> Case:
    """Return an attempt: what it is called stands at the test, how it went at the run."""
    status = STATUS.get(str(run.get("status")))
    if status is None:
        what = f"{where} has the status {run.get('status')!r}, which CTRF does not know"
        raise ReportError(what[:500], path=body.path)
    suite = test.get("suite")
    trace, message = text(run.get("trace")), text(run.get("message"))
    return Case(
        text(test.get("name")) or "",
        status,
        " > ".join(map(str, items(suite))) or text(suite) or "",
        duration_s=lasted(run.get("duration"), per_second=1000),
        started_at=body.epoch(run.get("start")),
        type=text(test.get("rawStatus")) if status == "error" else None,
        message=message or first_line(trace),
        details=trace,
        file=text(test.get("filePath")),
        skip_reason=message if status == "skipped" else None,
        environment=" ".join(str(test[key]) for key in ("browser", "device") if test.get(key)),
    )


FORMAT = Format("CTRF test report", "run", "application/json", matches, parse)
