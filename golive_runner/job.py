"""What a run is to do, and what its process tells while it does it: lines of JSON in a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golive_runner.attempt import Attempt

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Job:
    """Documents in their order (absolute paths) and how they are run.

    `home` holds the artifact store; `root` is the folder that suites are named from; `baselines`
    are the SHA-256 of approved pictures by look (golive_core.ids.look_id), `rejected` those of
    rejected ones where none was approved.
    """

    files: tuple[str, ...]
    home: str
    root: str
    browser: str = "chromium"
    headed: bool = False
    keep: str = "all"
    retries: int | None = None
    base: str = ""
    """Where the documents are tried, in place of what they name."""
    baselines: Mapping[str, str] = field(default_factory=dict[str, str])
    rejected: Mapping[str, Sequence[str]] = field(default_factory=dict[str, "Sequence[str]"])

    def write(self, path: Path) -> None:
        """Write it for the process that does it."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Job:
        """Read what `write` wrote."""
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_json(path.read_text())


class Told:
    """The file that a running job tells its progress in."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, file: str, limit_s: float) -> None:
        """Tell that a document, or its next attempt, begins; it may take `limit_s` seconds."""
        self._say({"begin": file, "limit_s": limit_s})

    def attempt(self, attempt: Attempt) -> None:
        """Tell a whole attempt."""
        self._say({"attempt": asdict(attempt)})

    def done(self, file: str) -> None:
        """Tell that a document has no more attempts."""
        self._say({"done": file})

    def wrong(self, file: str, error: str) -> None:
        """Tell that a document cannot be run at all."""
        self._say({"wrong": file, "error": error})

    def _say(self, event: Mapping[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(event, default=datetime.isoformat) + "\n")


def events(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the events of whole lines."""
    for line in lines:
        if line.endswith("\n"):
            yield json.loads(line)


@cache
def _adapter() -> TypeAdapter[Attempt]:
    from pydantic import TypeAdapter

    return TypeAdapter(Attempt)


def attempt_of(event: Mapping[str, Any]) -> Attempt:
    """Return the attempt that an event tells."""
    return _adapter().validate_python(event["attempt"])
