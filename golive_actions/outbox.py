"""The outbox: messages are put into `ops.notifications` at once and sent later, by `deliver`.

So that a mail server in trouble holds nobody up, and nobody gets the same message twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl
from pydantic import BaseModel, Field, field_validator

from golive_actions.codeowners import Owners
from golive_actions.hours import Hours, clock, span
from golive_actions.target import Json, Place, shaped
from golive_core import schema
from golive_core.errors import SettingsError
from golive_core.lake import Lake
from golive_core.settings import REFERENCE, Instance

TABLE = schema.NOTIFICATIONS.name
Severity = Literal["critical", "warning", "info"]


class Channel(BaseModel, extra="forbid"):
    """`[target.<name>]` of type notify: an address of apprise for all, and for single owners."""

    address: str
    recipients: dict[str, str] = Field(default_factory=dict[str, str])
    codeowners: str = ""
    quiet: str = ""
    digest: list[str] = Field(default_factory=list[str])
    timezone: str = "UTC"
    attempts: int = Field(5, ge=1)

    @field_validator("address")
    @classmethod
    def _reference(cls, value: str) -> str:
        if not REFERENCE.fullmatch(value):
            raise ValueError('the address holds secrets: write "env:NAME" or "file:PATH"')
        return value

    @field_validator("recipients")
    @classmethod
    def _references(cls, value: dict[str, str]) -> dict[str, str]:
        return {owner: cls._reference(one) for owner, one in value.items()}

    @property
    def hours(self) -> Hours:
        """When messages of this channel may go out; raises ValueError."""
        try:
            zone = ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, OSError) as error:
            raise ValueError(f"there is no time zone {self.timezone!r}") from error
        return Hours(span(self.quiet), tuple(clock(one) for one in self.digest), zone)

    def address_of(self, recipient: str) -> str:
        """Return the reference of a recipient's address; who has none is told with all others."""
        return self.recipients.get(recipient, self.address)


def channel(instance: Instance) -> Channel:
    """Return the channel that an instance configures; raises SettingsError."""
    found = shaped(instance, Channel)
    try:
        _ = found.hours
    except ValueError as error:
        where = f"[target.{instance.name}]"
        raise SettingsError(
            str(error), where=where, hint='For example quiet = "22:00-07:00"'
        ) from (error)
    return found


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be said; `dedupe` makes two messages one, by default if they say the same.

    `reason_sql` is a query that shows why it was sent.
    """

    title: str
    body: str = ""
    severity: Severity = "info"
    dedupe: str = ""
    reason_sql: str = ""

    def id(self, channel: str, recipient: str) -> str:
        """Return the id of the message to one recipient."""
        dedupe = self.dedupe or f"{self.title}\n{self.body}"
        text = "\x1f".join((channel, recipient, dedupe))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Letters:
    """One message to some recipients, as an effect: `perform` puts it into the outbox."""

    place: Place
    message: Message
    recipients: tuple[str, ...]
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def shown(self) -> Json:
        """Return what would be put into the outbox."""
        return {"outbox": [{**row, "due_at": str(row["due_at"])} for row in self._rows()]}

    def perform(self) -> Json:
        """Put the message in for each recipient who does not have it."""
        rows = self._rows()
        known = _known(self.place.lake, [str(row["notification_id"]) for row in rows])
        put(self.place.lake, rows)
        return {
            "notifications": [
                {"id": row["notification_id"], "recipient": row["recipient"],
                 "due_at": str(row["due_at"]), "is_new": row["notification_id"] not in known}
                for row in rows
            ]
        }  # fmt: skip

    def _rows(self) -> list[Json]:
        hours, name = channel(self.place.instance).hours, self.place.instance.name
        message = self.message
        due_at = hours.due(self.at, message.severity)
        return [
            {"notification_id": message.id(name, one), "channel": name, "recipient": one,
             "severity": message.severity, "title": message.title, "body": message.body,
             "reason_sql": message.reason_sql, "status": "waiting", "attempts": 0,
             "created_at": self.at, "due_at": due_at}
            for one in self.recipients
        ]  # fmt: skip


def put(lake: Lake, rows: Iterable[Json]) -> None:
    """Add the rows whose id is unknown."""
    lake.insert(TABLE, schema.conform(schema.NOTIFICATIONS, pl.DataFrame(list(rows))))


def owners(place: Place, paths: Iterable[str]) -> tuple[str, ...]:
    """Return who answers for any of the paths, by the channel's CODEOWNERS file."""
    named = channel(place.instance).codeowners
    where = f"[target.{place.instance.name}]"
    if not named:
        raise SettingsError("names no CODEOWNERS file", where=where, hint='Add codeowners = "..."')
    try:
        rules = Owners.parse(((place.base or Path()) / named).read_text())
    except (OSError, UnicodeDecodeError) as error:
        hint = "Check codeowners"
        raise SettingsError(f"{named} cannot be read", where=where, hint=hint) from error
    return tuple(dict.fromkeys(owner for path in paths for owner in rules.of(path)))


def _known(lake: Lake, ids: list[str]) -> set[str]:
    if not lake.exists(TABLE):
        return set()
    sql = f"select notification_id from {TABLE} where list_contains(?, notification_id)"  # noqa: S608
    return set(lake.query(sql, [ids])["notification_id"].to_list())
