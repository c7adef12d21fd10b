"""How fast one client may ask: so many requests a second, and none while a server said wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class Pace:
    """Spaces requests evenly; `per_second` 0 means as fast as they come.

    Used from one event loop only, so that it needs no lock.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._gap = 1 / per_second if per_second > 0 else 0.0
        self._next = 0.0
        self._clock = clock

    def slot_s(self) -> float:
        """Take the next slot and return how many seconds away it is."""
        now = self._clock()
        start = max(now, self._next)
        self._next = start + self._gap
        return start - now

    def hold(self, wait_s: float) -> None:
        """Let nobody ask for `wait_s` seconds: the server wants rest, whichever request told."""
        self._next = max(self._next, self._clock() + wait_s)

    async def turn(self) -> None:
        """Wait for the next slot."""
        wait = self.slot_s()
        if wait > 0:
            await asyncio.sleep(wait)
