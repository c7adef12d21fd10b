"""The inbox that several gateways share: tables of a PostgreSQL, a commit of which is on its disk.

One statement stores all that waits, whatever the way to the server takes. Two gateways that are
told the same delivery at one moment: the second one waits for the first one's commit and then says
that it is known. Ids are taken in one order, so that no two wait for each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

from golive_core.database import postgres
from golive_core.database.postgres import text
from golive_core.inbox.delivery import SCHEMA, Delivery

PUT = """
with told as (
    select * from unnest(?::text[], ?::text[], ?::text[], ?::float8[], ?::text[], ?::bytea[])
        with ordinality as told (
            instance, delivery_id, kind, received_at, headers, body, ordinal
        )
), fresh as (
    insert into seen (instance, delivery_id, received_at)
    select instance, delivery_id, received_at from told order by instance, delivery_id
    on conflict do nothing
    returning instance, delivery_id
), stored as (
    insert into deliveries (instance, delivery_id, kind, received_at, headers, body)
    select instance, delivery_id, kind, received_at, headers, body
    from told inner join fresh using (instance, delivery_id)
    order by ordinal
)
select instance, delivery_id from fresh
"""
BYTES = 64 << 20
"""Bodies that one statement brings at most; PostgreSQL takes less than 1 GiB."""


class Postgres:
    """The deliveries in a database."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def where(self) -> str:
        """The server and the database."""
        return postgres.place(self._url)

    def exists(self) -> bool:
        """Tell that there is something to ask."""
        return True

    def opened(self) -> AbstractContextManager[postgres.Transaction]:
        """Lend a transaction."""
        return postgres.opened(self._url, SCHEMA, what="the inbox")

    def put(self, deliveries: Sequence[Delivery]) -> list[bool]:
        """Store deliveries in one commit, which is on the server's disk when this returns."""
        first: dict[tuple[str, str], int] = {}
        for number, one in enumerate(deliveries):
            first.setdefault(_key(one), number)
        fresh: set[tuple[str, str]] = set()
        with self.opened() as db:
            for some in _pieces([deliveries[number] for number in first.values()]):
                fresh.update((row[0], row[1]) for row in db.execute(PUT, _columns(some)))
        return [
            first[_key(one)] == number and _key(one) in fresh
            for number, one in enumerate(deliveries)
        ]


def _key(one: Delivery) -> tuple[str, str]:
    return text(one.instance), text(one.delivery_id)


def _pieces(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """Yield deliveries in groups that one statement can bring, ids in one order over all."""
    if sum(len(one.body) for one in deliveries) <= BYTES:
        yield list(deliveries)
        return
    yield from ([one] for one in sorted(deliveries, key=_key))


def _columns(deliveries: Sequence[Delivery]) -> list[list[object]]:
    keys = [_key(one) for one in deliveries]
    return [
        [instance for instance, _ in keys], [delivery_id for _, delivery_id in keys],
        [text(one.kind) for one in deliveries], [one.received_at for one in deliveries],
        [json.dumps(dict(one.headers)) for one in deliveries], [one.body for one in deliveries],
    ]  # fmt: skip
