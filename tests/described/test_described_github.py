"""What is asked of GitHub, and its official example answers, by GitHub's own description.

Requests of the source (every stream: a first run, one after changes, a window, an owner, doctor)
and of every action are held against the description in Python, parameter by parameter, and once
more by a Prism, which serves the description. Prism then plays GitHub: each stream is pulled from
it, and what it answers, the official examples, becomes rows.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from api_description import Description, Operation
from asked_requests import asked_by_actions, distinct, noted, sends
from contract_stage import FILES, module
from github_server import (
    REPOSITORY,
    at,
    check_run,
    commit,
    deployed,
    deployment,
    pull,
    run,
    sha,
)
from loopback import Asked, missing, ok, parsed
from prism_server import node_package, prism

from golive_core.window import Window
from ingest.payload import Payload, payloads
from ingest.source import Context, Instance
from ingest.sources.github import Github

pytestmark = pytest.mark.timeout(60)
OPTIONS = {"repositories": ["acme/shop"], "logs": "all", "branches": ["b1"], "checks": 5}
ROUTES_OF_SOURCE = 29
ROUTES_OF_ACTIONS = 9
HERE = "/repos/{owner}/{repo}"
EXAMPLES = {
    " as repository": {"repositories": 1},
    "/branches as branches": {"branches": 1},
    "/tags as branches": {"branches": 1},
    "/commits as commits": {"commits": 1},
    "/compare/{basehead} as commits": {"commits": 1},
    "/pulls as pulls": {},  # a page gives the rows of those that are not asked for one by one
    "/pulls/{pull_number} as pulls": {"change_requests": 1},
    "/pulls/{pull_number}/commits as pull.commits": {"change_request_commits": 1},
    "/pulls/{pull_number}/reviews as reviews": {"reviews": 1},
    "/actions/runs as runs": {"builds": 1, "pipelines": 1},
    "/actions/runs/{run_id} as runs": {"builds": 1, "pipelines": 1},
    "/actions/runs/{run_id}/attempts/{attempt_number} as runs": {"builds": 1, "pipelines": 1},
    "/actions/runs/{run_id}/attempts/{attempt_number}/jobs as jobs": {"stages": 11},
    "/actions/runs/{run_id}/artifacts as artifacts": {"artifacts": 2},
    "/commits/{ref}/check-runs as check_runs": {"checks": 1},
    "/commits/{ref}/status as statuses": {"checks": 2},
    "/deployments/{deployment_id}/statuses as deployment": {"deployments": 1},
    "/issues as issues": {},  # the example is the issue of a pull request
    "/milestones as milestones": {"sprints": 1},
    "/releases as releases": {"releases": 1},
    "/users/{username} as account": {"accounts": 2},
    # Lists that only tell what is to be asked for:
    "/commits as index": {}, "/pulls as index": {}, "/deployments as index": {},
    "/assignees as members": {}, "/contributors as members": {},
}  # fmt: skip
"""Rows by core table of all official examples of an operation, by the parser of its answers."""
PULLED = {
    "accounts", "branches", "builds", "change_request_commits", "change_requests", "checks",
    "commits", "deployments", "pipelines", "releases", "repositories", "reviews", "sprints",
}  # fmt: skip
"""Tables with rows after a pull from Prism; its one run is queued, so that it has no jobs."""


def plain(path: str) -> str:
    """Return the path of a repository's list: links of GitHub name the repository by number."""
    return re.sub(r"^/repositories/\d+/", f"/repos/{REPOSITORY}/", path)


@pytest.fixture(scope="module")
def described() -> Description:
    file = node_package("@octokit/openapi/generated/api.github.com.json")
    return Description(
        json.loads(file.read_bytes()), media_type="application/vnd.github+json", renamed=plain
    )


def source(url: str, **options: object) -> Github:
    told = {"url": url, **OPTIONS, **options}
    return Github(Instance("hub", "github", "shop", told), Context(Path("home"), Path()))


def pull_all(hub: Github, cursors: dict[str, Any], window: Window | None = None) -> list[Payload]:
    """Pull every stream from where it stands, and return what was received."""
    received: list[Payload] = []
    for stream in hub.streams:
        for pulled in hub.pull(stream.name, cursor=cursors.get(stream.name), window=window):
            cursors[stream.name] = json.loads(json.dumps(pulled.cursor))
            received += payloads(pulled.payloads, hub.instance)
    return received


def change(world: Any) -> None:
    """Let things go on, a merge come, and everything have news."""
    world.runs |= {6001: run(1001, None), 5003: run(3, "failure", attempt=3)}
    world.commits.insert(0, commit(400, 250, 240))
    world.compared[f"{sha(250)}...{sha(400)}"] = [commit(399, 240), commit(400, 250, 240)]
    world.pulls[5] = pull(5, is_open=True)
    world.pulls[3] |= {"updated_at": at(5000)}
    world.check_runs[sha(400)] = [check_run(400, sha(400), None)]
    world.deployments[700] = (deployment(100), [deployed(90, "in_progress", 101)])


@pytest.fixture(scope="module")
def talk() -> tuple[list[Asked], list[Payload]]:
    """Return every request of pulls of all kinds and of doctor, and what the pulls received."""
    world = module(FILES["github"]).World()
    world.fill()
    people = {"users/acme/repos": lambda _: ok([{"full_name": REPOSITORY}]),
              "orgs/acme/repos": lambda _: missing()}  # fmt: skip
    with noted(world, people) as seen:
        hub, cursors = source(world.url), dict[str, Any]()
        received = pull_all(hub, cursors)
        change(world)
        received += pull_all(hub, cursors)
        pull_all(hub, cursors)
        pull_all(hub, {}, Window.of_days(date(2020, 1, 1), date(2030, 1, 1)))
        list(hub.check())
        list(source(world.url, repositories=[], owner="acme").check())
    return seen, received


