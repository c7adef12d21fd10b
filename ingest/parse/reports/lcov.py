"""LCOV tracefiles: https://manpages.debian.org/unstable/lcov/geninfo.1.en.html#FILES."""

from __future__ import annotations

from collections.abc import Iterator

from golive_core.errors import ReportError
from ingest.parse.coverage import Coverage
from ingest.parse.report_formats import Format, Start
from ingest.parse.report_lines import lines
from ingest.parse.report_rows import Body, FileCoverage, count, quantity

BRANCH_PARTS = 4


def matches(start: Start) -> bool:
    """Tell it by its first line."""
    first = next((line for line in start.text.splitlines() if not line.startswith("#")), "")
    return first.startswith(("TN:", "SF:"))


def parse(body: Body) -> Iterator[FileCoverage]:
    """Yield every source file; one that was run by several tests is one file."""
    record = _Record(body)
    for number, line in lines(body):
        key, _, said = line.partition(":")
        if key == "SF":
            record.begin(said.strip(), number)
        elif key in ("DA", "BRDA"):
            record.add(key, said.split(","), number)
        elif key in ("LF", "LH", "BRF", "BRH"):
            record.sums[key] = count(said)
        elif key == "end_of_record":
            record.end()
    if record.path:
        what = f"truncated: the record of {record.path} has no end"
        raise ReportError(what[:500], path=body.path, line=record.started)
    yield from record.found.rows()


class _Record:
    def __init__(self, body: Body) -> None:
        self.found = Coverage()
        self.path, self.started = "", 0
        self.sums: dict[str, int] = {}
        self._body, self._is_counted = body, {"DA": True, "BRDA": True}

    def begin(self, path: str, line: int) -> None:
        self.path, self.started, self.sums = path, line, {}
        self._is_counted = {"DA": True, "BRDA": True}
        self.found.file(path)

    def add(self, key: str, parts: list[str], line: int) -> None:
        """Add a line or a branch of the record."""
        is_whole = len(parts) >= (2 if key == "DA" else BRANCH_PARTS)
        number = quantity(parts[0])
        if not (self.path and is_whole and number):
            what = f"{key}:{','.join(parts)} is not what LCOV writes"
            raise ReportError(what[:500], path=self._body.path, line=line)
        self._is_counted[key] = False
        if key == "DA":
            self.found.line(self.path, int(number), is_covered=count(parts[1]) > 0)
        else:
            self.found.branch(self.path, tuple(parts[:-1]), min(1, count(parts[-1])))

    def end(self) -> None:
        """Count what the record only sums up."""
        if not self.path:
            return
        lines, branches = (self._is_counted[key] for key in ("DA", "BRDA"))
        said = self.sums.get
        self.found.counts(
            self.path, said("LF", 0) * lines, said("LH", 0) * lines,
            said("BRF", 0) * branches, said("BRH", 0) * branches,
        )  # fmt: skip
        self.path = ""


FORMAT = Format("LCOV coverage", "measures", "text/plain", matches, parse)
