"""When to try a request again, and after how long. Policies are callables that compose.

Only GET, HEAD, OPTIONS and what a request calls safe are ever tried twice: anything else may have
happened already.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from golive_core.http.quota import throttle_s

SAFE = ("GET", "HEAD", "OPTIONS")
SERVER_ERRORS = (408, 500, 502, 503, 504, 520, 521, 522, 523, 524)


@dataclass(frozen=True, slots=True)
class Trial:
    """One attempt that went wrong: an exception, or a status with its headers (lower case).

    `text` is the start of the body.
    """

    method: str
    attempt: int
    status: int = 0
    headers: Mapping[str, str] | None = None
    error: Exception | None = None
    is_broken_off: bool = False
    text: str = ""


Policy = Callable[[Trial], float | None]
"""Seconds to wait at least before the next attempt, or None: no reason to try again."""


def on_connection(trial: Trial) -> float | None:
    """Try again after time-outs, refused and reset connections and bodies that broke off."""
    return 0.0 if trial.is_broken_off or (trial.error and _is_passing(trial.error)) else None


def _is_passing(error: Exception) -> bool:
    import httpx

    passing = (
        httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError,
        httpx.DecodingError,
    )  # fmt: skip
    return isinstance(error, passing)


def on_server_error(trial: Trial) -> float | None:
    """Try again after 408 and the 5xx that pass."""
    return 0.0 if trial.status in SERVER_ERRORS else None


def on_throttle(trial: Trial) -> float | None:
    """Try again when the server says (429, 403 or 503 with Retry-After, or a spent quota)."""
    return throttle_s(trial.status, trial.headers or {}, text=trial.text)


@dataclass(frozen=True, slots=True)
class Retry:
    """How patient a client is.

    The wait before attempt n + 1 is what a policy asks for, or `first_s * 2 ** (n - 1)` up to
    `longest_s`, the larger of both, times 1 to 1.5 by chance so that clients do not move in step.
    No wait begins that would end after `total_s` seconds from the first attempt.
    """

    policies: tuple[Policy, ...] = (on_connection, on_server_error, on_throttle)
    attempts: int = 5
    first_s: float = 0.2
    longest_s: float = 10.0
    total_s: float = 60.0
    chance: Callable[[], float] = random.random

    def wait_s(self, trial: Trial, *, spent_s: float) -> float | None:
        """Return the seconds to wait before the next attempt, or None to give up."""
        if trial.attempt >= self.attempts or trial.method not in SAFE:
            return None
        asked = [wait for policy in self.policies if (wait := policy(trial)) is not None]
        if not asked:
            return None
        backoff = min(self.longest_s, self.first_s * 2 ** (trial.attempt - 1))
        wait = max(*asked, backoff) * (1 + self.chance() / 2)
        return wait if spent_s + wait <= self.total_s else None
