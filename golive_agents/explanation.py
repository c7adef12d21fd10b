"""What an explanation consists of. Each part says which rows or log lines it rests on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

Kind = Literal["failure", "build", "file"]


@dataclass(frozen=True, slots=True)
class Cite:
    """Rows of one table that a claim rests on: `key` are the values that find them."""

    table: str
    key: str

    def __str__(self) -> str:
        """Return `table key`."""
        return f"{self.table} {self.key}"

    @property
    def sql(self) -> str:
        """The SELECT that shows the rows."""
        pairs = (part.partition("=") for part in self.key.split(" "))
        wanted = " and ".join(
            f"cast({name} as varchar) = '{value.replace(chr(39), chr(39) * 2)}'"
            for name, _, value in pairs
        )
        return f"select * from {self.table} where {wanted}"  # noqa: S608 - shown, not run


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One telling line: where it stands (`source` names the log), its number there, why it shows.

    `source` is `failure 17` for the text of a failure, `log of BUILD (service)` or a path.
    """

    source: str
    number: int
    text: str
    level: str
    score: float
    reasons: tuple[str, ...]

    @property
    def cite(self) -> str:
        """The place: source and number."""
        return f"{self.source}:{self.number}"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A commit that may have broken it: its probability given the results of CI."""

    sha: str
    probability: float
    subject: str | None
    author: str | None
    committed_at: datetime | None
    failed: int
    passed: int
    cite: Cite


@dataclass(frozen=True, slots=True)
class Suspects:
    """The likeliest commits of a range; `elsewhere` is P(none of the range): flaky, or older."""

    commits: tuple[Suspect, ...]
    good_sha: str
    bad_sha: str
    of: int
    elsewhere: float
    basis: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A commit with which the tests of a failure passed again; it or one since bad_sha mended."""

    good_sha: str
    bad_sha: str
    fixed_at: datetime
    subject: str | None
    author: str | None
    tests: int
    cite: Cite


@dataclass(frozen=True, slots=True)
class Past:
    """A failure of the past that reads alike (likeness 1 is the same signature)."""

    signature_id: int
    type: str | None
    message: str | None
    likeness: float
    first_seen_at: datetime | None
    fixes: tuple[Fix, ...]
    cite: Cite


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket that reads alike; `status` is todo, in_progress or done."""

    key: str
    title: str
    status: str | None
    url: str | None
    likeness: float
    created_at: datetime | None
    cite: Cite


@dataclass(frozen=True, slots=True)
class Cause:
    """The category of cause that the words speak of: P(cause), and the words."""

    name: str
    confidence: float
    evidence: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next, why, and the command that does it, "" where there is none."""

    text: str
    basis: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class FailedTest:
    """A test that failed, and what the flakiness model says of it."""

    test_id: int
    title: str
    verdict: str | None
    probability: float | None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known of one failure, build or log; empty parts are not known."""

    kind: Kind
    id: str
    title: str
    project_id: str = ""
    build_id: str = ""
    commit_sha: str = ""
    branch: str = ""
    signature_id: int | None = None
    signature: str = ""
    lines: tuple[ShownLine, ...] = ()
    tests: tuple[FailedTest, ...] = ()
    suspects: Suspects | None = None
    past: tuple[Past, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    cause: Cause | None = None
    next_step: Step | None = None
    cites: tuple[Cite, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)
