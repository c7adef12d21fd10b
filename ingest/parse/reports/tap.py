"""TAP, the Test Anything Protocol, versions 12 to 14: https://testanything.org/tap-version-14-specification.html.

A line that sums up the subtests before it names their suite and is no test of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.parse.report_formats import Format, Start
from ingest.parse.report_lines import lines, stem
from ingest.parse.report_rows import TEXT_CHARS, Body, Case, first_line, lasted, text

TEST = re.compile(r"( *)(not )?ok\b(?: +(\d+))?(?: +-)?(?: +(.*))?")
PLAN = re.compile(r"1\.\.(\d+)\s*(?:#.*)?")
DIRECTIVE = re.compile(r"(?<!\\)#\s*(skip|todo)\S*\s*(.*)", re.IGNORECASE)
BAIL = re.compile(r" *Bail out!\s*(.*)")
KEY = re.compile(r"\s*(message|error|duration_ms|type|code)\s*:\s*['\"]?(.*?)['\"]?\s*")
KEY_CHARS = 2_000
HEAD = re.compile(r"TAP version \d+|1\.\.\d+\s*(#|$)|(not )?ok \d+\b")


def matches(start: Start) -> bool:
    """Tell it by its first line that is no comment."""
    first = (line for line in start.text.splitlines() if line.strip() and line.lstrip()[0] != "#")
    line = next(first, "")
    return bool(HEAD.match(line)) or (start.name.endswith(".tap") and bool(TEST.match(line)))


def parse(body: Body) -> Iterator[Case]:
    """Yield a case a test line; a plan that was not kept and a bail-out are errors of the file."""
    found = _File(stem(body.path, ".tap"))
    for _, line in lines(body):
        yield from found.line(line)
    yield from found.end()


@dataclass(slots=True)
class _File:
    suite: str
    planned: int | None = None
    ran: int = 0
    bailed: str | None = None
    indent: int = 0
    pending: list[tuple[int, Case]] = field(default_factory=list[tuple[int, Case]])
    """Tests with their indent: those of a subtest wait for the line that names it."""
    details: list[str] = field(default_factory=list[str])
    chars: int = 0

    def line(self, line: str) -> Iterator[Case]:
        test = TEST.fullmatch(line)
        if test:
            self._describe()
            yield from self._test(test)
        elif plan := PLAN.fullmatch(line):
            self.planned = int(plan[1][:9])
        elif bail := BAIL.fullmatch(line):
            self.bailed = bail[1]
        elif self.chars < TEXT_CHARS:
            self.details.append(line)
            self.chars += len(line)

    def end(self) -> Iterator[Case]:
        self._describe()
        yield from (case for _, case in self.pending)
        if self.bailed is not None:
            yield Case("(bail out)", "error", self.suite, message=text(self.bailed))
        elif self.planned is not None and self.planned != self.ran:
            what = f"{self.planned} tests were planned, {self.ran} were run"
            yield Case("(plan)", "error", self.suite, message=what)

    def _test(self, test: re.Match[str]) -> Iterator[Case]:
        indent = len(test[1])
        case = _case(self.suite, test)
        below = [(at, one) for at, one in self.pending if at > indent]
        if below:
            self.pending = [(at, one) for at, one in self.pending if at <= indent]
            self.pending += [(indent, _within(one, case.name)) for _, one in below]
            if case.status == "failed" and all(one.status != "failed" for _, one in below):
                self.pending.append((indent, case))
        else:
            self.pending.append((indent, case))
        if indent == 0:
            self.ran += 1
            yield from (one for _, one in self.pending[:-1])
            del self.pending[:-1]

    def _describe(self) -> None:
        """Give what stands behind a test line to its test."""
        if self.pending and self.details:
            at, case = self.pending[-1]
            self.pending[-1] = at, _described(case, self.details)
        self.details.clear()
        self.chars = 0


def _within(case: Case, name: str) -> Case:
    class_name = f"{name} > {case.class_name}" if case.class_name else name
    return case._replace(class_name=class_name)


def _case(suite: str, test: re.Match[str]) -> Case:
    _, failed, number, words = test.groups()
    directive = DIRECTIVE.search(words or "")
    name = (words[: directive.start()] if directive and words else words or "").strip()
    name = name.removesuffix("{").strip().replace("\\#", "#")
    status = "failed" if failed else "passed"
    reason = None
    if directive and (directive[1].lower() == "skip" or failed):
        status, reason = "skipped", directive[2] or directive[1]
    return Case(text(name) or f"test {number or ''}".strip(), status, suite, skip_reason=reason)


def _described(case: Case, details: list[str]) -> Case:
    """Add what YAML or comments say of a test."""
    said = {found[1]: found[2] for line in details if (found := KEY.fullmatch(line[:KEY_CHARS]))}
    case = case._replace(duration_s=lasted(said.get("duration_ms"), per_second=1000))
    if case.status != "failed":
        return case
    kept = [line.strip(" ").removeprefix("#").strip() for line in details]
    whole = "\n".join(line for line in kept if line not in ("---", "...", ""))
    message = said.get("message") or said.get("error") or first_line(whole)
    kind = said.get("type") or said.get("code")
    return case._replace(type=text(kind), message=text(message), details=text(whole))


FORMAT = Format("TAP", "run", "text/plain", matches, parse)
