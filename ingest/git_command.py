"""Runs git so that a foreign repository can neither execute code nor be written to.

The one place that starts git: which settings it gets, how its output is streamed and what its
errors mean. What is asked of git is the caller's business (`ingest/sources/git.py`,
`ingest/git_mirror.py`).

Only plumbing is used (rev-list, diff-tree, for-each-ref, cat-file): it does not read the `log.*`
and most `diff.*` settings, so that a person's preferences do not change the numbers. Settings of
the person and the machine stay in force, since they hold proxies, certificates and
`safe.directory`; every setting through which the repository itself could run a program is
overridden, and no transport is allowed while a repository is read: a partial clone would otherwise
fetch, by programs that it names itself, and write.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO

from golive_core.errors import SourceError, SourceUnreachableError
from golive_core.settings import child_environment
from ingest.git_trouble import error_of

MINIMUM = (2, 31)
"""GIT_CONFIG_COUNT, by which settings reach git without its command line, came with it (2021)."""
CHUNK_BYTES = 1 << 20

KEPT = frozenset(
    {
        "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
        "GIT_SSL_CERT", "GIT_SSL_KEY", "GIT_SSL_NO_VERIFY", "GIT_PROXY_COMMAND",
        "GIT_PROXY_SSL_CAINFO", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM",
        "GIT_EXEC_PATH",
    }
)  # fmt: skip
"""GIT_* variables that pass. The others may point at another repository (a hook's GIT_DIR)."""

FIXED: Mapping[str, str] = {
    "LC_ALL": "C",
    "LANGUAGE": "",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_FLUSH": "0",
}
"""Replacements and grafts are off: a sha stands for the commit as it was made, in every clone."""

HARMLESS: Mapping[str, str] = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.pager": "cat",
    "core.alternateRefsCommand": "false",
    "log.showSignature": "false",
    "diff.external": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "fetch.recurseSubmodules": "false",
}
NO_PROTOCOL = "none"
NETWORK = "http:https:ssh:git:file"


