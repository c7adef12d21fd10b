"""What git's messages mean: text in, errors with the next step out.

Pure. Messages are read in English, which `ingest/git_command.py` sees to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from golive_core.errors import (
    SourceAuthError,
    SourceDataError,
    SourceError,
    SourceThrottledError,
    SourceUnreachableError,
)


@dataclass(frozen=True, slots=True)
class _Meaning:
    pattern: str
    kind: type[SourceError]
    what: str
    hint: str


MEANINGS = (
    _Meaning(
        r"dubious ownership|unsafe repository", SourceAuthError,
        "the repository belongs to another user, so git refuses to read it",
        "If you trust it, run: git config --global --add safe.directory {path}",
    ),
    _Meaning(
        r"cannot change to", SourceUnreachableError,
        "there is no such folder", "Check the path in golive.toml",
    ),
    _Meaning(
        r"returned error: 429|too many requests", SourceThrottledError,
        "the server asks to come back later", "It is tried again with the next schedule",
    ),
    _Meaning(
        r"authentication failed|could not read (username|password)|terminal prompts disabled"
        r"|returned error: 40[13]|permission denied|publickey|host key verification failed"
        r"|access denied|invalid username|http basic",
        SourceAuthError, "the server refuses to let us in",
        'Set user and token = "env:NAME" of the source, or check the SSH key and known_hosts',
    ),
    _Meaning(
        r"could not resolve|connection (refused|reset|timed out|closed)|timed out|no route to host"
        r"|network is unreachable|failed to connect|couldn't connect|returned error: 5\d\d"
        r"|early eof|hung up unexpectedly|ssl|certificate",
        SourceUnreachableError, "the server cannot be reached",
        "Check the URL, the network and the proxy",
    ),
    _Meaning(
        r"repository .*not found|returned error: 404|does not appear to be a git repository"
        r"|not valid: is this a git repository|not a git repository|does not exist",
        SourceDataError, "there is no Git repository",
        "Check the path or URL; servers also say so of repositories that they hide from us",
    ),
    _Meaning(
        r"transport .* not allowed|promisor", SourceDataError,
        "the clone is partial: it lacks contents that would have to be fetched",
        "Fetch all of it (git fetch --refetch --filter=blob:limit=1t) or give its URL instead",
    ),
    _Meaning(
        r"could not read|unable to read|bad object|missing (blob|tree|object)|loose object|corrupt"
        r"|packfile|failed to traverse|cannot be accessed",
        SourceDataError, "the repository is damaged", "Run: git -C {path} fsck",
    ),
    _Meaning(
        r"no space left", SourceUnreachableError, "the disk is full", "Make room for the mirror",
    ),
)  # fmt: skip
"""What git says, in the order in which it is looked at."""


def error_of(said: str, where: str, command: str) -> SourceError:
    """Return the error that a message of git stands for, without credentials."""
    said = without_credentials(said).strip()
    last = (said.splitlines() or ["no message"])[-1]
    path = where.partition(": ")[2] or where
    for one in MEANINGS:
        if re.search(one.pattern, said, re.IGNORECASE):
            return one.kind(
                f"{one.what} (git {command}: {last})", where=where, hint=one.hint.format(path=path)
            )
    return SourceDataError(f"git {command} failed: {last}", where=where, hint="See git's message")


def without_credentials(text: str) -> str:
    """Return the text without user and password in URLs."""
    return re.sub(r"(\w+://)[^/@\s]*@", r"\1", text)
