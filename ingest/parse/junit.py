"""JUnit XML, every dialect of it, to cases in memory: what the elements say and where.

Attributes are kept as expat hands them over and become columns in `ingest/parse/junit_rows.py`,
many at a time. Cases that just passed do not even pass through expat: `ingest/parse/junit_plain.py`
takes them out before and they are put back here. Which file belongs to which build is decided in
`ingest/sources/junit.py`.

A report is taken whole or not at all: one that breaks off is rejected with the line, since what
reads it again after it was completed must not find half of it counted already.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple
from xml.parsers.expat import XMLParserType

from golive_core.errors import ReportError
from ingest.parse.junit_plain import MARK, Plain, taken_out
from ingest.parse.junit_time import microseconds
from ingest.parse.safe_xml import DEPTH, BrokenXmlError, Mend, Open, feed, too_deep

LARGE_BYTES = 32 << 20
"""From here on a report is checked first and then read in pieces."""
MAX_CASES = 10_000_000
TEXT_CHARS = 48 << 10
OUTPUT_CHARS = 15 << 10
"""Kept of a failure's text and of what its case printed: together 64 KiB at most."""

SUITES = frozenset({"testsuite", "testsuites"})
FINAL = frozenset({"failure", "error", "skipped"})
EARLIER = frozenset({"flakyFailure", "flakyError"})
LATER = frozenset({"rerunFailure", "rerunError"})
OUTPUT = frozenset({"system-out", "system-err"})
TEXTS = FINAL | EARLIER | LATER | OUTPUT
CASE_CHILD = 2
"""Levels below its suite at which a case's children are."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of a report beside its content; times in µs since 1970."""

    path: str
    report_id: str
    build_id: str
    run_at: int
    """Stands in for cases that have no time of their own."""
    newest_at: int
    """Nothing in it can have happened later: when the file was written."""
    commit_sha: str | None = None
    branch: str | None = None
    environment: str = ""
    zone: str = "UTC"
    """Of times without one."""


class Outcome(NamedTuple):
    """A child of a case that says more than that it ran; `case` counts from 0."""

    case: int
    kind: str
    attributes: list[str]
    """Names and values by turns."""
    text: str


class Segment(NamedTuple):
    """The cases from `start` up to the next segment share these."""

    start: int
    report: Report
    suite: str
    started_at: int | None
    file: str | None


@dataclass(slots=True)
class Cases:
    """Cases of any number of reports, as read, in order.

    `words` are the attributes of all cases in one list, names and values by turns; `widths` says
    how many of them each case has. A list a case would keep the garbage collector busy.
    """

    words: list[str] = field(default_factory=list[str])
    widths: list[int] = field(default_factory=list[int])
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    segments: list[Segment] = field(default_factory=list[Segment])
    taken: int = 0
    """Cases that were cut off the front so far."""

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.widths)

    def add(self, attributes: list[str]) -> None:
        """Append a case."""
        self.words += attributes
        self.widths.append(len(attributes))

    def counts(self) -> tuple[int, int, int, int]:
        """Return how much there is, for `forget`."""
        return len(self.words), len(self.widths), len(self.outcomes), len(self.segments)

    def cut(self, case: int) -> Cases:
        """Take the cases before `case` out and return them."""
        words = len(self.words) if case == len(self) else sum(self.widths[:case])
        taken = Cases(
            self.words[:words],
            self.widths[:case],
            [one for one in self.outcomes if one.case < case],
            [one for one in self.segments if one.start < case],
        )
        begun = [one for one in self.segments if one.start <= case][-1:]
        rest = [one for one in self.segments if one.start > case]
        del self.words[:words], self.widths[:case]
        self.outcomes[:] = [
            one._replace(case=one.case - case) for one in self.outcomes if one.case >= case
        ]
        self.segments[:] = [
            one._replace(start=max(0, one.start - case)) for one in begun + rest
        ]  # fmt: skip
        self.taken += case
        return taken

    def forget(self, words: int, cases: int, outcomes: int, segments: int) -> None:
        """Drop what came after these counts."""
        del self.words[words:], self.widths[cases:]
        del self.outcomes[outcomes:], self.segments[segments:]


def read_report(opened: Open, report: Report, cases: Cases, *, size: int) -> Iterator[None]:
    """Append the cases of a report, pausing where a caller may take all but the last of them.

    Raises ReportError, and then none of its cases was added. `size` in bytes decides whether it
    is read in pieces: a small one is added at once.
    """
    if size >= LARGE_BYTES:
        mend = _mending(opened, report, Cases(), keep=False)
        yield from feed(opened, Reader(report, cases), path=report.path, mend=mend)
    else:
        if not _without_plain(opened, report, cases):
            _mending(opened, report, cases, keep=True)
        yield


