"""What a person is called: gathered from the lake, beginning with what somebody asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl

from golive_core.erasure.known import SHORTEST, kind_of
from golive_core.lake import Lake

SHARED = ("noreply@", "no-reply@", "donotreply@")
"""Beginnings of addresses that belong to nobody."""
CALLED = {
    "core.commits": (("author_name", "author_email"), ("committer_name", "committer_email")),
    "core.accounts": (("login", "name", "email"),),
}
"""Tables that tell which names and addresses belong together."""


def names_of(lake: Lake, who: str, also: Iterable[str] = ()) -> list[str]:
    """Return all that a person is called: what was asked for, then what stands beside it.

    One step only: names beside the address, addresses beside the name. Who has the name of
    another would else be taken for them.
    """
    kind_of(who)
    beside = sorted(text for text in set(_beside(lake, who)) if is_personal(text))
    found = dict.fromkeys([who.strip(), *also, *beside])
    return [text for text in found if kind_of(text)]


def is_personal(text: str) -> bool:
    """Tell whether a name found beside another one is that of one person."""
    return len(text) >= SHORTEST and not text.lower().startswith(SHARED)


def _beside(lake: Lake, who: str) -> Iterator[str]:
    for table, groups in CALLED.items():
        if not lake.exists(table):
            continue
        for group in groups:
            yield from _cells(lake, table, group, who.strip().lower())


def _cells(lake: Lake, table: str, columns: tuple[str, ...], who: str) -> Iterator[str]:
    listed = ", ".join(columns)
    hit = " or ".join(f"lower({name}) = $who" for name in columns)
    rows = lake.query(f"select distinct {listed} from {table} where {hit}", {"who": who})  # noqa: S608 - names are ours
    for column in rows.get_columns():
        yield from column.drop_nulls().cast(pl.String).to_list()
