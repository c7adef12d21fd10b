"""Whatever is written in whatever order, a table is what a dict keyed by its key would be."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golive_core import schema
from golive_core.lake import Lake
from golive_core.schema import Table
from tests.lake.rows import FIRST, frames, keyed

SPECS = [*schema.TABLES.values(), schema.find("raw.jenkins")]
TABLES = pytest.mark.parametrize("spec", SPECS, ids=[spec.name for spec in SPECS])
FEW = settings(
    max_examples=4, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


@contextmanager
def empty_lake() -> Generator[Lake]:
    """Lend a lake of one example's own."""
    with tempfile.TemporaryDirectory() as folder:
        yield Lake(Path(folder) / "lake")


def stored(lake: Lake, spec: Table) -> dict[tuple[object, ...], tuple[object, ...]]:
    """Return the table as a dict; no key is there twice."""
    frame = lake.query(f"select * from {spec.name}")
    rows = keyed(spec, frame)
    assert len(rows) == frame.height
    return rows


@TABLES
@FEW
@given(data=st.data())
def test_inserting_the_same_batch_twice_changes_no_row(spec: Table, data: st.DataObject) -> None:
    frame = data.draw(frames(spec))
    with empty_lake() as lake:
        lake.insert(spec.name, frame)
        before, version = stored(lake, spec), lake.version()
        second = lake.insert(spec.name, frame)
        assert before == keyed(spec, frame)
        assert stored(lake, spec) == before
        assert (second.new, second.files, lake.version()) == (0, 0, version)


@TABLES
@FEW
@given(data=st.data())
def test_merging_equals_updating_a_dict(spec: Table, data: st.DataObject) -> None:
    batches = data.draw(st.lists(frames(spec), min_size=1, max_size=3))
    model: dict[tuple[object, ...], tuple[object, ...]] = {}
    with empty_lake() as lake:
        for batch in batches:
            rows = keyed(spec, batch)
            result = lake.merge(spec.name, batch)
            assert result.new == len(rows.keys() - model.keys())
            assert result.changed == sum(model[key] != rows[key] for key in rows.keys() & model)
            model |= rows
        again = lake.merge(spec.name, batches[-1])
        assert (again.new, again.changed, again.files) == (0, 0, 0)
        assert stored(lake, spec) == model


@TABLES
@FEW
@given(data=st.data(), seed=st.integers(0, 99))
def test_any_order_and_split_of_batches_gives_the_same_table(
    spec: Table, data: st.DataObject, seed: int
) -> None:
    frame = data.draw(frames(spec))
    shuffled = frame.sample(fraction=1, shuffle=True, seed=seed)
    cuts = sorted(random.Random(seed).choices(range(frame.height + 1), k=2))
    pieces = [shuffled[: cuts[0]], shuffled[cuts[0] : cuts[1]], shuffled[cuts[1] :]]
    with empty_lake() as lake:
        with lake.transaction("two pieces and one of them again") as txn:
            for piece in [*pieces[:2], pieces[0]]:
                txn.insert(spec.name, piece)
        with lake.transaction("the rest, staged before") as txn:
            txn.insert(spec.name, lake.stage(spec.name, pieces[2]))
        assert stored(lake, spec) == keyed(spec, frame)


@TABLES
@FEW
@given(data=st.data())
def test_overwriting_gives_exactly_the_frame_and_twice_the_same(
    spec: Table, data: st.DataObject
) -> None:
    first, second = data.draw(frames(spec)), data.draw(frames(spec))
    with empty_lake() as lake:
        lake.overwrite(spec.name, first)
        lake.overwrite(spec.name, second)
        again = lake.overwrite(spec.name, second)
        assert stored(lake, spec) == keyed(spec, second)
        assert (again.new, again.changed, again.files) == (0, 0, 0)


@pytest.mark.parametrize(
    "spec", [spec for spec in SPECS if "day" in spec.schema], ids=lambda spec: spec.name
)
@FEW
@given(data=st.data())
def test_overwriting_a_day_leaves_the_other_days_alone(spec: Table, data: st.DataObject) -> None:
    first, second = data.draw(frames(spec)), data.draw(frames(spec))
    chosen = pl.col("day") == FIRST
    with empty_lake() as lake:
        lake.insert(spec.name, first)
        result = lake.overwrite(spec.name, second.filter(chosen), days=[FIRST])
        wanted = keyed(spec, pl.concat([first.filter(~chosen), second.filter(chosen)]))
        assert stored(lake, spec) == wanted
        assert result.days <= {FIRST}
        again = lake.overwrite(spec.name, second.filter(chosen), days=[FIRST])
        assert (again.new, again.changed, again.files) == (0, 0, 0)