def _without_plain(opened: Open, report: Report, cases: Cases) -> bool:
    """Read a report with its plain cases taken out and put back; False if that cannot be done.

    Then it has to be read as it is: that also gives the lines of errors.
    """
    with opened() as stream:
        body = stream.read(LARGE_BYTES + 1)
    plain = taken_out(body) if len(body) <= LARGE_BYTES else None
    if plain is None:
        return False
    before = cases.counts()
    try:
        rest = partial(io.BytesIO, plain.rest)
        for _ in feed(rest, Reader(report, cases, plain), path=report.path):
            pass
    except ReportError:
        cases.forget(*before)
        return False
    if plain.runs:
        cases.forget(*before)
    return not plain.runs


def _mending(opened: Open, report: Report, cases: Cases, *, keep: bool) -> Mend:
    """Read a report to its end, mending what may be mended, and return what was needed."""
    before = cases.counts()
    tried, mend, first = {Mend.NOTHING}, Mend.NOTHING, None
    while True:
        try:
            reader = Reader(report, cases)
            for _ in feed(opened, reader, path=report.path, mend=mend):
                if not keep:
                    cases.cut(len(cases))
        except BrokenXmlError as error:
            cases.forget(*before)
            first = first or error
            mend = error.mend
            if mend in tried:
                raise first from None
            tried.add(mend)
        except ReportError:
            cases.forget(*before)
            raise
        else:
            return mend


