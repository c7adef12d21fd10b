"""What a verb brings to the contract: what a server answers, and what it should be sent.

One file a target in `cases/`, with `TYPE`, `OPTIONS`, `TOKEN` (how credentials travel) and
`CASES`; the suite finds it. Answers have the shapes of the server's documentation.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "ingest"))

from loopback import Asked, Loopback, Reply, missing

Answers = Mapping[str, Any]
"""By `METHOD path`: a JSON value, or (status, value or bytes, headers)."""


@dataclass(frozen=True)
class Case:
    """One verb with parameters; `request` is `METHOD path` of what it sends, `body` its JSON.

    `looks` is how many lookups come before. `result` is part of what comes back. `state` holds
    answers once the thing exists (for verbs that find it) and `found` part of the result then.
    """

    verb: str
    parameters: Mapping[str, Any]
    answers: Answers
    result: Any
    request: str = ""
    body: Any = None
    looks: int = 0
    state: Answers = field(default_factory=dict)
    found: Any = None
    tag: str = ""

    def __str__(self) -> str:
        return self.verb + (f"-{self.tag}" if self.tag else "")


@dataclass
class World(Loopback):
    """Answers as it is told and remembers what it was asked."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked_for: list[Asked] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply:
        self.asked_for.append(asked)
        given = self.answers.get(f"{asked.method} {asked.path}")
        if given is None:
            return missing()
        status, value, headers = given if isinstance(given, tuple) else (200, given, {})
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        named = {key: text.replace("{url}", self.url) for key, text in headers.items()}
        return status, body.replace(b"{url}", self.url.encode()), named

    def sent(self) -> list[Asked]:
        """Return what was to change something."""
        return [one for one in self.asked_for if one.method not in ("GET", "HEAD")]


def covers(found: Any, part: Any) -> bool:
    """Tell whether every key of `part` has its value in `found`, inside lists too."""
    if isinstance(part, Mapping):
        return isinstance(found, Mapping) and all(
            key in found and covers(found[key], value) for key, value in part.items()
        )
    if isinstance(part, list):
        return len(part) == len(found) and all(map(covers, found, part))
    return bool(found == part)


def load(path: Path) -> ModuleType:
    """Return the module of a file of cases."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(f"action_cases_{path.stem}", path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODULES = [load(path) for path in sorted((Path(__file__).parent / "cases").glob("*.py"))]
