"""One thread that puts what many threads bring: deliveries that wait share a commit."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from golive_core.errors import GoLiveError
from golive_core.inbox.delivery import Delivery

if TYPE_CHECKING:
    from golive_core.inbox import Inbox

GROUP = 512
"""Deliveries that share one commit at most."""


class Writer:
    """Puts deliveries from many threads into an inbox; those that wait share a commit."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._queue: queue.SimpleQueue[tuple[Delivery, Future[bool]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._thread.start()

    def put(self, delivery: Delivery) -> Future[bool]:
        """Return a future: done once the delivery is on disk, with whether it was new."""
        found: Future[bool] = Future()
        self._queue.put((delivery, found))
        return found

    def close(self) -> None:
        """Write what waits, and end."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, is_last = [first], False
            while len(group) < GROUP and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    is_last = True
                    break
                group.append(following)
            self._commit(group)
            if is_last:
                return

    def _commit(self, group: list[tuple[Delivery, Future[bool]]]) -> None:
        try:
            outcome = self._inbox.put([one for one, _ in group])
        except GoLiveError as error:
            for _, found in group:
                found.set_exception(error)
            return
        for (_, found), is_new in zip(group, outcome, strict=True):
            found.set_result(is_new)