class Reader:
    """The handlers for one report; see `safe_xml.Handlers`.

    A case that passed costs two calls: `start` below, and the append of its end tag to `_ends`.
    Depth and the ends of suites are worked out from there once something else than a case opens
    (`_settle`). While a text is gathered, `_end_text` takes the end tags instead.
    """

    def __init__(self, report: Report, cases: Cases, plain: Plain | None = None) -> None:
        self._report, self._cases, self._plain = report, cases, plain
        self._before = cases.taken + len(cases)
        self._suites: list[Segment] = []
        self._suite_depths = [0]
        self._case_tags, self._suite_tags = {"testcase"}, set[str]()
        self._ends: list[str] = []
        self._others = self._ended = self._cases_ended = 0
        self._text: list[str] = []
        self._child: tuple[str, list[str]] | None = None
        self._inner = 0
        self._printed: list[tuple[int, Outcome]] = []

    def attach(self, parser: XMLParserType) -> None:
        """Set the handlers."""
        self._parser = parser
        extend, widen = self._cases.words.extend, self._cases.widths.append
        opened, put_back = self._opened, self._put_back

        def start(tag: str, attributes: list[str]) -> None:
            if tag == "testcase":
                extend(attributes)
                widen(len(attributes))
            elif tag == MARK:
                put_back(tag, attributes)
            else:
                opened(tag, attributes)

        parser.StartElementHandler = start
        parser.EndElementHandler = self._ends.append

    def pause(self) -> None:
        """Settle, and stop gathering a text that is long enough."""
        self._settle()
        if self._depth() > DEPTH:
            raise too_deep(self._parser, self._report.path)
        if self._started() and not self._suite_tags:
            raise self._no_report("testcase")
        if self._started() > MAX_CASES:
            raise self._error(f"it has more than {MAX_CASES:,} cases")
        if self._child and sum(map(len, self._text)) > TEXT_CHARS:
            self._text[:] = ["".join(self._text)[: TEXT_CHARS + 1]]
            self._parser.CharacterDataHandler = None

    def _started(self) -> int:
        return self._cases.taken + len(self._cases.widths) - self._before

    def _depth(self) -> int:
        return self._started() + self._others - self._ended - len(self._ends)

    def _settle(self) -> None:
        """Close the suites whose end tags came by: the cases after one are its parent's."""
        ends = self._ends
        if not self._suite_tags.isdisjoint(ends):
            for tag in ends:
                if tag in self._case_tags:
                    self._cases_ended += 1
                elif tag in self._suite_tags:
                    self._close_suite()
        else:
            self._cases_ended += sum(map(ends.count, self._case_tags))
        self._ended += len(ends)
        ends.clear()

    def _close_suite(self) -> None:
        self._suites.pop()
        self._suite_depths.pop()
        if self._suites:
            start = self._before + self._cases_ended - self._cases.taken
            self._cases.segments.append(self._suites[-1]._replace(start=start))

    def _put_back(self, tag: str, attributes: list[str]) -> None:
        """Add the cases that were taken out here; to other files MARK is any element."""
        if self._plain is None or self._child:
            self._opened(tag, attributes)
            return
        self._others += 1
        self._settle()
        if self._depth() - self._suite_depths[-1] != 1 or not self._suites:
            raise self._error("a case stands where none belongs")
        words, width = self._plain.next_run(), self._plain.width
        count = len(words) // width
        self._cases.words += words
        self._cases.widths += [width] * count
        self._ended += count
        self._cases_ended += count

    def _opened(self, tag: str, attributes: list[str]) -> None:
        """Take the start of anything but a case."""
        self._others += 1
        is_text = tag in TEXTS and self._child is None
        if is_text and self._depth() - self._suite_depths[-1] == CASE_CHILD:
            self._open_text(tag, attributes)
        elif self._child:
            self._open_inner(tag)
        else:
            self._open_other(tag, tag.rpartition(":")[2], attributes)

    def _open_text(self, kind: str, attributes: list[str]) -> None:
        self._child = (kind, attributes)
        self._parser.CharacterDataHandler = self._text.append
        self._parser.EndElementHandler = self._end_text

    def _open_other(self, tag: str, kind: str, attributes: list[str]) -> None:
        self._settle()
        depth = self._depth()
        if depth > DEPTH:
            raise too_deep(self._parser, self._report.path)
        if depth == 1 and kind not in SUITES:
            raise self._no_report(tag)
        if kind in TEXTS:
            level = depth - self._suite_depths[-1]
            if level == CASE_CHILD or (level == 1 and self._is_of_suite(kind)):
                self._open_text(kind, attributes)
        elif kind in SUITES:
            self._open_suite(tag, kind, attributes, depth)
        elif kind == "testcase":
            self._others -= 1
            self._case_tags.add(tag)
            self._cases.add(attributes)

    def _no_report(self, tag: str) -> ReportError:
        page = " (an HTML page)" if tag.lower() == "html" else ""
        what = f"the root element is <{tag}>{page}, not <testsuites> or <testsuite>"
        return self._error(what)

    def _error(self, what: str) -> ReportError:
        line = self._parser.CurrentLineNumber
        return ReportError(what, path=self._report.path, line=line)

    def _open_suite(self, tag: str, kind: str, attributes: list[str], depth: int) -> None:
        said = dict(zip(attributes[::2], attributes[1::2], strict=True))
        above = self._suites[-1] if self._suites else None
        name = said.get("name", "") if kind == "testsuite" else ""
        path = " > ".join(part for part in (above.suite if above else "", name) if part)
        at = microseconds(said.get("timestamp"), self._report.zone, self._report.newest_at)
        file = said.get("file") or said.get("filepath")
        suite = Segment(
            len(self._cases), self._report, path,
            above.started_at if at is None and above else at,
            above.file if file is None and above else file,
        )  # fmt: skip
        self._suites.append(suite)
        self._suite_depths.append(depth)
        self._suite_tags.add(tag)
        self._cases.segments.append(suite)

    def _is_of_suite(self, kind: str) -> bool:
        """Give a failure that stands outside of any case (a set-up that broke) one of its own."""
        is_failure = kind in ("failure", "error") and bool(self._suites)
        if is_failure:
            self._cases.add(["name", "(suite)"])
            self._before += 1
        return is_failure

    def _open_inner(self, tag: str) -> None:
        """Take an element within a text: all of it belongs to the text, but for output."""
        self._inner += 1
        if tag.rpartition(":")[2] in OUTPUT:
            self._parser.CharacterDataHandler = None

    def _end_text(self, tag: str) -> None:
        self._ends.append(tag)
        parser, child = self._parser, self._child
        if self._inner or not child:
            self._inner -= 1
            parser.CharacterDataHandler = self._text.append
            return
        self._child = None
        parser.CharacterDataHandler = None
        parser.EndElementHandler = self._ends.append
        text = "".join(self._text)
        self._text.clear()
        kind, attributes = child
        limit = OUTPUT_CHARS if kind in OUTPUT else TEXT_CHARS
        text = text.strip() if len(text) <= limit else text[:limit].lstrip() + "\n[cut]"
        self._keep(Outcome(len(self._cases.widths) - 1, kind, attributes, text))

    def _keep(self, one: Outcome) -> None:
        """Keep an outcome; what a case printed only if the case failed, before or after that."""
        outcomes, nth = self._cases.outcomes, self._cases.taken + one.case
        if one.kind not in OUTPUT:
            outcomes.append(one)
            if self._printed:
                outcomes += [old._replace(case=one.case) for at, old in self._printed if at == nth]
                self._printed.clear()
        elif outcomes and outcomes[-1].case == one.case:
            outcomes.append(one)
        else:
            self._printed[:] = [pair for pair in self._printed if pair[0] == nth]
            self._printed.append((nth, one))
