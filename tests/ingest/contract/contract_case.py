"""What a source brings to the contract: a small world on the loopback, and what it should give.

One file a source in `cases/`, with a `CASE`; the suite finds it. The world is the source's real
shape, in the words of its documentation or of recordings, and answers `loopback.Asked`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).parents[1]))

from loopback import Fault

from ingest.source import Source


class World(Protocol):
    """A `loopback.Loopback` that holds a state; `token` is what it demands, None for nothing.

    `limits` are headers of every answer.
    """

    token: str | None
    limits: dict[str, str]
    faults: list[Fault]
    seen: list[str]
    clock_s: float
    latency_s: float
    url: str

    def fault(self, where: str, kind: str, times: int = 1, seconds: float = 1.0) -> None: ...

    def fill(self) -> None:
        """Put things into every list: more than two pages of the main one."""

    def expected(self) -> dict[str, int]:
        """Return the rows by core table that an ingest of the present state gives."""

    def change(self) -> Changed:
        """Change one thing, after everything else in time."""

    def delete(self) -> Changed | None:
        """Take one thing away; None where the source cannot tell."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What should be seen of a change: `column` of the row of `table` where `where` holds."""

    table: str
    where: str
    column: str
    value: object


@dataclass(frozen=True, slots=True)
class Case:
    """A source beside its world.

    `main` is a part of `path?query` of the requests for the main list, on which faults strike, and
    `options` what golive.toml says of the world at a URL; with `secret` the token comes from the
    variable CONTRACT_TOKEN. `page` makes a world whose main list has exactly `n` entries.
    `second_run` is how many requests an unchanged second run may take, and `kill_at` at which of a
    first run's a kill may strike. `refusal` is what the answer to a wrong token says.
    """

    source: type[Source]
    world: Callable[[], World]
    main: str
    options: Callable[[str], Mapping[str, Any]]
    secret: Mapping[str, str] = field(default_factory=dict[str, str])
    page: Callable[[World, int], Mapping[str, int]] | None = None
    page_size: int = 100
    second_run: int = 1
    kill_at: tuple[int, int] = (2, 4)
    refusal: str = "401"
