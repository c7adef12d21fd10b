"""Test results of any format, as columns, to rows of core.tests, test_results and failures.

Every parser of test reports ends here, so that one test has one id, one failure has one content
and retries are numbered in one way. What a format looks like is the parser's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from golive_core.ids import SEPARATOR, content_ids, ids_of, joined
from golive_core.schema import DTYPES
from ingest.parse.signature import signatures

Cells = Sequence[object] | pl.Series | str | int | None
"""One column: values row by row, or one value for all rows; None is null everywhere."""

TEXT = DTYPES["text"]
COLUMNS: dict[str, pl.DataType] = {
    **dict.fromkeys(("suite", "class_name", "name", "status"), TEXT),
    "duration_s": DTYPES["float"],
    "started_at": DTYPES["at"],
    **dict.fromkeys(("type", "message", "details", "file", "skip_reason"), TEXT),
    "attempt": DTYPES["int"],
    **dict.fromkeys(("build_id", "commit_sha", "branch", "environment", "report_id"), TEXT),
}
"""What `frames` takes. Absent columns are null; `started_at` may be integers (µs since 1970)."""

NEVER_NULL = ("suite", "class_name", "name", "environment")
RESULTS = (
    "project_id", "build_id", "test_id", "attempt", "day", "status", "duration_s", "started_at",
    "commit_sha", "branch", "environment", "failure_id", "report_id", "skip_reason",
)  # fmt: skip
SEEN = ("first_seen_at", "last_seen_at")
TEST = ("test_id", "project_id", "suite", "class_name", "name", "file")
ATTEMPT_KEY = ("build_id", "test_id", "environment")
REMEMBERED = 200_000
"""Test ids kept per process: about 40 MB."""

_known: dict[str, int] = {}


def frames(
    columns: Mapping[str, Cells], project_id: str, *, seen: pl.DataFrame | None = None
) -> dict[str, pl.DataFrame]:
    """Return rows of core.test_results, core.tests and core.failures by table name.

    The columns are those of `COLUMNS`, all of one length and in the order in which the attempts
    happened: where `attempt` is null it counts up within build, test and environment, from what
    `seen` holds (build_id, test_id, environment, attempt: the highest so far). Parameters in
    brackets behind a name are split off it. A failure is kept for rows that failed only.
    """
    rows = table(columns)
    ids = test_ids(rows, project_id)
    is_single = ids.n_unique() == rows.height
    rows.insert_column(0, ids)
    rows.replace_column(rows.get_column_index("attempt"), attempts(rows, seen, is_single=is_single))
    rows.insert_column(0, pl.lit(project_id).alias("project_id"))
    failures = failed(rows)
    return {
        "core.test_results": results(rows, failures),
        "core.tests": tests(rows, is_single=is_single),
        "core.failures": contents(failures),
    }


def table(columns: Mapping[str, Cells]) -> pl.DataFrame:
    """Return the columns as a frame with exactly the columns of `COLUMNS`."""
    lengths = [
        len(cells)
        for cells in columns.values()
        if cells is not None and not isinstance(cells, (str, int))
    ]
    height = lengths[0] if lengths else 0
    made = {
        name: _series(name, columns.get(name), dtype, height) for name, dtype in COLUMNS.items()
    }
    for name in NEVER_NULL:
        made[name] = made[name].fill_null("") if made[name].null_count() else made[name]
    return pl.DataFrame(made)


def _series(name: str, cells: Cells, dtype: pl.DataType, height: int) -> pl.Series:
    if cells is None or isinstance(cells, (str, int)):
        return pl.Series(name, [cells], dtype=dtype).new_from_index(0, height)
    if isinstance(cells, pl.Series):
        return cells.cast(dtype).alias(name)
    if dtype == DTYPES["at"] and any(isinstance(cell, int) for cell in cells[:1]):
        return pl.Series(name, cells, dtype=pl.Int64).cast(dtype)
    return pl.Series(name, cells, dtype=dtype)


def split_name(name: str) -> tuple[str, str | None]:
    """Return name and parameters: `test_add[1-2]` is `test_add` and `1-2`."""
    if name.endswith("]"):
        bare, bracket, inner = name[:-1].partition("[")
        if bare and bracket:
            return bare, inner
    return name, None


def test_ids(rows: pl.DataFrame, project_id: str) -> pl.Series:
    """Return `test_id` by row: `content_id` of project, suite, class, name and parameters."""
    if len(_known) > REMEMBERED:
        _known.clear()
    words = pl.concat_str("suite", "class_name", "name", separator=SEPARATOR)
    keys = rows.select(pl.lit(project_id + SEPARATOR) + words).to_series().to_list()
    ids = list(map(_known.get, keys))
    if None in ids:
        _learn([key for key, known in zip(keys, ids, strict=True) if known is None])
        ids = [_known[key] for key in keys]
    return pl.Series("test_id", ids, dtype=pl.Int64)


def _learn(keys: Sequence[str]) -> None:
    distinct = list(dict.fromkeys(keys))
    texts = [_split_key(key) if key.endswith("]") else joined(key, None) for key in distinct]
    _known.update(zip(distinct, ids_of(texts), strict=True))


def _split_key(key: str) -> str:
    *rest, name = key.split(SEPARATOR, 3)
    return joined(*rest, *split_name(name))


def attempts(rows: pl.DataFrame, seen: pl.DataFrame | None, *, is_single: bool) -> pl.Series:
    """Return `attempt` by row: as given, else 1, 2, ... in row order after what `seen` holds.

    `is_single` says that no test occurs twice.
    """
    given = rows["attempt"]
    if given.null_count() == 0:
        return given
    keys = rows.select(ATTEMPT_KEY)
    counted = _ones(rows.height) if is_single else _count(keys)
    if seen is not None and seen.height:
        before = keys.join(
            seen, on=list(ATTEMPT_KEY), how="left", nulls_equal=True, maintain_order="left"
        )["attempt"]
        counted = counted + before.fill_null(0)
    return given.zip_with(given.is_not_null(), counted).alias("attempt")


def _ones(height: int) -> pl.Series:
    return pl.Series("attempt", [1], dtype=pl.Int64).new_from_index(0, height)


def _count(keys: pl.DataFrame) -> pl.Series:
    if keys.n_unique() == keys.height:
        return _ones(keys.height)
    nth = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(ATTEMPT_KEY)
    return keys.select(nth.alias("attempt")).to_series()


def highest(results: pl.DataFrame, seen: pl.DataFrame | None) -> pl.DataFrame:
    """Return `seen` for `frames` after rows of core.test_results were added to it."""
    keys = list(ATTEMPT_KEY)
    both = [results.select(*keys, "attempt"), *([] if seen is None else [seen])]
    return pl.concat(both).group_by(keys).agg(pl.col("attempt").max())


def failed(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that failed with `row`, their number, and `failure_id`."""
    numbered = rows.with_row_index("row").filter(pl.col("status").is_in(["failed", "error"]))
    ids = content_ids(numbered, ["type", "message", "details"])
    return numbered.with_columns(ids.alias("failure_id"))


