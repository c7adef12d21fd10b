"""Sends what waits in the outbox, through apprise; what fails is tried again, later and later.

A message is marked as sent after it was sent: killed in between, it goes out twice, never never.
The audit log shows every attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from golive_actions import audit
from golive_actions.audit import LOCKS, Subject
from golive_actions.hours import CRITICAL
from golive_actions.outbox import TABLE, Channel, channel
from golive_actions.target import Json
from golive_core import schema
from golive_core.errors import GoLiveError, SourceUnreachableError
from golive_core.lake import Lake
from golive_core.lock import alone
from golive_core.redact import redact
from golive_core.settings import Instance, resolve

if TYPE_CHECKING:
    from io import StringIO

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
KINDS = {CRITICAL: "failure", "warning": "warning", "info": "info"}
SHOWN = 300
"""Characters of an error that are kept."""
WAITING = f"select * from {TABLE} where status = 'waiting' and due_at <= ? order by created_at"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Delivered:
    """How many messages were sent, will be tried again, and were given up."""

    sent: int = 0
    postponed: int = 0
    given_up: int = 0


Carrier = Callable[[str, str, str, str], None]
"""Sends title and body of a severity to an address; raises GoLiveError."""


def by_apprise(address: str, title: str, body: str, severity: str) -> None:
    """Send one message; raises SourceUnreachableError with what apprise says about it."""
    import logging
    import warnings

    import apprise

    sender = apprise.Apprise()
    with (
        apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as log,
        warnings.catch_warnings(),
    ):
        # Of modules that its plugins import when the first address is added.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            is_sent = sender.add(address) and sender.notify(
                body=body or title, title=title, notify_type=KINDS[severity]
            )
        except (TypeError, ValueError, OSError) as error:
            is_sent = False
            log.write(str(error))
        said = " ".join(cast("StringIO", log).getvalue().split())
    if not is_sent:
        raise SourceUnreachableError(
            redact(said.replace(address, "the address"))[:SHOWN] or "it was not taken",
            where="apprise", hint="Check the address, then wait for the next attempt",
        )  # fmt: skip


def waiting(lake: Lake, now: datetime | None = None) -> list[Json]:
    """Return the messages that are due, oldest first."""
    if not lake.exists(TABLE):
        return []
    return lake.query(WAITING, [now or datetime.now(UTC)]).to_dicts()


def deliver(
    lake: Lake, instances: Mapping[str, Instance], *, base: Path | None = None,
    now: datetime | None = None, carrier: Carrier = by_apprise,
) -> Delivered:  # fmt: skip
    """Send what is due; one process at a time. `instances` are the channels by name."""
    at = now or datetime.now(UTC)
    rows: list[Json] = []
    with alone(lake.root / LOCKS, "outbox"):
        for name, letters in _by_channel(waiting(lake, at)):
            if name not in instances:
                rows += _stored(lake, [_dropped(one) for one in letters])
                continue
            try:
                post = _Post(lake, channel(instances[name]), base, at, carrier)
            except GoLiveError as error:
                rows += _stored(lake, [_put_off(one, at, str(error)) for one in letters])
                continue
            for parcel in _parcels(letters, post.channel):
                rows += _stored(lake, post.send(parcel))
    words = [row["status"] for row in rows]
    return Delivered(
        words.count("sent"), words.count("waiting"), words.count("failed") + words.count("dropped")
    )


@dataclass(frozen=True, slots=True)
class _Post:
    """Sends the letters of one channel."""

    lake: Lake
    channel: Channel
    base: Path | None
    at: datetime
    carrier: Carrier

    def send(self, parcel: Sequence[Json]) -> list[Json]:
        """Send letters to one recipient as one message; return their rows as they are now."""
        first = parcel[0]
        when = self.channel.hours.awake(self.at, first["severity"])
        if when > self.at:
            return [{**one, "due_at": when} for one in parcel]
        ids = [str(one["notification_id"]) for one in parcel]
        target = f"{first['channel']}: {first['recipient'] or 'all'}"
        subject = Subject("golive", "notify.deliver", target, ids[0])
        audit.append(self.lake, subject, "asked", {"notifications": ids})
        try:
            address = resolve(self.channel.address_of(first["recipient"]), base=self.base)
            self.carrier(address, *composed(parcel))
        except GoLiveError as error:
            said = redact(str(error))[:SHOWN]
            audit.append(self.lake, subject, "failed", {"notifications": ids, "error": said})
            return [self._failed(one, said) for one in parcel]
        audit.append(self.lake, subject, "done", {"notifications": ids})
        return [
            {**one, "status": "sent", "sent_at": self.at, "attempts": one["attempts"] + 1,
             "error": None}
            for one in parcel
        ]  # fmt: skip

    def _failed(self, letter: Json, said: str) -> Json:
        attempts = int(letter["attempts"]) + 1
        wait = min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT)
        is_over = attempts >= self.channel.attempts
        return {
            **letter, "attempts": attempts, "error": said, "due_at": self.at + wait,
            "status": "failed" if is_over else "waiting",
        }  # fmt: skip


def composed(parcel: Sequence[Json]) -> tuple[str, str, str]:
    """Return title, body and severity of one message, or of a digest of several."""
    first = parcel[0]
    if len(parcel) == 1:
        return first["title"], _body(first), first["severity"]
    worst = min((str(one["severity"]) for one in parcel), key=list(KINDS).index)
    parts = [f"{one['title']}\n{_body(one)}".strip() for one in parcel]
    return f"{len(parcel)} messages: {first['title']} ...", "\n\n".join(parts), worst


def _body(letter: Json) -> str:
    """Return what a letter says, and the query that shows why it was sent."""
    why = f'Why: golive sql "{letter["reason_sql"]}"' if letter["reason_sql"] else ""
    return "\n\n".join(part for part in (letter["body"], why) if part)


def _by_channel(letters: Iterable[Json]) -> Iterator[tuple[str, list[Json]]]:
    ordered = sorted(letters, key=lambda one: str(one["channel"]))
    for name, group in groupby(ordered, key=lambda one: str(one["channel"])):
        yield name, list(group)


def _parcels(letters: Iterable[Json], to: Channel) -> Iterator[list[Json]]:
    """Yield what goes out as one message: with a digest all that is not critical, by recipient."""
    ordered = sorted(letters, key=lambda one: str(one["recipient"]))
    for _, group in groupby(ordered, key=lambda one: str(one["recipient"])):
        own = list(group)
        together = [one for one in own if to.digest and one["severity"] != CRITICAL]
        yield from ([one] for one in own if one not in together)
        if together:
            yield together


def _dropped(letter: Json) -> Json:
    return {**letter, "status": "dropped", "error": "its channel is not configured any more"}


def _put_off(letter: Json, at: datetime, said: str) -> Json:
    """Return a letter of a channel that is configured wrong: it waits until that is mended."""
    return {**letter, "due_at": at + LONGEST_WAIT, "error": redact(said)[:SHOWN]}


def _stored(lake: Lake, rows: list[dict[str, Any]]) -> list[Json]:
    lake.merge(TABLE, pl.DataFrame(rows, schema=schema.NOTIFICATIONS.schema))
    return rows
