"""What `coverage json` of coverage.py writes: https://coverage.readthedocs.io/en/latest/commands/cmd_json.html.

Its XML is Cobertura's.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.parse.coverage import Coverage
from ingest.parse.json_stream import values
from ingest.parse.report_formats import Format, Start
from ingest.parse.report_rows import Body, FileCoverage, count, obj


def matches(start: Start) -> bool:
    """Tell it by what `meta` says, or by its other parts where files come first."""
    return bool(start.keys & {"meta.branch_coverage", "meta.show_contexts"}) or (
        {"files", "totals"} <= start.keys
    )


def parse(body: Body) -> Iterator[FileCoverage]:
    """Yield every file."""
    found, at = Coverage(), None
    for place, value in values(
        body.open, "meta.timestamp", "files.*.summary", path=body.path
    ):  # fmt: skip
        if place[0] == "meta":
            at = body.at(value)
            continue
        said = obj(value)
        names = ("num_statements", "covered_lines", "num_branches", "covered_branches")
        lines, covered, branches, taken = (count(said.get(name)) for name in names)
        found.counts(place[1], lines, covered, branches, taken)
    yield from found.rows(at)


FORMAT = Format("coverage.py JSON", "measures", "application/json", matches, parse)
