"""Rows of tables that keep every constraint: made in batches, so that memory does not grow.

A column that is unique by itself takes the n-th value of its maker in the n-th row; therefore a
foreign key needs no row of its parent, only a number below its count. What is unique together, or
bound by a CHECK, is drawn again until it fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any

from golive_core.errors import UsageError
from golive_runner.data.makers import Maker, edge_places, maker
from golive_runner.data.shape import Column, Link, Shape, Shares, Value

BATCH = 10_000
TRIES = 2_000
"""Draws of one row until it is given up that any would keep its constraints."""


@dataclass(frozen=True)
class Table:
    """A table whose rows are made when they are asked for, the same ones every time."""

    shape: Shape
    count: int
    seed: int
    shares: Shares
    parents: Mapping[str, Table]
    where: str = ""

    @property
    def name(self) -> str:
        """Return its name."""
        return self.shape.name

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return its columns."""
        return self.shape.columns

    @property
    def refers_to_itself(self) -> bool:
        """Tell whether a row may refer to a row before it."""
        return any(link.table == self.name for link in self.shape.links)

    def rows(self) -> Iterator[dict[str, Value]]:
        """Yield the rows."""
        names = [column.name for column in self.columns]
        for batch in self.batches():
            for cells in zip(*batch, strict=True):
                yield dict(zip(names, cells, strict=True))

    def batches(self) -> Iterator[list[list[Value]]]:
        """Yield up to BATCH rows at a time, a list of values for each column."""
        work = _Work(self)
        for start in range(0, self.count, BATCH):
            yield work.batch(start, min(BATCH, self.count - start))

    def nth(self, column: str, number: int) -> Value:
        """Return the value of a column that is unique by itself, in a row."""
        link = next((one for one in self.shape.links if one.columns == (column,)), None)
        if link and link.table != self.name:
            return self.parents[link.table].nth(link.target[0], number)
        return self._distinct[column].nth(number)

    @cached_property
    def _distinct(self) -> dict[str, Maker]:
        return {
            column.name: maker(column).checked(column, self.count, f"{self.where}, {self.name}")
            for column in self.columns if (column.name,) in self.shape.unique
        }  # fmt: skip

    @cached_property
    def keys(self) -> dict[tuple[str, ...], list[tuple[Value, ...]]]:
        """Return the values of keys of several columns, for the tables that refer to them."""
        wanted = [key for key in self.shape.unique if len(key) > 1]
        found: dict[tuple[str, ...], list[tuple[Value, ...]]] = {key: [] for key in wanted}
        for row in self.rows() if wanted else ():
            for key in wanted:
                found[key].append(tuple(row[name] for name in key))
        return found


Draw = Callable[[Random, int], tuple[Value, ...]]


