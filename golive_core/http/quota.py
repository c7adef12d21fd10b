"""What servers say of their limits, read from headers in any of the usual forms. Sends nothing.

    x-ratelimit-limit, -remaining, -reset, -used, -resource, -nearlimit    GitHub, Bitbucket, Jira
    ratelimit-limit, -remaining, -reset, -name                   GitLab, registries, older drafts
    ratelimit: "minute";r=50;t=30 with ratelimit-policy: "minute";q=100;w=60         IETF draft
    x-ratelimit-interval-seconds (data centers), x-ratelimit-state and -period-in-sec (Opsgenie)

A reset is told as UNIX seconds or milliseconds, as seconds from now, or as a date. Times of the
server are moved to this machine's clock by its Date header, so that a clock that differs changes
no wait. The IETF's is draft-ietf-httpapi-ratelimit-headers-10.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

THROTTLED = (403, 429, 503)
PREFIXES = ("x-ratelimit-", "ratelimit-", "x-rate-limit-")
FIELDS = ("ratelimit", "beta-ratelimit")
"""Names of the structured field of the drafts; Jira has it on trial."""
RESERVE_SHARE = 0.02
"""Part of a quota that pulls leave: for people, for actions and for asking what is wrong."""
LEAST_WITH_RESERVE = 50
"""A smaller quota has no reserve: it would be a large part of it."""
LOW_SHARE = 0.1
"""Below it a quota is low: pulls slow down, doctor warns."""
LONGEST_S = 86_400.0
"""No window is believed to be longer: then the server is asked once more."""
UNTOLD_S = 60.0
"""What to wait where a server refuses for its limits and does not say how long."""
SECONDARY = re.compile(r"secondary rate limit|abuse detection|rate limit exceeded", re.IGNORECASE)
"""How GitHub words a refusal with 403 that brings no header."""
NUMBER = re.compile(r"\s*(\d+)")
ITEM = re.compile(r'(?:"([^"]*)"|([A-Za-z*][\w./:*-]*))((?:\s*;[^;,]*)*)')
PAIR = re.compile(r"(\w+)=(\d+)")


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit as it was told last; times are UNIX seconds of this machine's clock.

    `limit` and `remaining` count requests (or points, where the server counts those) of a window
    that ends at `resets_at`; None where it is not told. `is_near` is the server's own warning.
    """

    name: str
    limit: int | None = None
    remaining: int | None = None
    resets_at: float | None = None
    is_near: bool = False
    told_at: float = 0.0

    @property
    def reserve(self) -> int:
        """Requests that a pull leaves."""
        limit = self.limit or 0
        return math.ceil(limit * RESERVE_SHARE) if limit >= LEAST_WITH_RESERVE else 0

    def is_over(self, now: float) -> bool:
        """Tell whether the window has ended: what was told is no longer so."""
        return self.resets_at is not None and self.resets_at <= now

    def is_low(self, now: float) -> bool:
        """Tell whether little is left."""
        if self.is_over(now):
            return False
        if self.remaining is None or not self.limit:
            return self.is_near
        return self.remaining < LOW_SHARE * self.limit

    def is_spent(self, now: float, *, may_use_reserve: bool) -> bool:
        """Tell whether nothing may be asked until the reset; False where that is not known."""
        if self.remaining is None or self.resets_at is None or self.is_over(now):
            return False
        return self.remaining <= (0 if may_use_reserve else self.reserve)


def told(headers: Mapping[str, str], now: float | None = None) -> list[Quota]:
    """Return the quotas that an answer tells of; header names are in lower case."""
    names = [name for name in headers if "ratelimit" in name or "rate-limit" in name]
    if not names:
        return []
    clock = time.time() if now is None else now
    return [*_structured(headers, clock), *_classic(headers, clock)]


def throttle_s(
    status: int, headers: Mapping[str, str], now: float | None = None, text: str = ""
) -> float | None:
    """Return how many seconds the server wants us to stay away, or None if it does not want that.

    A 429 that says no more means 1 s; `text` is the start of the body.
    """
    if status not in THROTTLED:
        return None
    wait = told_wait_s(status, headers, now, text)
    return 1.0 if wait is None and status == 429 else wait  # noqa: PLR2004 - Too Many Requests


def told_wait_s(
    status: int, headers: Mapping[str, str], now: float | None = None, text: str = ""
) -> float | None:
    """Return the seconds that a refusal with one of THROTTLED names, or None.

    Retry-After holds seconds or a date (RFC 9110 §10.2.3). Where it is missing, a spent quota
    tells. Data centers of Atlassian send `Retry-After: 0` with every answer: a 403 with it is no
    more than a 403.
    """
    clock = time.time() if now is None else now
    given = headers.get("retry-after")
    if given is not None:
        wait = _retry_after_s(given, headers, clock)
        return None if wait <= 0 and status == 403 else wait  # noqa: PLR2004 - Forbidden
    spent = [one for one in told(headers, clock) if one.remaining == 0]
    if spent:
        return max(_left_s(one, clock) for one in spent)
    if status == 429 and (ends := _told_end(headers, clock)) is not None:  # noqa: PLR2004
        return max(0.0, ends - clock)
    return UNTOLD_S if SECONDARY.search(text) else None