@dataclass(frozen=True, slots=True)
class Git:
    """git with a fixed set of settings; `where` goes into errors, `secrets` never do.

    `place` holds the options that choose the repository, `protocols` the transports that may be
    used. Further `settings` and `variables` travel in the environment, where other users of the
    machine do not see them.
    """

    where: str
    place: Sequence[str] = ()
    protocols: str = NO_PROTOCOL
    settings: Sequence[tuple[str, str]] = ()
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    folder: Path | None = None

    def run(
        self,
        *args: str,
        stdin: bytes = b"",
        timeout_s: float | None = None,
        accept: Sequence[int] = (0,),
    ) -> bytes:
        """Return what git prints; raises a SourceError for an exit code that is not accepted."""
        return self.heard(*args, stdin=stdin, timeout_s=timeout_s, accept=accept)[0]

    def heard(
        self,
        *args: str,
        stdin: bytes = b"",
        timeout_s: float | None = None,
        accept: Sequence[int] = (0,),
    ) -> tuple[bytes, str]:
        """Return what git prints and what it says beside that (progress, warnings, traces)."""
        with self._started(args, stdin) as (running, said):
            try:
                out, _ = running.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                raise SourceUnreachableError(
                    f"git {args[0]} did not finish within {timeout_s:.0f} s", where=self.where,
                    hint="Is the server reachable from here?",
                ) from None  # fmt: skip
            if running.returncode not in accept:
                raise error_of(_text(said), self.where, args[0])
            return out, _text(said)

    def spool(self, *args: str, stdin: bytes = b"") -> Spool:
        """Start git with its output going into a file, so that it never waits for a reader."""
        return Spool(self, args, stdin)

    def environment(self) -> dict[str, str]:
        """Return the environment that git gets."""
        clean = {
            name: value
            for name, value in child_environment().items()
            if not name.startswith("GIT_") or name in KEPT
        }
        settings = [*HARMLESS.items(), *self.settings]
        pairs = {"GIT_CONFIG_COUNT": str(len(settings)), "GIT_ALLOW_PROTOCOL": self.protocols}
        for number, (key, value) in enumerate(settings):
            pairs[f"GIT_CONFIG_KEY_{number}"] = key
            pairs[f"GIT_CONFIG_VALUE_{number}"] = value
        return {**clean, **FIXED, **pairs, **self.variables}

    @contextmanager
    def _started(
        self, args: Sequence[str], stdin: bytes
    ) -> Generator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
        """Lend a git process and its stderr; it is ended at the end of the block."""
        with (
            tempfile.TemporaryFile() as said,
            self.start(args, stdin, subprocess.PIPE, said) as process,
        ):
            try:
                yield process, said
            finally:
                process.kill()

    def start(
        self, args: Sequence[str], stdin: bytes, out: IO[bytes] | int, said: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        """Start git. Raises SourceUnreachableError if there is none.

        Its input is a file: a pipe would have to be fed while the other one is read. It has no
        terminal that it, or the ssh that it starts, could ask for a password.
        """
        with tempfile.TemporaryFile() as given:
            given.write(stdin)
            given.seek(0)
            try:
                return subprocess.Popen(  # noqa: S603 - a fixed program; refs and URLs are checked
                    ["git", "--no-pager", *self.place, *args],  # noqa: S607 - git of the PATH
                    stdin=given, stdout=out, stderr=said, bufsize=0, cwd=self.folder,
                    env=self.environment(), start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                raise no_git(error, self.where) from error


class Spool:
    """A running git whose output is read once it has ended. Close it whether or not it was read."""

    def __init__(self, git: Git, args: Sequence[str], stdin: bytes) -> None:
        self._where, self._command = git.where, args[0]
        with ExitStack() as stack:
            self._out = stack.enter_context(tempfile.TemporaryFile())
            self._said = stack.enter_context(tempfile.TemporaryFile())
            self._process = stack.enter_context(git.start(args, stdin, self._out, self._said))
            self._stack = stack.pop_all()

    def chunks(self) -> Iterator[bytes]:
        """Wait for git and yield its output; raises GitDiedError behind it if git failed."""
        code = self._process.wait()
        self._out.seek(0)
        while chunk := self._out.read(CHUNK_BYTES):
            yield chunk
        if code:
            raise GitDiedError(_text(self._said), self._where, self._command, code)

    def wait(self) -> None:
        """Wait until git has ended."""
        self._process.wait()

    def kill(self) -> None:
        """End git; what waits for it goes on."""
        self._process.kill()

    def close(self) -> None:
        """End git if it still runs and let go of its output."""
        self._process.kill()
        self._stack.close()


class Spools:
    """A context manager: git over several inputs, `processes` at a time, outputs in order.

    The next git starts as soon as any has ended, also while the output of another is read.
    """

    def __init__(
        self, start: Callable[[bytes], Spool], inputs: Sequence[bytes], processes: int
    ) -> None:
        self._start, self._inputs = start, inputs
        self._pool = ThreadPoolExecutor(processes, thread_name_prefix="git")
        self._live: list[Spool] = []
        self._ending = False

    def __enter__(self) -> Iterator[tuple[bytes, Spool]]:
        """Start the first ones; yield each input with its git, which has ended."""
        ended = [(one, self._pool.submit(self._run, one)) for one in self._inputs]
        return ((one, future.result()) for one, future in ended)

    def __exit__(self, *_: object) -> None:
        """End every git and let go of all outputs."""
        self._ending = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        for one in list(self._live):
            one.kill()
        self._pool.shutdown()
        for one in self._live:
            one.close()

    def _run(self, given: bytes) -> Spool:
        spool = self._start(given)
        self._live.append(spool)
        if self._ending:
            spool.kill()
        spool.wait()
        return spool


class GitDiedError(Exception):
    """git ended with `code` in the middle of its output; `said` is its stderr."""

    def __init__(self, said: str, where: str, command: str, code: int) -> None:
        super().__init__(said)
        self.said, self.where, self.command, self.code = said, where, command, code

    def as_source_error(self) -> SourceError:
        """Return what it means; a killed git says nothing about the repository."""
        if self.code < 0:
            return SourceUnreachableError(
                f"git {self.command} was ended by signal {-self.code}", where=self.where,
                hint="Perhaps memory ran out; the next run goes on from here",
            )  # fmt: skip
        return error_of(self.said, self.where, self.command)


def _text(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read(1 << 16).decode(errors="backslashreplace")


@cache
def version() -> tuple[int, ...]:
    """Return the version of git, asked once; raises SourceUnreachableError if there is none."""
    said = Git("git").run("version").decode()
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", said)
    return tuple(int(part or 0) for part in match.groups()) if match else (0,)


def require(where: str) -> None:
    """Raise SourceUnreachableError unless git is there and new enough."""
    have = version()
    if have[:2] < MINIMUM:
        raise SourceUnreachableError(
            f"git {'.'.join(map(str, have))} is too old", where=where,
            hint=f"Install git {'.'.join(map(str, MINIMUM))} or newer",
        )  # fmt: skip


def no_git(error: OSError, where: str) -> SourceError:
    """Return what it means that git did not start."""
    if isinstance(error, FileNotFoundError):
        return SourceUnreachableError("git is not installed", where=where, hint="Install git")
    return SourceUnreachableError(
        f"git cannot be started ({error.strerror})", where=where,
        hint="Check the rights of its folder and the memory that is left",
    )  # fmt: skip
