"""How loading tells how far it is: what the progress bars of the command line are fed with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Step:
    """How far one stream of one instance has come; counts grow over the step."""

    instance: str
    phase: Literal["pull", "conform", "mine"]
    stream: str
    payloads: int = 0
    rows: int = 0
    requests: int = 0
    total: int | None = None
    """Payloads to do, where that is known."""


Progress = Callable[[Step], None]


def quiet(step: Step) -> None:
    """Report nothing: the default progress."""


@dataclass(frozen=True, slots=True)
class AssetStep:
    """What just happened to one asset of a run; `counts` is what its metadata counts."""

    asset: str
    state: Literal["started", "done", "failed", "check failed"]
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    message: str = ""
