"""Records a session: a journal on disk, a process that sends it, and what is told at the end."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

import golive_runner
from golive_core import pytest_names as names
from golive_core import settings
from golive_runner.outbox.folder import Outbox
from golive_runner.pytest_plugin import options
from golive_runner.pytest_plugin.recording import Recorder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from golive_runner.pytest_plugin.options import Asked

TOKEN = "GOLIVE_TOKEN"  # noqa: S105 - the name of a variable
WAIT_S = 15.0
"""Most that the end of a suite waits for the gateway."""


@dataclass(eq=False)  # pytest keeps plugins in sets
class Live:
    """One session; `said` are the lines of the summary."""

    outbox: Outbox
    url: str
    query: Mapping[str, str]
    recorder: Recorder
    journal: IO[bytes]
    lock: IO[str] | None
    sender: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list[str])

    @classmethod
    def start(cls, config: pytest.Config, asked: Asked) -> Live:
        """Begin to record; raises OSError where nothing can be written."""
        now = time.time()
        home = settings.home(config.rootpath)
        outbox = Outbox(
            home / "pytest" / f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
        )
        query = options.query(config, asked.project, now)
        outbox.describe(asked.url, query)
        ignored = home / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n")
        journal = outbox.journal.open("ab", buffering=0)
        secret = settings.variable(TOKEN).strip()
        recorder = Recorder(journal.write, suite=_suite(config), secret=secret)
        live = cls(outbox, asked.url, query, recorder, journal, outbox.held())
        if asked.url:
            live.sender = live.sending(secret)
        return live

    def sending(self, secret: str) -> subprocess.Popen[str] | None:
        """Start the process that sends; None, and why, where it cannot."""
        if not secret:
            self.said.append(f"{TOKEN} is not set: golive token create NAME --project PROJECT")
            return None
        place = str(Path(golive_runner.__file__).parents[1])
        path = os.pathsep.join(filter(None, [place, settings.variable("PYTHONPATH")]))
        try:
            return subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "golive_runner.outbox.sender", str(self.outbox.folder)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                start_new_session=True, pass_fds=[self.lock.fileno()] if self.lock else (),
                env=settings.child_environment(PYTHONPATH=path),
            )  # fmt: skip
        except OSError as error:
            self.said.append(f"the sending process did not start: {error}")
            return None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Record what is open, and give the gateway a moment for the rest."""
        self.close()

    def pytest_unconfigure(self) -> None:
        """End a session that never began to run."""
        self.close()

    def close(self) -> None:
        """End recording and sending; once."""
        if self.journal.closed:
            return
        self.recorder.close()
        self.journal.close()
        why = self._sent()
        try:
            self._keep(why)
        except OSError as error:
            self.said.append(f"attempts could not be kept: {error}")
        if self.lock:
            self.lock.close()

    def _sent(self) -> str:
        """Return why not all was sent, "" if it was or nobody asked for it."""
        if self.sender is None:
            return self.said.pop() if self.said else ""
        try:
            out, _ = self.sender.communicate("end\n", timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            self.sender.kill()
            self.sender.communicate()
            return f"{self.url} did not take it all within {WAIT_S:g} s"
        return out.strip()

    def _keep(self, why: str) -> None:
        """Make reports of what is left, and say where they are."""
        count = self.recorder.attempts
        left = self.outbox.cut() if self.outbox.folder.exists() else 0
        if self.recorder.trouble:
            self.said.append(f"recording failed at some attempts: {self.recorder.trouble}")
        if not left:
            self.outbox.remove()
            if self.url and count:
                build = self.query["build"]
                self.said.append(f"{count} attempts sent to {self.url} (build {build})")
            return
        if self.url:
            self.said.append(f"{left} of {count} attempts are not at the gateway yet: {why}")
            self.said.append("The next run sends them, or: " + self._command("upload"))
        else:
            self.said.append(f"{left} attempts recorded. Into the lake: {self._command('ingest')}")

    def _command(self, verb: str) -> str:
        """Return the command that takes what is left."""
        folder = self.outbox.folder
        with suppress(ValueError):
            folder = folder.relative_to(Path.cwd())
        words = ["golive", verb, *([] if verb == "upload" else ["reports"])]
        paths = self.outbox.reports() if verb == "upload" else [self.outbox.folder]
        words += [str(folder / path.name) if path != self.outbox.folder else str(folder)
                  for path in paths[:3]]  # fmt: skip
        for key, value in self.query.items():
            words += [f"--{key}", value]
        words += ["--url", self.url] if verb == "upload" else []
        return shlex.join(words)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the attempts went."""
        for line in self.said:
            terminalreporter.write_line(f"golive: {line}")


def _suite(config: pytest.Config) -> str:
    """Return the suite's name as pytest's JUnit XML would have it."""
    try:
        return str(config.getini("junit_suite_name") or names.SUITE)
    except ValueError:  # -p no:junitxml
        return names.SUITE
