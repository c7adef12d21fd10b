"""How fast one client asks: so many requests a second, fewer where little of a quota is left."""

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

    def slot_s(self, at_least_s: float = 0.0) -> float:
        """Take the next slot and return how many seconds away it is.

        The one after it comes `at_least_s` later.
        """
        now = self._clock()
        start = max(now, self._next)
        self._next = start + max(self._gap, at_least_s)
        return start - now

    async def turn(self, at_least_s: float = 0.0) -> None:
        """Wait for the next slot."""
        wait = self.slot_s(at_least_s)
        if wait > 0:
            await asyncio.sleep(wait)
