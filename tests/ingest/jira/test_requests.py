"""What is asked of Jira, against Atlassian's own description of the API of Cloud.

The description is of 2022: the search that Cloud has had since, `/search/jql`, is not in it. Its
older one takes the same parameters but for `nextPageToken` in place of `startAt`. Servers have no
description; the paths that we ask there are those of version 2, which are the same as those of 3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from contract_stage import FILES, module
from loopback import Asked, Reply, ok, serving

from ingest.source import Context, Instance
from ingest.sources.jira import Jira

server = module(FILES["jira"])
FILES_OF = ("platform", "software")
NEWER = {"/rest/api/3/search/jql": ("/rest/api/3/search", {"nextPageToken": "startAt"})}


@pytest.fixture(scope="module")
def described(shared: Callable[[str], Path]) -> dict[str, dict[str, set[str]]]:
    """Return the parameters by method and path of both descriptions."""
    found: dict[str, dict[str, set[str]]] = {}
    for name in FILES_OF:
        path = shared(f"fixtures/openapi/jira-cloud-{name}-swagger.v3.json")
        for route, methods in json.loads(path.read_text(encoding="utf-8"))["paths"].items():
            found[route] = {
                method.upper(): {one["name"] for one in told.get("parameters", ())}
                for method, told in methods.items()
                if method != "parameters"
            }
    return found


@pytest.fixture(params=["Cloud", "DataCenter"])
def asked(request: pytest.FixtureRequest, home: Path) -> Iterator[list[Asked]]:
    """Return every request of two pulls with all options, and of doctor."""
    world, seen = server.World(deployment=request.param), []
    world.fill()
    world.add(210, every_s=0)
    world.past[7] = [server.change(n, server.T0, server.moved("1", "3")) for n in range(150)]
    real = world.answer

    def noting(one: Asked) -> Reply:
        seen.append(one)
        if one.path in ("rest/api/3/project/search", "rest/api/2/project"):
            found = [{"id": "1", "key": "SHOP"}]
            return ok(server.values(found) if "search" in one.path else found)
        return real(one)

    world.answer = noting
    with serving(world):
        for options in ({"projects": ["SHOP"], "jql": "type != Test"}, {}):
            at = Instance("j", "jira", "shop", {"url": world.url, **options})
            source = Jira(at, Context(home, home))
            list(source.pull("issues", cursor=None, window=None))
            list(source.check())
        yield seen


def route(path: str, routes: dict[str, object]) -> str:
    """Return the described path that a request fits; one with fewer names in braces first."""
    plain = "/" + path.replace("rest/api/2/", "rest/api/3/")
    plain, _ = NEWER.get(plain, (plain, {}))
    for one in sorted(routes, key=lambda one: one.count("{")):
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", one), plain):
            return one
    pytest.fail(f"{plain} is not described")


def test_every_request_is_described(
    asked: list[Asked], described: dict[str, dict[str, set[str]]]
) -> None:
    found = set()
    for one in asked:
        name = route(one.path, described)
        renamed = NEWER.get(f"/{one.path}", ("", {}))[1]
        given = {renamed.get(param, param) for param in one.query}
        assert one.method in described[name], name
        assert given <= described[name][one.method], name
        found.add(name)
    assert len(found) == 11, found