@dataclass
class _Work:
    """What it takes to make the batches of one table in their order."""

    table: Table
    seen: dict[tuple[str, ...], set[tuple[Value, ...]]] = field(
        default_factory=dict[tuple[str, ...], set[tuple[Value, ...]]]
    )

    def __post_init__(self) -> None:
        shape = self.table.shape
        self.random = Random(f"{self.table.seed}/{shape.name}")  # noqa: S311 - the same seed has to give the same bytes
        self.names = [column.name for column in shape.columns]
        self.single = {name for key in shape.unique if len(key) == 1 for name in key}
        self.groups = [key for key in shape.unique if len(key) > 1 and not self.single & {*key}]
        self.seen = {key: set() for key in self.groups}
        self.streams = {
            name: Random(f"{self.table.seed}/{shape.name}/{name}")  # noqa: S311 - the same seed has to give the same bytes
            for name in self.names
        }
        self.linked = {name for link in shape.links for name in link.columns}
        self.makers = {c.name: maker(c) for c in shape.columns if c.name not in self.linked}
        self.turn = dict.fromkeys(self.names, 0)

    def batch(self, start: int, count: int) -> list[list[Value]]:
        """Return the columns of the rows from `start` on."""
        cells = {
            column.name: self._column(column, start, count)
            for column in self.table.columns if column.name not in self.linked
        }  # fmt: skip
        for link in self.table.shape.links:
            cells |= self._links(link, start, count)
        self._mend(cells, start, count)
        return [cells[name] for name in self.names]

    def _column(self, column: Column, start: int, count: int) -> list[Value]:
        name, made = column.name, self.makers[column.name]
        if name in self.single:
            return [self.table.nth(name, number) for number in range(start, start + count)]
        random, plain = self.streams[name], made.plain
        values = [plain(random) for _ in range(count)]
        if made.edges:
            for place in edge_places(random, count, self.table.shares.edges):
                values[place] = made.edges[self.turn[name] % len(made.edges)]
                self.turn[name] += 1
        if column.is_nullable:
            for place in edge_places(random, count, self.table.shares.nulls):
                values[place] = None
        return values

    def _links(self, link: Link, start: int, count: int) -> dict[str, list[Value]]:
        """Return the columns of a foreign key."""
        draw, random = self._draw(link), self.streams[link.columns[0]]
        rows = [draw(random, number) for number in range(start, start + count)]
        columns = [self.table.shape.column(name) for name in link.columns]
        is_nullable = all(one and one.is_nullable for one in columns)
        if is_nullable and not self.single & {*link.columns}:
            empty = (None,) * len(link.columns)
            for place in edge_places(random, count, self.table.shares.nulls):
                rows[place] = empty
        parts: list[Any] = [list(part) for part in zip(*rows, strict=True)]
        return dict(zip(link.columns, parts, strict=True))

    def _draw(self, link: Link) -> Draw:
        """Return what gives the values of a foreign key in a row."""
        table, target = self.table, link.target
        if link.table == table.name:
            return self._to_itself(link)
        parent = table.parents[link.table]
        if len(target) > 1:
            keys = parent.keys[target]
            return lambda random, _number: keys[int(random.random() * len(keys))]
        key = next(iter(target))
        if link.columns[0] in self.single:
            if parent.count < table.count:
                what = f"{link.columns[0]} is unique, and {parent.name} has fewer rows"
                raise UsageError(what, where=table.where)
            return lambda _random, number: (parent.nth(key, number),)
        return lambda random, _number: (parent.nth(key, int(random.random() * parent.count)),)

    def _to_itself(self, link: Link) -> Draw:
        """Return what refers to an earlier row, and in the first one to nothing or to itself."""
        table, target = self.table, link.target[0]
        column = table.shape.column(link.columns[0])
        if len(link.columns) > 1 or column is None or link.columns == link.target:
            what = f"{table.name} refers to itself by several columns, which is not understood"
            raise UsageError(what, where=table.where)

        def draw(random: Random, number: int) -> tuple[Value, ...]:
            if number == 0 and column.is_nullable:
                return (None,)
            return (table.nth(target, int(random.random() * max(1, number))),)

        return draw

    def _mend(self, cells: dict[str, list[Value]], start: int, count: int) -> None:
        """Draw rows again that break a check, or whose values together stood already."""
        checks = self.table.shape.checks
        if not checks and not self.groups:
            return
        for place in range(count):
            row = {name: cells[name][place] for name in self.names}
            for tries in range(TRIES):
                wrong = self._wrong(row)
                if not wrong:
                    break
                self._redraw(row, wrong, start + place)
                if tries == TRIES - 1:
                    raise self._hopeless(wrong)
            for key in self.groups:
                self.seen[key].add(tuple(row[name] for name in key))
            for name in self.names:
                cells[name][place] = row[name]

    def _wrong(self, row: Mapping[str, Value]) -> Sequence[str]:
        """Return the columns of the first constraint that a row breaks, empty if it breaks none."""
        for check in self.table.shape.checks:
            if not check.holds(row):
                return check.columns
        for key in self.groups:
            values = tuple(row[name] for name in key)
            if None not in values and values in self.seen[key]:
                return key
        return ()

    def _redraw(self, row: dict[str, Value], names: Sequence[str], number: int) -> None:
        for name in names:
            if name not in self.linked and name not in self.single:
                row[name] = self.makers[name].plain(self.random)
        for link in self.table.shape.links:
            if {*link.columns} & {*names} and not self.single & {*link.columns}:
                drawn = self._draw(link)(self.random, number)
                row.update(zip(link.columns, drawn, strict=True))

    def _hopeless(self, names: Sequence[str]) -> UsageError:
        shape = self.table.shape
        texts = [check.text for check in shape.checks if check.columns == names]
        what = f"CHECK ({texts[0]})" if texts else f"UNIQUE ({', '.join(names)})"
        return UsageError(
            f"no row of {shape.name} was found that keeps {what}", where=self.table.where,
            hint="Ask for fewer --rows, or leave it out of the schema that you generate from",
        )  # fmt: skip


def tables(
    shapes: Sequence[Shape], count: int, seed: int, shares: Shares, where: str
) -> dict[str, Table]:
    """Return the tables by name; `shapes` stand in the order of their links."""
    found: dict[str, Table] = {}
    for shape in shapes:
        found[shape.name] = Table(shape, count, seed, shares, dict(found), where)
    return found
