"""Which tests stand next to a change: in a folder that it touches, or named like a changed file."""

from __future__ import annotations

import polars as pl

AFFIXES = r"^test_|_tests?$|_spec$|\.(test|spec)$|(Tests?|IT|Spec)$"
"""What names of tests have before or behind the name of what they test."""
WIDE = 200
"""Changed files above which a change, a reformatting say, points at no test."""


def touching(tests: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """Return the distinct `build`, `test_id` where a change of the build stands next to the test.

    `tests`: test_id, file, class_name (both may be null). `changed`: build, path.
    """
    few = changed.unique().filter(pl.len().over("build") <= WIDE)
    paths = _keys(few, "build", pl.col("path"))
    named = tests.with_columns(
        path=pl.coalesce("file", pl.col("class_name").str.replace_all(r"\.|::", "/"))
    )
    keys = _keys(named, "test_id", pl.col("path"))
    return paths.join(keys, on=["kind", "key"]).select("build", "test_id").unique()


def _keys(rows: pl.DataFrame, by: str, path: pl.Expr) -> pl.DataFrame:
    """Return `by`, `kind` and `key`: folder and bare name of each path."""
    base = path.str.split("/").list.last()
    stem = pl.when(base.str.starts_with(".")).then(base).otherwise(base.str.replace(r"\.\w+$", ""))
    kinds = {
        "folder": path.str.replace(r"/?[^/]*$", ""),
        "name": stem.str.replace(r"^Test([A-Z])", "$1")
        .str.replace_all(AFFIXES, "")
        .str.to_lowercase(),
    }
    return pl.concat(
        rows.select(by, kind=pl.lit(kind), key=key).filter(pl.col("key") != "")
        for kind, key in kinds.items()
    ).unique()