@pytest.fixture(scope="module")
def asked(talk: tuple[list[Asked], list[Payload]]) -> list[Asked]:
    return talk[0]


@pytest.fixture(scope="module")
def asked_by_verbs(tmp_path_factory: pytest.TempPathFactory) -> list[Asked]:
    return asked_by_actions("github", tmp_path_factory.mktemp("actions"))


def operation(described: Description, one: Asked) -> Operation:
    found = described.operation(one.method, one.path)
    assert found, f"{one.method} {one.path}"
    return found


def test_what_the_source_asks_is_described(described: Description, asked: list[Asked]) -> None:
    assert [fault for one in asked for fault in described.faults(one)] == []
    found = {operation(described, one).route for one in asked}
    assert len(found) == ROUTES_OF_SOURCE, sorted(found)


def test_what_actions_send_is_described(
    described: Description, asked_by_verbs: list[Asked]
) -> None:
    assert [fault for one in asked_by_verbs for fault in described.faults(one)] == []
    found = {operation(described, one).route for one in asked_by_verbs}
    assert len(found) == ROUTES_OF_ACTIONS, sorted(found)
    assert any(one.body for one in asked_by_verbs)


@pytest.mark.parametrize(
    ("request_line", "body", "fault"),
    [
        ("GET repos/a/b/actions/runs?status=weird", None, "status=weird"),
        ("GET repos/a/b/actions/runs?per_page=many", None, "per_page=many"),
        ("GET repos/a/b/actions/runs?state=all", None, "no parameter state"),
        ("GET repos/a/b/actions/runs/seven", None, "run_id=seven"),
        ("GET repos/a/b/nothing", None, "is not described"),
        ("PATCH repos/a/b/pulls", None, "is not described"),
        ("POST repos/a/b/pulls", None, "a body is missing"),
        ("POST repos/a/b/statuses/1", {"state": "weird"}, "state: 'weird' is not one of"),
        ("POST repos/a/b/statuses/1", {"context": "x"}, "'state' is a required property"),
        ("POST repos/a/b/pulls", {"head": "x", "base": "y", "text": "z"}, "no field text"),
        ("POST repos/a/b/hooks", {"config": {"address": "z"}}, "no field config.address"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_found(
    described: Description, request_line: str, body: object, fault: str
) -> None:
    assert fault in " ".join(described.faults(asked_line(request_line, body)))


def asked_line(line: str, body: object = None) -> Asked:
    one = parsed(f"{line.replace(' ', ' /', 1)} HTTP/1.1\r\n\r\n")
    if body is not None:
        one.body, one.headers = json.dumps(body).encode(), {"content-type": "application/json"}
    return one


def test_the_official_examples_become_rows(
    described: Description, talk: tuple[list[Asked], list[Payload]]
) -> None:
    """Each parser is given the examples of the operation whose answers it reads."""
    found: dict[str, Counter[str]] = {}
    for one in talk[1]:
        asked = described.operation("GET", urlsplit(one.uri).path.lstrip("/"))
        examples = described.examples(asked) if asked else {}
        name = f"{asked.route.removeprefix(HERE)} as {one.kind}" if asked else ""
        if examples and name not in found:
            found[name] = Counter()
            for value in examples.values():
                made = Github.parsers[one.kind](replace(one, body=json.dumps(value).encode()))
                found[name].update({table: frame.height for table, frame in made.items()})
    assert {name: {table.removeprefix("core."): rows for table, rows in one.items() if rows}
            for name, one in found.items()} == EXAMPLES  # fmt: skip


# ---------------------------------------------------------------- Prism


@pytest.fixture(scope="module")
def hub(
    described: Description, asked: list[Asked], asked_by_verbs: list[Asked],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:  # fmt: skip
    """Return the address of a Prism that plays the operations that we use."""
    used = {(one.route, one.method): one for one in
            (operation(described, at) for at in [*asked, *asked_by_verbs])}  # fmt: skip
    with prism(described.part(used.values()), tmp_path_factory.mktemp("prism")) as url:
        yield url


def test_prism_lets_every_request_pass(
    described: Description, asked: list[Asked], asked_by_verbs: list[Asked], hub: str
) -> None:
    sent = distinct([*asked, *asked_by_verbs], lambda at: operation(described, at).route)
    assert len(sent) > ROUTES_OF_SOURCE + ROUTES_OF_ACTIONS
    with httpx.Client(base_url=hub, timeout=30) as client:
        for one in sent:
            answer = sends(client, one, plain("/" + one.raw_path))
            assert answer.status_code < 400, f"{one.method} {one.shown}: {answer.text}"


def test_prism_refuses_what_is_not_described(hub: str) -> None:
    wrong = asked_line(f"POST repos/{REPOSITORY}/statuses/{sha(1)}", {"state": "weird"})
    with httpx.Client(base_url=hub, timeout=30) as client:
        answer = sends(client, wrong)
    assert answer.status_code == 422
    assert "must be equal to one of the allowed values" in answer.text


def test_a_pull_from_prism_gives_rows(hub: str) -> None:
    asker = source(hub, repositories=["octocat/hello-world"], logs="none", reports=[])
    tables: set[str] = set()
    for stream in asker.streams:
        for pulled in asker.pull(stream.name, cursor=None, window=None):
            for unit in asker.plan(pulled.payloads):
                for made in asker.parse(unit):
                    assert not made.rejects
                    tables |= {name for name, frame in made.tables.items() if frame.height}
    assert tables == {f"core.{name}" for name in PULLED}