def results(rows: pl.DataFrame, failures: pl.DataFrame) -> pl.DataFrame:
    """Return rows of core.test_results in the order of `rows`."""
    ids = pl.repeat(None, rows.height, dtype=pl.Int64, eager=True)
    ids = ids.scatter(failures["row"], failures["failure_id"]).alias("failure_id")
    return rows.with_columns(ids, pl.col("started_at").dt.date().alias("day")).select(RESULTS)


def tests(rows: pl.DataFrame, *, is_single: bool) -> pl.DataFrame:
    """Return rows of core.tests: one a test, seen from the first to the last of its results."""
    at = pl.col("started_at")
    if is_single:
        one = rows.select(*TEST, at.alias("first_seen_at"), at.alias("last_seen_at"))
        return _with_parameters(one)
    file = pl.col("file").drop_nulls().last()
    one = rows.group_by("test_id", maintain_order=True).agg(
        pl.col("project_id", "suite", "class_name", "name").first(),
        pl.lit(None, TEXT).alias("file") if rows["file"].null_count() == rows.height else file,
        at.min().alias("first_seen_at"),
        at.max().alias("last_seen_at"),
    )
    return _with_parameters(one)


def merged_tests(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return rows of core.tests from several, one a test: the newest names, first and last seen."""
    if len(frames) == 1:
        return frames[0]
    rest = [name for name in frames[0].columns if name not in ("test_id", *SEEN)]
    first, last = SEEN
    return (
        pl.concat(frames)
        .group_by("test_id", maintain_order=True)
        .agg(pl.col(rest).last(), pl.col(first).min(), pl.col(last).max())
    )


def _with_parameters(one: pl.DataFrame) -> pl.DataFrame:
    if not one["name"].str.ends_with("]").any():
        return one.with_columns(pl.lit(None, TEXT).alias("parameters"))
    pairs = [split_name(name) for name in one["name"]]
    return one.with_columns(
        pl.Series("name", [bare for bare, _ in pairs], dtype=TEXT),
        pl.Series("parameters", [inner for _, inner in pairs], dtype=TEXT),
    )


def contents(failures: pl.DataFrame) -> pl.DataFrame:
    """Return rows of core.failures: one a distinct type, message and details."""
    one = failures.group_by("failure_id", maintain_order=True).agg(
        pl.col("type", "message", "details").first(),
        pl.col("started_at").min().alias("first_seen_at"),
    )
    one = one.with_columns(signatures(one))
    return one.with_columns(content_ids(one, ["signature"]).alias("signature_id"))