def _told_end(headers: Mapping[str, str], clock: float) -> float | None:
    """Return when a window ends of which no more is told, as PagerDuty does in a refusal."""
    for prefix in PREFIXES:
        values = {name.removeprefix(prefix): value for name, value in headers.items()
                  if name.startswith(prefix)}  # fmt: skip
        at = _within(_reset(values, headers, clock), clock)
        if at is not None:
            return at
    return None


def _left_s(quota: Quota, clock: float) -> float:
    return UNTOLD_S if quota.resets_at is None else max(0.0, quota.resets_at - clock)


def _retry_after_s(given: str, headers: Mapping[str, str], clock: float) -> float:
    try:
        return max(0.0, float(given))
    except ValueError:
        at = _instant(given, headers, clock)
        return UNTOLD_S if at is None else max(0.0, at - clock)


def _classic(headers: Mapping[str, str], clock: float) -> Iterator[Quota]:
    """Yield the quota of a family of headers, one a value."""
    for prefix in PREFIXES:
        values = {name.removeprefix(prefix): value for name, value in headers.items()
                  if name.startswith(prefix)}  # fmt: skip
        found = _of_family(values, headers, clock)
        if found:
            yield found


def _of_family(values: Mapping[str, str], headers: Mapping[str, str], clock: float) -> Quota | None:
    limit, remaining = _number(values.get("limit")), _number(values.get("remaining"))
    is_near = values.get("nearlimit", "").lower() == "true"
    resets_at = _reset(values, headers, clock)
    if values.get("state", "").upper() == "THROTTLED":
        remaining = 0
    if limit is None and remaining is None and not is_near:
        return None
    name = values.get("resource") or values.get("name") or "requests"
    return Quota(name, limit, remaining, _within(resets_at, clock), is_near, clock)


def _reset(values: Mapping[str, str], headers: Mapping[str, str], clock: float) -> float | None:
    for name in ("reset-after", "interval-seconds", "period-in-sec"):
        seconds = _number(values.get(name))
        if seconds is not None:
            return clock + seconds
    for name in ("reset", "resettime"):
        at = _instant(values.get(name, ""), headers, clock)
        if at is not None:
            return at
    return None


def _structured(headers: Mapping[str, str], clock: float) -> Iterator[Quota]:
    """Yield the quotas of the field RateLimit: the present draft, and the seventh."""
    for field in FIELDS:
        value = headers.get(field, "")
        policies = dict(_items(headers.get(f"{field}-policy", "")))
        for name, given in _items(value):
            left, ends = given.get("r"), given.get("t")
            limit = policies.get(name, {}).get("q")
            ends_at = _within(None if ends is None else clock + ends, clock)
            yield Quota(name, limit, left, ends_at, told_at=clock)
        seventh = {key: int(number) for key, number in PAIR.findall(value)}
        if "remaining" in seventh:
            ends = seventh.get("reset")
            ends_at = _within(None if ends is None else clock + ends, clock)
            yield Quota("requests", seventh.get("limit"), seventh["remaining"], ends_at,
                        told_at=clock)  # fmt: skip


def _within(ends_at: float | None, clock: float) -> float | None:
    return None if ends_at is None else min(ends_at, clock + LONGEST_S)


def _items(value: str) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield names and parameters of a list of structured items; those without any are left out."""
    for quoted, token, parameters in ITEM.findall(value):
        found = {key: int(number) for key, number in PAIR.findall(parameters)}
        if found:
            yield quoted or token, found


def _number(text: str | None) -> int | None:
    """Return the number that a value begins with: some go on with the window, `100;w=60`."""
    match = NUMBER.match(text or "")
    return int(match[1]) if match else None


def _instant(text: str, headers: Mapping[str, str], clock: float) -> float | None:
    """Return a time as UNIX seconds of our clock; small numbers are seconds from now."""
    try:
        number = float(text)
    except ValueError:
        at = _date(text)
        return None if at is None else at + _behind_s(headers, clock)
    if number > 500 * clock:
        number /= 1000
    return number + _behind_s(headers, clock) if number > clock / 2 else clock + number


def _behind_s(headers: Mapping[str, str], clock: float) -> float:
    """Return how far the server's clock is behind ours; whole seconds are no difference."""
    theirs = _date(headers.get("date", ""))
    behind = 0.0 if theirs is None else clock - theirs
    return behind if abs(behind) > 1 else 0.0


def _date(text: str) -> float | None:
    """Return an HTTP date or an ISO time as UNIX seconds; one without a zone is in UTC."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            at = read(text)
        except ValueError:
            continue
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return None
