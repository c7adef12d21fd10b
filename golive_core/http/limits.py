"""What one instance may ask for now, as every process of this home knows it.

What a server tells (`quota`) is kept in `<home>/limits/<instance>.json`, so that a schedule, a
sensor and a command that use the same token do not ask while one of them was told to wait. The
file is only made once a server tells of a limit; until then a request costs one look whether it is
there. It is replaced whole under a lock, at most once a second, and at once for a pause.

    pause    the server refused: nobody asks before it is over
    reserve  what is left of a quota is for people and actions: pulls stop until it is filled again
    pace     little is left, but enough for the rest of the window if the requests are spread
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from golive_core import lock
from golive_core.http.quota import LONGEST_S, Quota, told

FOLDER = "limits"
LEAST_PAUSE_S = 1.0
"""A shorter pause is none of the other processes' business."""
FIRST_STRIKE_S = 60.0
LONGEST_STRIKE_S = 3600.0
LONGEST_GAP_S = 1.0
"""Requests further apart than this would take the whole window: better stop and go on later."""
NEAR_GAP_S = 0.5
"""Between requests where a server only says that the limit is near."""
SAVE_EVERY_S = 1.0
LAST = 253_402_300_799.0
"""The end of the year 9999: servers say all kinds of things."""
GO_ON = "It goes on by itself at the next run after that; nothing is lost"


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing may be asked before `until` (UNIX seconds), and why."""

    until: float
    why: str


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of the limits of an instance; times are UNIX seconds.

    `whose` stands for address and credentials: another token has limits of its own. `strikes`
    counts refusals in a row that named no time.
    """

    whose: str = ""
    paused_until: float = 0.0
    reason: str = ""
    strikes: int = 0
    quotas: Mapping[str, Quota] = field(default_factory=dict[str, Quota])

    def hold(self, now: float, *, may_use_reserve: bool = False) -> Hold | None:
        """Return until when nothing may be asked, None if it may be."""
        holds = [Hold(self.paused_until, self.reason)] if self.paused_until > now else []
        holds += [
            Hold(one.resets_at or now, _spent(one))
            for one in self.quotas.values()
            if one.is_spent(now, may_use_reserve=may_use_reserve)
        ]
        return max(holds, key=lambda one: one.until, default=None)

    def gap_s(self, now: float) -> float:
        """Return the seconds between requests that let what is left last for the window."""
        return max((_gap_s(one, now) for one in self.quotas.values()), default=0.0)

    def tightest(self, now: float) -> Quota | None:
        """Return the quota of which least is left, one whose window goes on before all others."""
        return min(self.quotas.values(), key=lambda one: (one.is_over(now), _share(one)),
                   default=None)  # fmt: skip

    def shown(self, now: float | None = None) -> str:
        """Return it as words, empty where no server told of a limit."""
        clock = time.time() if now is None else now
        hold, quota = self.hold(clock), self.tightest(clock)
        left = _left(quota, clock) if quota else ""
        if hold is None:
            return left
        until = f"paused until {moment(hold.until)} (in {span(hold.until - clock)})"
        return f"{until}: {hold.why}"

    def merged(self, other: Known) -> Known:
        """Return what both know; of one quota what was told last."""
        if self.whose != other.whose:
            return self
        last = max(self, other, key=lambda one: one.paused_until)
        quotas = dict(other.quotas)
        for name, mine in self.quotas.items():
            theirs = quotas.get(name)
            quotas[name] = theirs if theirs and theirs.told_at > mine.told_at else mine
        return replace(self, paused_until=last.paused_until, reason=last.reason, quotas=quotas)


