"""What comes by push, and what both inboxes say of it in the same words."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

SCHEMA = """
create table if not exists deliveries (
    sequence integer primary key, instance text not null, delivery_id text not null,
    kind text not null, received_at real not null, headers text not null, body blob not null,
    reason text not null default ''
) strict;
create table if not exists seen (
    instance text not null, delivery_id text not null, received_at real not null,
    primary key (instance, delivery_id)
) strict, without rowid;
create index if not exists seen_at on seen (received_at);
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook or upload. `received_at` is in seconds since 1970; `sequence` orders them."""

    instance: str
    delivery_id: str
    kind: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    received_at: float = field(default_factory=time.time)
    sequence: int = 0
    reason: str = ""
    """Why it was refused; empty for one that waits."""

    @classmethod
    def of(
        cls, sequence: int, instance: str, delivery_id: str, kind: str, received_at: float,
        headers: str, body: bytes, reason: str,
    ) -> Delivery:  # fmt: skip
        """Return a row of deliveries, in the order of its columns."""
        found = json.loads(headers)
        return cls(instance, delivery_id, kind, body, found, received_at, sequence, reason)
