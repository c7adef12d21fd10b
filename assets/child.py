"""Child processes that serve requests over a socket: started lean, gone when the parent is gone.

Plain `python -c` children instead of multiprocessing's: those import the parent's main module
again (the whole of Dagster, for a run) and outlive a parent that was killed, since each holds
both ends of its queue. Here a dead parent is an end of file.
"""

from __future__ import annotations

import subprocess
import sys
from multiprocessing.connection import Connection, Pipe


class Child:
    """A process that runs `entry` ("package.module:function") with its end of a socket."""

    def __init__(self, entry: str) -> None:
        module, function = entry.split(":")
        self.pipe, theirs = Pipe()
        # The path goes along since a checkout need not be installed where Python starts.
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; from multiprocessing.connection import "
            f"Connection; from {module} import {function}; "
            f"{function}(Connection({theirs.fileno()}))"
        )
        # A group of its own, so that Ctrl-C reaches only the parent, which ends its children.
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own code
            [sys.executable, "-c", code], pass_fds=[theirs.fileno()], process_group=0
        )
        theirs.close()

    def kill(self) -> None:
        """Kill the process and leave the socket to the thread that reads it: it sees the end."""
        self._process.kill()

    def end(self) -> int:
        """Kill the process, close the socket and return the exit code."""
        self._process.kill()
        self.pipe.close()
        return self._process.wait()


__all__ = ["Child", "Connection"]
