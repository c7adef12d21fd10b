"""What `coverage json` of coverage.py writes: https://coverage.readthedocs.io/en/latest/commands/cmd_json.html.

Its XML is Cobertura's.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.parse.coverage import Coverage, tidy
from ingest.parse.json_stream import values
from ingest.parse.report_formats import Format, Start
from ingest.parse.report_rows import Body, Row, TestLines, count, items, obj, text


def matches(start: Start) -> bool:
    """Tell it by what `meta` says, or by its other parts where files come first."""
    return bool(start.keys & {"meta.branch_coverage", "meta.show_contexts"}) or (
        {"files", "totals"} <= start.keys
    )


def parse(body: Body) -> Iterator[Row]:
    """Yield every file, and who ran its lines where contexts are shown."""
    found, at = Coverage(), None
    for place, value in values(
        body.open, "meta.timestamp", "files.*.summary", "files.*.contexts", path=body.path
    ):  # fmt: skip
        if place[0] == "meta":
            at = body.at(value)
            continue
        if place[2] == "contexts":
            yield from _lines(place[1], obj(value))
            continue
        said = obj(value)
        names = ("num_statements", "covered_lines", "num_branches", "covered_branches")
        lines, covered, branches, taken = (count(said.get(name)) for name in names)
        found.counts(place[1], lines, covered, branches, taken)
    yield from found.rows(at)


def _lines(path: str, said: dict[str, object]) -> Iterator[TestLines]:
    """Yield what each context ran of a file; without one a line was run by no test."""
    found: dict[str, set[int]] = {}
    for number, contexts in said.items():
        for one in items(contexts):
            name = text(one)
            if name and number.isdecimal():
                found.setdefault(name, set()).add(int(number))
    for context, lines in found.items():
        yield TestLines(context, tidy(path), frozenset(lines))


FORMAT = Format("coverage.py JSON", "measures", "application/json", matches, parse)
