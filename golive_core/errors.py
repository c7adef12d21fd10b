"""Every error that GoLive raises on purpose; what a library raises is mapped onto these.

GoLiveError                  what happened, where, and what to do
├── UsageError               the caller asked for something that cannot be (exit code 2)
│   └── SettingsError        golive.toml, an environment variable or a secret reference is wrong
├── LakeError                the lake cannot be read or written
│   ├── LakeFullError        the disk has no room left
│   ├── LakeVersionError     the lake was written by a newer GoLive
│   ├── LakeConflictError    another writer won, and retrying did not help
│   └── QueryError           SQL from a person was refused, wrong, too long or too large
├── SourceError              a source could not be read (carries the instance)
│   ├── SourceUnreachableError   no connection, time-out, reset, 5xx after every retry
│   ├── SourceAuthError      401, 403, an expired token, or a login page instead of data
│   ├── SourceThrottledError 429 or a quota is used up (carries retry_after_s)
│   └── SourceDataError      an answer or a file that is not what its format says
│       └── ReportError      a report file that cannot be parsed (carries path and line)
│           └── BrokenXmlError   ... since it is not well-formed (in ingest.parse.safe_xml)
├── BackupError              a backup is damaged, cut off, or not to be restored here
├── ModelFileError           a model's file is damaged, edited or not to be trusted (models.store)
├── LockedError              too many wrong passwords (golive_core.accounts, has retry_after_s)
├── CutError                 a model's answer was cut off at its limit (golive_agents)
├── TrialError               generated tests could not be tried out (golive_runner.sandbox.trial)
├── OpenIdError              the OpenID provider or its answer is not to be trusted (golive_gateway)
├── UnfinishedError          an action was cut off: it may have happened (golive_actions.action)
└── ServiceError             a process of `golive up` did not start or died
    └── AlreadyRunningError  another one serves this home (in golive_cli.serve.running)
"""

from __future__ import annotations


class GoLiveError(Exception):
    """What happened, where it happened and what to do about it; `str()` gives all three.

    `exit_code` is what the command line returns for it: 1 failed, 2 wrong use.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what, self.where, self.hint = what, where, hint
        super().__init__(what)

    def __str__(self) -> str:
        """Return one line: `where: what. hint`."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}. {self.hint}" if self.hint else head

    def __reduce__(self) -> tuple[object, ...]:
        """Keep every field when the error crosses a process boundary."""
        return (_rebuild, (type(self), self.what, dict(self.__dict__)))


def _rebuild(kind: type[GoLiveError], what: str, state: dict[str, object]) -> GoLiveError:
    error = kind.__new__(kind)
    Exception.__init__(error, what)
    error.__dict__.update(state)
    return error


class UsageError(GoLiveError):
    """The caller asked for something that cannot be."""

    exit_code = 2


class SettingsError(UsageError):
    """golive.toml, an environment variable or a secret reference is wrong."""


class LakeError(GoLiveError):
    """The lake cannot be read or written."""


class LakeFullError(LakeError):
    """The disk under the lake has no room left."""


class LakeVersionError(LakeError):
    """The lake was written by a newer GoLive than this one."""


class LakeConflictError(LakeError):
    """Another writer changed the same rows, and retrying did not help."""


class QueryError(LakeError):
    """SQL from a person was refused, wrong, ran too long or returned too much."""

    exit_code = 2


class SourceError(GoLiveError):
    """A source could not be read; `where` names the instance and what it was asked for."""


class SourceUnreachableError(SourceError):
    """No connection, a time-out, a reset, or a server error after every retry."""


class SourceAuthError(SourceError):
    """401, 403, an expired token, or a login page where data should be."""


class SourceThrottledError(SourceError):
    """The source asks to come back later; `retry_after_s` says when, in seconds."""

    def __init__(
        self, what: str, *, where: str = "", hint: str = "", retry_after_s: float = 60.0
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.retry_after_s = retry_after_s


class SourceDataError(SourceError):
    """An answer or a file that is not what its format says it is."""


class ReportError(SourceDataError):
    """A report file that cannot be parsed; `path` and `line` (from 1, or None) say where."""

    def __init__(self, what: str, *, path: str, line: int | None = None, hint: str = "") -> None:
        where = path if line is None else f"{path}:{line}"
        super().__init__(what, where=where, hint=hint)
        self.path, self.line = path, line


class BackupError(GoLiveError):
    """A backup cannot be made, is damaged or cut off, or is not to be restored here."""


class ServiceError(GoLiveError):
    """A process of `golive up` did not start, or died."""
