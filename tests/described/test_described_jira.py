"""What is asked of Jira, and its official example answers, by Atlassian's description of Cloud.

The description is of 2022: the search that Cloud has had since, `/search/jql`, is not in it. Its
older one takes the same parameters but for `nextPageToken` in place of `startAt`. Own servers have
no description; the paths that we ask there are those of version 2, which are the same as those of 3
but for text, which version 3 has as documents.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from api_description import Description, Operation
from asked_requests import asked_by_actions, distinct, noted, sends
from contract_stage import FILES, module
from loopback import Asked, ok
from prism_server import prism

from ingest.payload import Payload
from ingest.source import Context, Instance
from ingest.sources.jira import Jira

pytestmark = pytest.mark.timeout(60)
server = module(FILES["jira"])
ROUTES_OF_SOURCE = {"Cloud": 11, "DataCenter": 11}
ROUTES_OF_ACTIONS = 5
SCHEMAS = "#/components/schemas/"


@pytest.fixture(scope="module")
def described(shared: Callable[[str], Path]) -> Description:
    """Return both descriptions as one, with version 2 and with the newer search."""
    texts = [shared(f"fixtures/openapi/jira-cloud-{name}-swagger.v3.json").read_text("utf-8")
             for name in ("platform", "software")]  # fmt: skip
    spec = json.loads(texts[0])
    software = json.loads(texts[1].replace(SCHEMAS, f"{SCHEMAS}Software"))
    schemas = software["components"]["schemas"]
    spec["components"]["schemas"] |= {f"Software{name}": one for name, one in schemas.items()}
    paths = spec["paths"]
    newer = copy.deepcopy({"get": paths["/rest/api/3/search"]["get"]})
    for one in newer["get"]["parameters"]:
        if one["name"] == "startAt":
            one |= {"name": "nextPageToken", "schema": {"type": "string"}}
    older = {path.replace("/api/3/", "/api/2/"): one for path, one in paths.items()}
    spec["paths"] = {**older, **paths, **software["paths"], "/rest/api/3/search/jql": newer}
    return Description(spec)


def source(url: str, folder: Path, **options: object) -> Jira:
    told = {"url": url, "user": "bot", "token": "env:JIRA_TOKEN", **options}
    return Jira(Instance("j", "jira", "shop", told), Context(folder, folder))


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIRA_TOKEN", "secret")


@pytest.fixture(params=["Cloud", "DataCenter"])
def edition(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def asked(edition: str, tmp_path: Path) -> list[Asked]:
    """Return every request of first and second pulls with all options, and of doctor."""
    return asked_of(edition, tmp_path)


def asked_of(edition: str, folder: Path) -> list[Asked]:
    world = server.World(deployment=edition)
    world.fill()
    world.add(210, every_s=0)
    world.past[7] = [server.change(n, server.T0, server.moved("1", "3")) for n in range(150)]
    project = [{"id": "1", "key": "SHOP"}]
    lists = {"rest/api/3/project/search": lambda _: ok(server.values(project)),
             "rest/api/2/project": lambda _: ok(project)}  # fmt: skip
    with noted(world, lists) as seen:
        for options in ({"projects": ["SHOP"], "jql": "type != Test"}, {}):
            jira = source(world.url, folder, **options)
            cursor = [one.cursor for one in jira.pull("issues", cursor=None, window=None)][-1]
            jira.has_news("issues", cursor)
            world.change()
            list(jira.pull("issues", cursor=cursor, window=None))
            list(jira.check())
    return seen


@pytest.fixture(scope="module")
def asked_by_verbs(tmp_path_factory: pytest.TempPathFactory) -> list[Asked]:
    return asked_by_actions("jira", tmp_path_factory.mktemp("actions"))


def operation(described: Description, one: Asked) -> Operation:
    found = described.operation(one.method, one.path)
    assert found, f"{one.method} {one.path}"
    return found


def test_what_the_source_asks_is_described(
    described: Description, asked: list[Asked], edition: str
) -> None:
    assert [fault for one in asked for fault in described.faults(one)] == []
    found = {operation(described, one).route for one in asked}
    assert len(found) == ROUTES_OF_SOURCE[edition], sorted(found)


def test_what_actions_send_is_described(
    described: Description, asked_by_verbs: list[Asked]
) -> None:
    assert [fault for one in asked_by_verbs for fault in described.faults(one)] == []
    found = {operation(described, one).route for one in asked_by_verbs}
    assert len(found) == ROUTES_OF_ACTIONS, sorted(found)


# ---------------------------------------------------------------- Prism


@pytest.fixture(scope="module")
def all_asked(asked_by_verbs: list[Asked], tmp_path_factory: pytest.TempPathFactory) -> list[Asked]:
    folder = tmp_path_factory.mktemp("jira")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JIRA_TOKEN", "secret")
        return [*asked_of("Cloud", folder), *asked_of("DataCenter", folder), *asked_by_verbs]


@pytest.fixture(scope="module")
def played(
    described: Description, all_asked: list[Asked], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Return the address of a Prism that plays the operations that we use.

    Its pages are all the last: an example that announces another would be given for ever. The
    example of a search says 1 where every Jira says a time.
    """
    used = {(one.route, one.method): one for one in (operation(described, at) for at in all_asked)}
    part = json.dumps(described.part(used.values())).replace('"isLast": false', '"isLast": true')
    part = part.replace('"updated": 1,', '"updated": "2022-07-17T09:00:00.000+0000",')
    with prism(json.loads(part), tmp_path_factory.mktemp("prism")) as url:
        yield url


def test_prism_lets_every_request_pass(
    described: Description, all_asked: list[Asked], played: str
) -> None:
    sent = distinct(all_asked, lambda at: operation(described, at).route)
    with httpx.Client(base_url=played, timeout=30) as client:
        for one in sent:
            answer = sends(client, one)
            assert answer.status_code < 400, f"{one.method} {one.shown}: {answer.text}"


def test_a_pull_from_prism_gives_rows(played: str, tmp_path: Path) -> None:
    jira = source(played, tmp_path, projects=["EX"])
    heights: dict[str, int] = {}
    for pulled in jira.pull("issues", cursor=None, window=None):
        for unit in jira.plan(pulled.payloads):
            for made in jira.parse(unit):
                assert not made.rejects
                for table, frame in made.tables.items():
                    heights[table] = heights.get(table, 0) + frame.height
    assert {name: rows for name, rows in heights.items() if rows} == {
        "core.issues": 1, "core.sprints": 2, "core.versions": 2,
    }  # fmt: skip


def test_the_official_example_of_a_history_becomes_changes(described: Description) -> None:
    history = described.operation("GET", "rest/api/3/issue/TT-1/changelog")
    assert history
    (example,) = described.examples(history).values()
    context = {"kind": "changelog", "issue": "1", "sprints": [], "statuses": {}}
    jira = source("http://127.0.0.1", Path())
    made = Jira.parsers["changelog"](
        Payload(jira.instance, "1", "u", json.dumps(example).encode(), context)
    )
    changes = made["core.issue_transitions"]
    assert changes.height == sum(len(one["items"]) for one in example["values"]) > 0
    assert changes["changed_at"].null_count() == 0