class Limits:
    """The limits of one instance in one client: learns from answers, shares with other processes.

    Used from one event loop only. Without `home` nothing is shared.
    """

    def __init__(
        self, name: str, home: Path | None = None, whose: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.may_use_reserve = False
        self._folder, self._name, self._clock = home / FOLDER if home else None, name, clock
        self._known, self._seen = Known(whose), ()
        self._saved_at, self._is_new = 0.0, False

    @property
    def known(self) -> Known:
        """What is known now, by other processes too."""
        self._refresh()
        return self._known

    def hold(self) -> Hold | None:
        """Return until when this client may not ask, None if it may."""
        return self.known.hold(self._clock(), may_use_reserve=self.may_use_reserve)

    def gap_s(self) -> float:
        """Return the seconds that this client leaves between requests."""
        return self._known.gap_s(self._clock()) if self._known.quotas else 0.0

    def learn(self, headers: Mapping[str, str], *, is_refused: bool) -> None:
        """Take what an answer says of limits."""
        if self._known.strikes and not is_refused:
            self._know(replace(self._known, strikes=0))
        now = self._clock()
        quotas = {one.name: one for one in told(headers, now)}
        if not quotas:
            return
        self._know(replace(self._known, quotas={**self._known.quotas, **quotas}))
        if now - self._saved_at >= SAVE_EVERY_S:
            self.save()

    def pause(self, seconds: float, why: str) -> None:
        """Let nobody ask for so long: the server wants rest, whichever request told."""
        until = self._clock() + min(seconds, LONGEST_S)
        if until <= self._known.paused_until or seconds <= 0:
            return
        self._know(replace(self._known, paused_until=until, reason=why))
        if seconds >= LEAST_PAUSE_S:
            self.save()

    def strike(self, why: str) -> float:
        """Pause after a refusal that named no time, twice as long as the last; return seconds."""
        strikes = self.known.strikes
        seconds = min(FIRST_STRIKE_S * 2**strikes, LONGEST_STRIKE_S)
        self._know(replace(self._known, strikes=strikes + 1))
        self.pause(seconds, why)
        return seconds

    def save(self) -> None:
        """Write what is new for the other processes; a home that cannot be written is left."""
        if self._folder is None or not self._is_new:
            return
        with contextlib.suppress(OSError), lock.alone(self._folder, f".{self._name}.lock"):
            self._refresh()
            path = _file(self._folder, self._name)
            draft = path.with_suffix(f".{os.getpid()}.new")
            draft.touch(0o600)
            draft.write_text(json.dumps(asdict(self._known)))
            draft.replace(path)
            self._seen = _version(path)
        self._saved_at, self._is_new = self._clock(), False

    def _know(self, known: Known) -> None:
        self._known, self._is_new = known, True

    def _refresh(self) -> None:
        if self._folder is None:
            return
        version = _version(_file(self._folder, self._name))
        if version and version != self._seen:
            self._seen = version
            theirs = read(self._folder, self._name)
            strikes = self._known.strikes if self._is_new else theirs.strikes
            self._known = replace(self._known.merged(theirs), strikes=strikes)


def known(home: Path, instance: str) -> Known:
    """Return what any process of this home knows of the limits of an instance."""
    return read(home / FOLDER, instance)


def read(folder: Path, name: str) -> Known:
    """Return the content of the file of an instance; nothing where there is none to understand."""
    try:
        cells: dict[str, Any] = json.loads(_file(folder, name).read_bytes())
        quotas = {key: Quota(**one) for key, one in cells.pop("quotas").items()}
        return Known(**cells, quotas=quotas)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Known()


def whose(url: str, *credentials: object) -> str:
    """Return what stands for address and credentials; too short to find them by trying."""
    return hashlib.sha256(repr((url, credentials)).encode()).hexdigest()[:6]


def moment(at: float) -> str:
    """Return a time as words: hour and minute, with the day if it is not today."""
    when, today = datetime.fromtimestamp(min(at, LAST), UTC), datetime.now(UTC).date()
    return when.strftime("%H:%M UTC" if when.date() == today else "%-d %b %H:%M UTC")


def span(seconds: float) -> str:
    """Return a span as words: seconds up to two minutes, minutes up to two hours, then hours."""
    if seconds < 120:  # noqa: PLR2004
        return f"{max(0.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"  # noqa: PLR2004


def _spent(quota: Quota) -> str:
    left = f"{quota.remaining:,} of {quota.limit:,}" if quota.limit else f"{quota.remaining}"
    if quota.remaining == 0:
        return f"the quota of {quota.name} is used up ({left} left)"
    return f"the reserve of the quota of {quota.name} is reached ({left} left)"


def _left(quota: Quota, now: float) -> str:
    if quota.is_over(now):
        return f"{quota.limit:,} again" if quota.limit else "full again"
    if quota.remaining is None:
        told = f"limit {quota.limit:,}" if quota.limit else "limit told"
        return f"{told}, near" if quota.is_near else told
    of = f" of {quota.limit:,}" if quota.limit else ""
    ends = f", full again in {span(quota.resets_at - now)}" if quota.resets_at else ""
    return f"{quota.remaining:,}{of} left{ends}"


def _share(quota: Quota) -> float:
    if quota.remaining is None or not quota.limit:
        return 0.0 if quota.is_near else 1.0
    return quota.remaining / quota.limit


def _gap_s(quota: Quota, now: float) -> float:
    if not quota.is_low(now):
        return 0.0
    if quota.remaining is None or quota.resets_at is None:
        return NEAR_GAP_S if quota.is_near else 0.0
    gap = (quota.resets_at - now) / max(1, quota.remaining - quota.reserve)
    return gap if gap <= LONGEST_GAP_S else 0.0


def _version(path: Path) -> tuple[int, ...]:
    """Return what changes whenever a file is replaced, empty if there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_ino, found.st_size


def _file(folder: Path, name: str) -> Path:
    return folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.json"
