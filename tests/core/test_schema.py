"""Every table is declared whole, and frames take its shape."""

from __future__ import annotations

import polars as pl
import pytest

from golive_core import schema
from golive_core.errors import LakeError
from golive_core.schema import TABLES, Table


@pytest.mark.parametrize("spec", TABLES.values(), ids=TABLES.keys())
def test_a_table_is_documented_and_its_key_and_sort_exist(spec: Table) -> None:
    assert spec.grain
    assert all(column.doc for column in spec.columns)
    assert set(spec.key) | set(spec.sort) <= set(spec.schema)
    assert len(spec.schema) == len(spec.columns)
    assert spec.partition == "none" or "day" in spec.schema


@pytest.mark.parametrize("spec", TABLES.values(), ids=TABLES.keys())
def test_names_follow_the_words_of_the_design(spec: Table) -> None:
    for name, dtype in spec.schema.items():
        assert (dtype == pl.Datetime("us", "UTC")) == (
            name.endswith("_at") or name in ("at", "as_of")
        )
        assert (dtype == pl.Boolean) == (name.startswith("is_") or name == "passed")


def test_conform_fills_orders_and_casts() -> None:
    frame = pl.DataFrame({"name": ["Shop"], "project_id": ["shop"], "is_simulated": [None]})
    shaped = schema.conform(schema.PROJECTS, frame)
    assert shaped.schema == schema.PROJECTS.schema
    assert shaped["owner"].to_list() == [None]


def test_conform_refuses_columns_nobody_declared_and_values_that_do_not_fit() -> None:
    with pytest.raises(LakeError, match="unknown columns"):
        schema.conform(schema.PROJECTS, pl.DataFrame({"colour": ["red"]}))
    with pytest.raises(LakeError, match="does not fit"):
        schema.conform(schema.BUILDS, pl.DataFrame({"number": ["seven"]}))


def test_an_empty_frame_takes_the_shape_of_the_table() -> None:
    assert schema.conform(schema.BUILDS, pl.DataFrame()).schema == schema.BUILDS.schema


def test_raw_tables_have_one_shape_and_unknown_tables_are_named() -> None:
    assert schema.find("raw.git").schema == schema.find("raw.jenkins").schema
    with pytest.raises(LakeError, match=r"core\.nothing"):
        schema.find("core.nothing")
