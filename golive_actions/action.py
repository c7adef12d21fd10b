"""One action on the outside world, as data, and the one way to perform it.

    asked     recorded before anything is sent
    done      with the result, which the same idempotency key returns from then on
    failed    with the error; it may be tried again
    dry_run   with the request that would have been sent; lookups were made, nothing was changed

A record `asked` with nothing behind it is of a process that was killed in between. Then nobody
knows whether it happened: what sets a state is set again, what makes something is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

from golive_actions import audit
from golive_actions.audit import LOCKS, Record, Subject
from golive_actions.courier import Courier
from golive_actions.find import Verb, target, verb
from golive_actions.target import Effect, Flow, Place, Target
from golive_core.errors import GoLiveError, UsageError
from golive_core.lake import Lake
from golive_core.lock import alone
from golive_core.redact import masked
from golive_core.settings import Instance, is_secret_name

AGENT = "agent:"
"""How the name of an actor begins that may only propose."""
STRIPES = 2
"""Hexadecimal digits of a key that choose its lock: 256 files, however many keys."""


class UnfinishedError(GoLiveError):
    """An action was asked for and its process ended before it said what became of it."""


@dataclass(frozen=True, slots=True)
class Action:
    """What is to be done: a verb, the instance, its parameters, and perhaps a key of its own."""

    name: str
    instance: Instance
    parameters: Mapping[str, object] = field(default_factory=dict[str, object])
    key: str = ""

    @property
    def idempotency_key(self) -> str:
        """The key that was given, else a hash of verb, instance and what the parameters say."""
        if self.key:
            return self.key
        arguments = verb(self.name).arguments(self.parameters)
        parts = [self.name, self.instance.name, arguments]
        text = json.dumps(parts, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action: its result, or for a dry run the request that was not sent.

    `is_repeated` tells that it was done before, at `at`, and nothing was sent now.
    """

    action: str
    instance: str
    key: str
    state: Literal["read", "dry_run", "done"]
    result: object
    at: datetime
    is_repeated: bool = False


def perform(
    action: Action, *, dry_run: bool = True, actor: str, lake: Lake, base: Path | None = None,
    approved_by: str = "",
) -> Outcome:  # fmt: skip
    """Perform an action once, or show what it would do; reading verbs just read.

    `actor` is who asks; one whose name begins with `agent:` needs a person in `approved_by`.
    `base` is the folder of golive.toml. Raises UsageError for a wrong action, UnfinishedError for
    one that may have happened, and what the server's answer means.
    """
    found = verb(action.name)
    arguments = found.arguments(action.parameters)
    if target(action.name.partition(".")[0]).type != action.instance.type:
        what = f"{action.instance.name} is of type {action.instance.type}"
        raise UsageError(what, where=action.name, hint="Name an instance of the verb's own type")
    place = Place(action.instance, lake, base)
    run = _Run(action, found, place, arguments)
    if found.kind == "reads":
        return run.outcome("read", run.send())
    _approved(action, actor, approved_by)
    about = f"{action.instance.name}: {found.subject(arguments)}"
    subject = Subject(actor, action.name, about, action.idempotency_key)
    stripe = hashlib.sha256(subject.key.encode()).hexdigest()[:STRIPES]
    with alone(lake.root / LOCKS, f"action-{stripe}"):
        return _once(run, subject, dry_run=dry_run, approved_by=approved_by)


def _approved(action: Action, actor: str, approved_by: str) -> None:
    if actor.startswith(AGENT) and (not approved_by or approved_by.startswith(AGENT)):
        hint = "Let a person look at it and name them as approved_by"
        raise UsageError(f"{actor} may only propose it", where=action.name, hint=hint)


def _once(run: _Run, subject: Subject, *, dry_run: bool, approved_by: str) -> Outcome:
    """Perform under the lock of the key, unless it is done already."""
    if not dry_run and (earlier := _settled(run, subject)):
        return run.outcome("done", earlier.detail.get("result"), earlier.at)
    asked = {"dry_run": dry_run, "parameters": run.arguments, "approved_by": approved_by}
    audit.append(run.place.lake, subject, "asked", asked)
    try:
        result = run.show() if dry_run else run.send()
    except Exception as error:
        said = str(error) or type(error).__name__
        audit.append(run.place.lake, subject, "failed", {"dry_run": dry_run, "error": said})
        raise
    word = "dry_run" if dry_run else "done"
    audit.append(run.place.lake, subject, word, {"dry_run": dry_run, "result": result})
    return run.outcome(word, result)


def _settled(run: _Run, subject: Subject) -> Record | None:
    """Return the record of the first time; raises UnfinishedError if nobody knows how it ended."""
    records = audit.of_key(run.place.lake, subject)
    if not records:
        return None
    last = records[-1]
    is_setting = run.verb.kind == "sets"
    if last.phase == "asked" and not is_setting:
        raise UnfinishedError(
            f"{last.actor} asked for it at {last.at:%Y-%m-%d %H:%M} UTC and was cut off: it may "
            "have happened", where=f"{subject.action} {subject.target}",
            hint="Look there; to do it (again), give another key",
        )  # fmt: skip
    done = [one for one in records if one.phase == "done"]
    if not done or (is_setting and not run.action.key and not _still(run, subject)):
        return None
    return done[-1]


def _still(run: _Run, subject: Subject) -> bool:
    """Tell whether nobody has set another state since: a state may be set again later."""
    newest = audit.last_done(run.place.lake, subject)
    return newest is not None and newest.key == subject.key


@dataclass(frozen=True, slots=True)
class _Run:
    """An action with everything that it needs."""

    action: Action
    verb: Verb
    place: Place
    arguments: Mapping[str, object]

    def send(self) -> object:
        """Do it and return the result, secrets masked."""
        secrets = {
            name: self.place.secret(str(value)) if is_secret_name(name) else value
            for name, value in self.arguments.items()
        }
        made, value = self._begin(secrets)
        if isinstance(value, Generator):
            with Courier(made, is_dry=False) as courier:
                return masked(courier.run(cast("Flow", value)))
        return masked(value.perform() if isinstance(value, Effect) else value)

    def show(self) -> object:
        """Return the request that would be sent, after the lookups that it needs."""
        made, value = self._begin(self.arguments)
        if isinstance(value, Effect):
            return masked(value.shown())
        with Courier(made, is_dry=True) as courier:
            end = courier.run(cast("Flow", value))
        if courier.stopped is None:
            return {"request": None, "already": masked(end)}
        return {"request": made.shown(courier.stopped)}

    def outcome(
        self, state: Literal["read", "dry_run", "done"], result: object,
        earlier: datetime | None = None,
    ) -> Outcome:  # fmt: skip
        """Return what became of it."""
        return Outcome(
            self.action.name, self.place.instance.name, self.action.idempotency_key, state, result,
            earlier or datetime.now(UTC), earlier is not None,
        )  # fmt: skip

    def _begin(self, arguments: Mapping[str, object]) -> tuple[Target, object]:
        name, _, word = self.action.name.partition(".")
        made = target(name)(self.place)
        return made, getattr(made, word)(**arguments)
