"""Cases as read to the columns of `ingest/parse/tests.py`, many at a time.

Where all cases of a report have the same attributes in the same order, which is the rule, a column
is a slice of one flat list; the other reports pay for a dictionary a case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, groupby
from operator import itemgetter
from typing import NamedTuple

import polars as pl

from golive_core.ids import content_id
from golive_core.schema import DTYPES
from ingest.parse.junit import EARLIER, FINAL, LATER, OUTPUT, Cases, Outcome, Segment
from ingest.parse.junit_time import LONGEST_S, microseconds, seconds

NOT_RUN = frozenset(
    {"disabled", "notrun", "not run", "ignored", "skipped", "pending", "suppressed"}
)
WORDS = {
    **dict.fromkeys(NOT_RUN, "skipped"),
    **dict.fromkeys(("failed", "failure", "fail"), "failed"),
    **dict.fromkeys(("error", "errored", "broken"), "error"),
}
"""What the attributes `status` and `result` may say beside passed."""
NAME_CHARS = 2_000
REASON_CHARS = 1_000
MESSAGE_CHARS = 500
UNNAMED = "(unnamed)"

TOLD = ("status", "type", "message", "details", "skip_reason")
DETAILS_CHARS = 64 << 10

Cell = Sequence[str | None]
Finder = Callable[[str], Cell | None]


class Attempt(NamedTuple):
    """One run of a case, in the order in which they happened; `at` 0 is the reported one."""

    case: int
    at: int
    status: str
    type: str | None = None
    message: str | None = None
    details: str | None = None
    skip_reason: str | None = None
    time: str | None = None


def columns(cases: Cases) -> pl.DataFrame:
    """Return the columns for `tests.frames`, in order: a row an attempt, one or more a case."""
    if not len(cases):
        return pl.DataFrame()
    shared, field = _shared(cases), _fields(cases)
    told = attempts(cases.outcomes)
    reported = _reported(len(cases), [one for one in told if one.at == 0])
    status = _overridden(reported["status"], field("status"), field("result"))
    file = _texts("file", field("file"), len(cases))
    rows = {
        **{series.name: series for series in (*shared, *reported)},
        "status": status,
        "name": _names("name", field("name"), UNNAMED, len(cases)),
        "class_name": _names("class_name", field("classname"), "", len(cases)),
        "duration_s": _durations(field("time"), len(cases)),
        "started_at": _started(field("timestamp"), cases, shared["started_at"]),
        "file": file.zip_with(file.is_not_null(), shared["file"]),
    }
    others = [one for one in told if one.at != 0]
    return _with_others(rows, others) if others else pl.DataFrame(rows)


def _shared(cases: Cases) -> pl.DataFrame:
    """Return what segments and reports say, by case."""
    segments = cases.segments
    ends = [one.start for one in segments[1:]] + [len(cases)]
    runs = [
        (one, end - one.start) for one, end in zip(segments, ends, strict=True) if end > one.start
    ]
    frame = pl.DataFrame(
        [_segment_cells(one) for one, _ in runs], schema=SHARED_SCHEMA, orient="row"
    )
    counts = pl.Series([count for _, count in runs], dtype=pl.UInt32)
    index = pl.int_range(len(runs), dtype=pl.UInt32, eager=True)
    index = pl.select(index.repeat_by(counts).explode()).to_series()
    return frame.select(pl.all().gather(index))


SHARED_SCHEMA = {
    "suite": pl.String, "started_at": pl.Int64, "file": pl.String, "build_id": pl.String,
    "commit_sha": pl.String, "branch": pl.String, "environment": pl.String, "report_id": pl.String,
}  # fmt: skip


def _segment_cells(one: Segment) -> tuple[str | int | None, ...]:
    report = one.report
    at = report.run_at if one.started_at is None else one.started_at
    return (
        _short(one.suite), at, one.file, report.build_id,
        report.commit_sha, report.branch, report.environment, report.report_id,
    )  # fmt: skip


def _fields(cases: Cases) -> Finder:
    """Return a function that gives an attribute of every case by its name, None if none has it."""
    find = _even(cases.words, cases.widths)
    if find is not None:
        return find
    finders: list[Finder] = []
    at = 0
    for start, end in _reports(cases):
        widths = cases.widths[start:end]
        words = cases.words[at : at + sum(widths)]
        at += len(words)
        finders.append(_even(words, widths) or _uneven(words, widths))
    counts = [end - start for start, end in _reports(cases)]
    return lambda name: list(
        chain.from_iterable(
            find(name) or [None] * count for find, count in zip(finders, counts, strict=True)
        )
    )


def _reports(cases: Cases) -> list[tuple[int, int]]:
    """Return the first case and the one after the last of every report that has cases."""
    starts = [
        one.start
        for before, one in zip([None, *cases.segments], cases.segments, strict=False)
        if before is None or one.report is not before.report
    ]
    spans = zip(starts, [*starts[1:], len(cases)], strict=True)
    return [(start, end) for start, end in spans if end > start]


def _even(words: list[str], widths: list[int]) -> Finder | None:
    """Return the function if all cases have the same attributes in the same order."""
    width, count = widths[0], len(widths)
    keys = words[:width:2]
    if widths.count(width) != count:
        return None
    if any(words[2 * at :: width].count(key) != count for at, key in enumerate(keys)):
        return None

    def find(name: str) -> Cell | None:
        return words[2 * keys.index(name) + 1 :: width] if name in keys else None

    return find


def _uneven(words: list[str], widths: list[int]) -> Finder:
    ends = list(accumulate(widths))
    starts = [0, *ends[:-1]]
    said = [
        dict(zip(words[start:end:2], words[start + 1 : end : 2], strict=True))
        for start, end in zip(starts, ends, strict=True)
    ]
    return lambda name: [one.get(name) for one in said]


def _texts(name: str, cells: Cell | None, count: int) -> pl.Series:
    if cells is None:
        return pl.Series(name, [None], dtype=pl.String).new_from_index(0, count)
    return pl.Series(name, cells, dtype=pl.String)


def _short(name: str) -> str:
    """Return a name that a table can bear; what is cut off still tells two names apart."""
    if len(name) <= NAME_CHARS:
        return name
    return f"{name[:NAME_CHARS]}…{content_id(name) & 0xFFFF_FFFF:08x}"


def _names(column: str, cells: Cell | None, missing: str, count: int) -> pl.Series:
    series = _texts(column, cells, count)
    if cells is None or None in cells or "" in cells:
        series = series.fill_null("")
        series = series.zip_with(series != "", pl.Series([missing]))
    if int(series.str.len_bytes().max() or 0) > NAME_CHARS:  # pyright: ignore[reportArgumentType]
        series = _texts(column, [_short(name) for name in series], count)
    return series


def _durations(cells: Cell | None, count: int) -> pl.Series:
    """Return seconds, Float64: what is a plain number at once, the rest one by one."""
    texts = _texts("duration_s", cells, count)
    values = texts.cast(pl.Float64, strict=False)
    fine = values.is_between(0, LONGEST_S)
    if bool(fine.fill_null(value=False).all()):
        return values
    odd = {text: seconds(text) for text in texts.filter(~fine.fill_null(value=False)) if text}
    return pl.Series(
        "duration_s",
        [value if good else odd.get(text or "") for text, value, good in zip(
            texts, values, fine, strict=True)],
        dtype=pl.Float64,
    )  # fmt: skip


def _started(cells: Cell | None, cases: Cases, shared: pl.Series) -> pl.Series:
    """Return the start by case: its own timestamp, else that of its suite or report."""
    if cells is None:
        return shared.cast(DTYPES["at"])
    report = cases.segments[0].report
    newest, zone = max(one.report.newest_at for one in cases.segments), report.zone
    own = pl.Series("started_at", [microseconds(cell, zone, newest) for cell in cells], pl.Int64)
    return own.zip_with(own.is_not_null(), shared).cast(DTYPES["at"])


def _reported(count: int, told: Sequence[Attempt]) -> pl.DataFrame:
    """Return the columns that only few cases say anything for: the others just passed."""
    rows = [("passed", None, None, None, None), *(one[2:7] for one in told)]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(TOLD, pl.String), orient="row")
    index = pl.repeat(0, count, dtype=pl.UInt32, eager=True)
    cases = pl.Series([one.case for one in told], dtype=pl.UInt32)
    index = index.scatter(cases, pl.int_range(1, len(told) + 1, dtype=pl.UInt32, eager=True))
    return frame.select(pl.all().gather(index))


def _overridden(status: pl.Series, *said: Cell | None) -> pl.Series:
    """Let `status` or `result` decide: a disabled test did not fail, whatever else it says."""
    for cells in said:
        if cells is not None and not WORDS.keys().isdisjoint(cells):
            words = [WORDS.get(word or "") for word in cells]
            status = pl.Series(
                "status",
                [
                    verdict if verdict == "skipped" or (verdict and known == "passed") else known
                    for known, verdict in zip(status, words, strict=True)
                ],
            )
    return status


def attempts(outcomes: Iterable[Outcome]) -> list[Attempt]:
    """Return the attempts that the children of cases tell of, by case and time."""
    found: list[Attempt] = []
    for case, group in groupby(outcomes, key=itemgetter(0)):
        told = list(group)
        if len(told) > 1 or told[0].kind not in FINAL:
            found += _attempts_of_case(case, told)
        elif told[0].kind == "skipped":
            found.append(_skipped(case, told[0]))
        else:
            found.append(_failed(case, 0, told, ""))
    return found


def _skipped(case: int, one: Outcome) -> Attempt:
    reason = (_said(one, "message") or one.text)[:REASON_CHARS] or None
    return Attempt(case, 0, "skipped", skip_reason=reason)


def _attempts_of_case(case: int, told: list[Outcome]) -> Iterator[Attempt]:
    """Yield one case's attempts: a flaky failure came before it, a rerun failure after it.

    A rerun of a case that did not fail itself is a flaky failure by another name.
    """
    if all(one.kind in OUTPUT for one in told):
        return
    final = [one for one in told if one.kind in FINAL]
    later = [one for one in told if one.kind in LATER]
    earlier = [one for one in told if one.kind in EARLIER]
    has_failed = any(one.kind != "skipped" for one in final)
    if later and not has_failed:
        earlier, later = earlier + later, []
    output = "\n".join(f"[{one.kind}]\n{one.text}" for one in told if one.kind in OUTPUT)
    for at, one in enumerate(earlier, start=-len(earlier)):
        yield _failed(case, at, [one], "")
    if has_failed:
        yield _failed(case, 0, [one for one in final if one.kind != "skipped"], output)
    elif final:
        yield _skipped(case, final[0])
    for at, one in enumerate(later, start=1):
        yield _failed(case, at, [one], "")


def _failed(case: int, at: int, told: Sequence[Outcome], output: str) -> Attempt:
    """Return a failed attempt: the first of its failures names it, the text has all of them."""
    first = told[0]
    status = "error" if first.kind.endswith(("error", "Error")) else "failed"
    details = first.text
    if output or len(told) > 1:
        texts = [first.text, *(f"{_said(one, 'message')}\n{one.text}" for one in told[1:]), output]
        details = "\n".join(text for text in texts if text)[:DETAILS_CHARS]
    said = dict(zip(first.attributes[::2], first.attributes[1::2], strict=True))
    message = said.get("message", "")[:DETAILS_CHARS]
    message = message or first.text.partition("\n")[0][:MESSAGE_CHARS] or None
    kind, lasted = said.get("type") or None, said.get("time")
    return Attempt(case, at, status, kind, message, details or None, time=lasted)


def _said(one: Outcome, name: str) -> str:
    """Return an attribute of a child, "" if it is not there."""
    words = one.attributes
    for at in range(0, len(words), 2):
        if words[at] == name:
            return words[at + 1]
    return ""


def _with_others(rows: Mapping[str, pl.Series], others: Sequence[Attempt]) -> pl.DataFrame:
    """Return the rows with those of further attempts put in before and after their cases."""
    frame = pl.DataFrame(rows).with_row_index("case").with_columns(pl.lit(0, pl.Int64).alias("at"))
    cases = pl.Series([one.case for one in others], dtype=pl.UInt32)
    more = frame.select(pl.all().gather(cases)).with_columns(
        pl.Series("at", [one.at for one in others], dtype=pl.Int64),
        _durations([one.time for one in others], len(others)),
        _texts("status", [one.status for one in others], len(others)),
        _texts("type", [one.type for one in others], len(others)),
        _texts("message", [one.message for one in others], len(others)),
        _texts("details", [one.details for one in others], len(others)),
        _texts("skip_reason", [one.skip_reason for one in others], len(others)),
    )
    return pl.concat([frame, more]).sort("case", "at", maintain_order=True).drop("case", "at")
