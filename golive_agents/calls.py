"""One question to a model and what became of it: the record that ops.llm_calls keeps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any, Generic, Literal, Protocol, TypeVar

from golive_core.masks import Masks

Status = Literal["answered", "cached", "refused", "failed", "rejected"]
Value = TypeVar("Value")
Messages = Sequence[Mapping[str, str]]
PICTURE = "picture:"
"""Stands in what is kept before the SHA-256 of a picture that was sent."""


class UnfitAnswerError(ValueError):
    """An answer that is not what was asked for, or that says what it must not."""


@dataclass(frozen=True, slots=True)
class Question(Generic[Value]):
    """What is asked: `messages` are masked already, by `masks`.

    `schema` is the JSON schema of the answer, `read` makes the value of its text or raises
    UnfitAnswerError. `pictures` are PNGs that follow the messages.
    """

    agent: str
    subject: str
    prompt: str
    messages: Messages
    masks: Masks
    schema: Mapping[str, Any]
    read: Callable[[str], Value]
    pictures: Sequence[bytes] = ()

    @property
    def sent(self) -> str:
        """What is sent, as it is kept: JSON, in order, each picture as its SHA-256."""
        named = [{"role": "user", "content": f"{PICTURE}{sha256(one)}"} for one in self.pictures]
        return json.dumps([*map(dict, self.messages), *named], ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A row of ops.llm_calls; times in seconds, money in US dollars."""

    call_id: str
    at: datetime
    agent: str
    subject: str
    prompt: str
    model: str
    host: str
    request_hash: str
    status: Status
    reason: str | None = None
    sent: str | None = None
    answer: str | None = None
    masks: str = "{}"
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    first_token_s: float | None = None
    duration_s: float | None = None
    retries: int = 0

    def row(self) -> dict[str, Any]:
        """Return the row with its day (UTC)."""
        return {**asdict(self), "day": self.at.date()}


@dataclass(frozen=True, slots=True)
class Reply(Generic[Value]):
    """The value, or None with the reason; `call` is None where there was nothing to record."""

    value: Value | None
    reason: str = ""
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What the calls of a UTC day took by now."""

    tokens: int = 0
    usd: float = 0.0


class Ledger(Protocol):
    """Where calls are kept and looked up; agents never write the lake themselves."""

    def spent(self, day: date) -> Spent:
        """Return what the calls of a day took."""
        ...

    def answer(self, request_hash: str, since: datetime) -> str | None:
        """Return the newest answer to the same question since then."""
        ...

    def keep(self, call: Call, pictures: Sequence[bytes] = ()) -> None:
        """Keep a call, and the pictures that were sent."""
        ...


@dataclass
class Notebook:
    """A ledger in memory: for one process, and for tests."""

    calls: list[Call] = field(default_factory=list[Call])
    pictures: list[bytes] = field(default_factory=list[bytes])

    def spent(self, day: date) -> Spent:
        """Return what the calls of a day took."""
        own = [one for one in self.calls if one.at.date() == day]
        return Spent(
            sum(one.tokens_in + one.tokens_out for one in own), sum(one.cost_usd for one in own)
        )

    def answer(self, request_hash: str, since: datetime) -> str | None:
        """Return the newest answer to the same question since then."""
        own = [
            one.answer for one in self.calls
            if one.request_hash == request_hash and one.status == "answered" and one.at >= since
        ]  # fmt: skip
        return own[-1] if own else None

    def keep(self, call: Call, pictures: Sequence[bytes] = ()) -> None:
        """Keep a call, and the pictures that were sent."""
        self.calls.append(call)
        self.pictures += pictures


def sha256(body: bytes) -> str:
    """Return the name of a picture."""
    return hashlib.sha256(body).hexdigest()


def masked_kinds(masks: Masks) -> str:
    """Return how many texts of each kind were masked, JSON."""
    return json.dumps(dict(sorted(masks.counts().items())))


def known(*texts: str | None) -> Collection[str]:
    """Return the texts that are there, and the beginnings of shas that pages show."""
    there = [text for text in texts if text]
    return {*there, *(text[:10] for text in there)}
