"""What a source or an action asks, noted by the server that it talks to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from action_case import MODULES
from action_case import World as ActionWorld
from action_stage import SECRET, Stage
from loopback import Asked, Loopback, Reply, serving

from golive_core.lake import Lake


@contextmanager
def noted(
    world: Loopback, also: Mapping[str, Callable[[Asked], Reply]] | None = None
) -> Iterator[list[Asked]]:
    """Serve a world and note what it is asked; `also` answers paths that it does not know."""
    seen: list[Asked] = []
    real = world.answer

    def answer(asked: Asked) -> Reply:
        seen.append(asked)
        more = (also or {}).get(asked.path)
        return more(asked) if more else real(asked)

    world.answer = answer
    with serving(world):
        yield seen


def asked_by_actions(kind: str, folder: Path) -> list[Asked]:
    """Return what all cases of the actions of a target send, both ways where there are two."""
    seen: list[Asked] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACTION_TOKEN", SECRET)
        patch.setenv("HOOK_SECRET", "hook-secret-value")
        patch.setenv("GOLIVE_HOME", str(folder))
        cases = [(module, case) for module in MODULES if kind == module.TYPE
                 for case in module.CASES]  # fmt: skip
        for number, (module, case) in enumerate(cases):
            for state in ({}, case.state) if case.state else ({},):
                with serving(ActionWorld(token=SECRET)) as world:
                    lake = Lake(folder / f"lake{number}{len(state)}")
                    stage = Stage(module, case, world, lake)
                    world.answers |= state
                    stage.perform()
                    seen += world.asked_for
    return seen


def distinct(asked: list[Asked], route: Callable[[Asked], Any]) -> list[Asked]:
    """Return one request of each method, route and set of parameters, and all that have a body."""
    found: dict[object, Asked] = {}
    for number, one in enumerate(asked):
        shape = (one.method, route(one), *sorted(one.query), number if one.body else 0)
        found.setdefault(shape, one)
    return list(found.values())


def sends(client: httpx.Client, one: Asked, path: str = "") -> httpx.Response:
    """Send to another server what was sent to one, at `path` if that is another there."""
    kind = {name: one.headers[name] for name in ("accept", "content-type") if name in one.headers}
    return client.request(
        one.method, path or "/" + one.raw_path, params=one.query, content=one.body, headers=kind
    )
