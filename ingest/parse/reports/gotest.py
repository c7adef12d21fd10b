"""What `go test -json` writes, an event a line: https://pkg.go.dev/cmd/test2json."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from golive_core.errors import ReportError
from ingest.parse.report_formats import Format, Start
from ingest.parse.report_lines import lines
from ingest.parse.report_rows import TEXT_CHARS, Body, Case, first_line, lasted, obj, text

STATUS = {"pass": "passed", "fail": "failed", "skip": "skipped"}
FRAME = re.compile(r"\s*(?:=== |--- |FAIL\b|PASS\b|exit status)")
"""Lines of the tool itself."""
EVENT = re.compile(r'^\{"(?:Time|Action|ImportPath)":', re.MULTILINE)

Key = tuple[str, str]
"""Package and test."""


def matches(start: Start) -> bool:
    """Tell it by a line that is an event; lines of the build may come first."""
    return EVENT.search(start.text) is not None and '"Action":' in start.text


@dataclass(slots=True)
class _Running:
    started_at: int | None = None
    output: list[str] = field(default_factory=list[str])
    chars: int = 0
    has_failed: bool = False

    def write(self, line: str) -> None:
        if self.chars < TEXT_CHARS:
            self.output.append(line)
            self.chars += len(line)

    def said(self) -> str | None:
        kept = [line for line in "".join(self.output).splitlines() if not FRAME.match(line)]
        return text("\n".join(kept).strip())


def parse(body: Body) -> Iterator[Case]:
    """Yield a case a test that ended, in order; then those that did not, and broken packages.

    A line that is no event is output of something else and left out; one that is torn in the
    middle of the file is an error, at its end it is where the run was killed.
    """
    run = _Run(body)
    torn: tuple[int, str] | None = None
    for number, line in lines(body):
        if torn:
            raise ReportError(f"not JSON: {torn[1]}", path=body.path, line=torn[0])
        if EVENT.match(line):
            try:
                yield from run.event(obj(json.loads(line)))
            except (ValueError, RecursionError) as error:
                torn = number, str(error)[:200]
    yield from run.end()


class _Run:
    def __init__(self, body: Body) -> None:
        self._body = body
        self._running: dict[Key, _Running] = {}

    def event(self, event: dict[str, object]) -> Iterator[Case]:
        package = str(event.get("Package") or event.get("ImportPath") or "").partition(" ")[0]
        key = package, str(event.get("Test") or "")
        action = str(event.get("Action"))
        self._running.setdefault((package, ""), _Running())
        one = self._running.setdefault(key, _Running())
        at = self._body.at(event.get("Time"))
        if action in ("output", "build-output"):
            one.write(str(event.get("Output") or ""))
        elif action in ("run", "start"):
            one.started_at = at
        elif action in STATUS:
            del self._running[key]
            yield from self._ended(key, one, action, lasted(event.get("Elapsed")))

    def _ended(
        self, key: Key, one: _Running, action: str, seconds: float | None
    ) -> Iterator[Case]:  # fmt: skip
        package, test = key
        whole = self._running.get((package, ""), one)
        whole.has_failed = whole.has_failed or (action == "fail" and bool(test))
        if test:
            yield _case(key, one, STATUS[action], seconds)
            return
        for left in [known for known in self._running if known[0] == package and known[1]]:
            yield _unfinished(left, self._running.pop(left))
            whole.has_failed = True
        if action == "fail" and not whole.has_failed:
            yield _case((package, "(package)"), one, "error", seconds)

    def end(self) -> Iterator[Case]:
        """Yield what was still running when the file ended."""
        for key, one in self._running.items():
            if key[1]:
                self._running[key[0], ""].has_failed = True
                yield _unfinished(key, one)
        for key, one in self._running.items():
            if not key[1] and one.started_at is not None and not one.has_failed:
                yield _unfinished((key[0], "(package)"), one)


def _unfinished(key: Key, one: _Running) -> Case:
    return _case(key, one, "error", None)._replace(type="unfinished", message="it did not finish")


def _case(key: Key, one: _Running, status: str, seconds: float | None) -> Case:
    said = None if status == "passed" else one.said()
    is_skipped = status == "skipped"
    return Case(
        key[1], status, key[0], "", seconds, one.started_at,
        message=None if is_skipped else first_line(said), details=None if is_skipped else said,
        skip_reason=first_line(said) if is_skipped else None,
    )  # fmt: skip


FORMAT = Format("go test -json", "run", "application/x-ndjson", matches, parse)
