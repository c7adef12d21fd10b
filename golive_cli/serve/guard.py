"""Ends what `golive up` started if it dies without doing so itself (kill -9, out of memory).

Runs as a program of its own, by the standard library alone. It reads lines `+pgid` and `-pgid`
from stdin, which only the parent holds open: the end of it is the parent's end. Then every process
group that is left gets SIGTERM, and SIGKILL after GRACE_S seconds.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress

GRACE_S = 8.0


def main() -> None:
    """Follow the parent until it is gone, then end what it left."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        (groups.add if line[0] == "+" else groups.discard)(group)
    _end(groups)


def _end(groups: set[int]) -> None:
    _signal(groups, signal.SIGTERM)
    until = time.monotonic() + GRACE_S
    while time.monotonic() < until and _left(groups):
        time.sleep(0.1)
    _signal(_left(groups), signal.SIGKILL)


def _signal(groups: set[int], number: signal.Signals) -> None:
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def _left(groups: set[int]) -> set[int]:
    return {group for group in groups if is_alive(group)}


def is_alive(group: int) -> bool:
    """Tell whether a process of the group is left."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
