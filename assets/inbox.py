"""From the inbox into raw: what webhooks told, as if a pull had brought it. Knows no Dagster.

A delivery leaves the inbox after its payloads are committed; a process killed in between takes it
again, and the ids of payloads keep it from being doubled. One that cannot be understood is kept
aside with the reason, in the inbox and in ops.quarantine. An instance whose source reads no
webhooks is told to be asked for news: its webhook only rings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from assets.cursors import State, alone
from assets.load import PullResult, store
from assets.workspace import Workspace
from golive_core import schema
from golive_core.errors import GoLiveError
from golive_core.inbox import REMEMBERED_S, Delivery, Inbox
from ingest.batch import Batch
from ingest.source import Instance, Source
from ingest.webhook import Hooks

WEBHOOK = "webhook"
CONTENT = 4096
"""Bytes of a refused body that the quarantine shows."""


@dataclass(slots=True)
class Drained:
    """Instances with new payloads in raw, those to be asked for news, and what was refused."""

    told: dict[str, int] = field(default_factory=dict[str, int])
    rung: set[str] = field(default_factory=set[str])
    refused: int = 0


def drain(workspace: Workspace, *, limit: int = 1000) -> Drained:
    """Take waiting webhooks into raw and return whom they concern.

    Raises GoLiveError where the lake or the inbox cannot be used; nothing is lost then.
    """
    inbox, done = Inbox(workspace.settings.home), Drained()
    by_instance: dict[str, list[Delivery]] = defaultdict(list)
    for one in inbox.waiting(limit=limit):
        if one.kind == WEBHOOK:
            by_instance[one.instance].append(one)
    for name, deliveries in by_instance.items():
        _take(workspace, inbox, name, deliveries, done)
    if by_instance:
        inbox.prune(before=datetime.now(UTC).timestamp() - REMEMBERED_S)
    return done


def _take(
    workspace: Workspace, inbox: Inbox, name: str, deliveries: list[Delivery], done: Drained
) -> None:
    instance = workspace.instances.get(name)
    if instance is None:
        refuse(workspace, inbox, deliveries, f"no source is called {name!r} any more")
        done.refused += len(deliveries)
        return
    source = workspace.source(name)
    if not isinstance(source, Hooks):
        done.rung.add(name)
        inbox.done(one.sequence for one in deliveries)
        return
    good = list(_understood(workspace, inbox, source, instance, deliveries, done))
    _commit(workspace, source, instance, good, done)
    inbox.done(one.sequence for one in good)


def _understood(
    workspace: Workspace, inbox: Inbox, source: Hooks, instance: Instance,
    deliveries: Iterable[Delivery], done: Drained,
) -> Iterable[Delivery]:  # fmt: skip
    for one in deliveries:
        try:
            source.parse_webhook(one.headers, one.body)
        except (GoLiveError, ValueError, KeyError, TypeError, AttributeError) as error:
            refuse(workspace, inbox, [one], f"not what its service sends: {error}"[:500])
            done.refused += 1
            continue
        yield one


def _commit(
    workspace: Workspace, source: Source, instance: Instance, deliveries: list[Delivery],
    done: Drained,
) -> None:  # fmt: skip
    """Store the payloads of deliveries, each in the stream that its kind belongs to."""
    batches: dict[str, Batch] = {}
    assert isinstance(source, Hooks)  # noqa: S101 - for the type: the caller has looked
    for one in deliveries:
        for number, (context, body) in enumerate(source.parse_webhook(one.headers, one.body)):
            stream = _stream(source, str(context.get("kind", "")))
            batch = batches.setdefault(stream, Batch())
            batch.add(f"{_uri(one)}#{number}", body, context)
    result = PullResult(instance.name)
    with alone(workspace.lake, instance.name):
        state = State.read(workspace.lake, instance.name)
        for stream, batch in batches.items():
            pulled = batch.flush({}, 0)
            new, known = store(workspace.lake, instance, stream, pulled, state, moves=False)
            result.new[stream], result.known[stream] = new, known
    if result.payloads:
        done.told[instance.name] = done.told.get(instance.name, 0) + result.payloads


def _stream(source: Source, kind: str) -> str:
    """Return the stream of that name; the first one takes what is in no stream of its own."""
    names = [stream.name for stream in source.streams]
    word = kind.partition(".")[0]
    return next((name for name in names if name in (kind, word, f"{word}s")), names[0])


def refuse(workspace: Workspace, inbox: Inbox, deliveries: Iterable[Delivery], reason: str) -> None:
    """Keep deliveries aside that cannot be understood, and tell the quarantine why."""
    now = datetime.now(UTC)
    rows = [
        {"quarantine_id": _uri(one), "instance": one.instance, "table_name": "inbox",
         "stream": one.kind, "reason": reason, "at": now, "day": now.date(), "uri": _uri(one),
         "content": one.body[:CONTENT].decode(errors="replace")}
        for one in deliveries
    ]  # fmt: skip
    table = schema.find("ops.quarantine")
    frame = pl.DataFrame(rows, infer_schema_length=None)
    workspace.lake.insert(table.name, schema.conform(table, frame))
    for one in deliveries:
        inbox.refuse(one.sequence, reason)


def _uri(one: Delivery) -> str:
    return f"{one.kind}/{one.instance}/{one.delivery_id}"
