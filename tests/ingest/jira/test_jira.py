"""What the contract does not ask of Jira: words, rich text, full seconds, zones, webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from contract_stage import FILES, module
from jira_recorded import rows
from loopback import ok, serving
from pydantic import ValidationError

from golive_core.errors import SourceDataError
from golive_core.window import Window
from ingest.parse.jira_words import text
from ingest.source import Context, Instance
from ingest.sources import jira
from ingest.sources.jira import Jira

server = module(FILES["jira"])


@pytest.fixture(params=["Cloud", "DataCenter"])
def world(request: pytest.FixtureRequest) -> Iterator[server.World]:
    with serving(server.World(deployment=request.param)) as world:
        yield world


@pytest.fixture
def pull(world: server.World, home: Path) -> Callable[..., list[dict]]:
    """Return a reader: the issues that a first pull brings."""

    def read(window: Window | None = None, **options: object) -> list[dict]:
        at = Instance("it", "jira", "shop", {"url": world.url, "projects": ["SHOP"], **options})
        source, found = Jira(at, Context(home, home)), []
        for pulled in source.pull("issues", cursor=None, window=window):
            for unit in source.plan(pulled.payloads):
                for parsed in source.parse(unit):
                    if "core.issues" in parsed.tables:
                        found += parsed.tables["core.issues"].to_dicts()
        return found

    return read


def test_more_changes_in_one_second_than_fit_on_a_page_are_all_read(
    world: server.World, pull: Callable[..., list[dict]]
) -> None:
    world.add(250, every_s=0)
    assert {row["key"] for row in pull()} == {f"SHOP-{n}" for n in range(1, 251)}


def test_a_change_after_many_of_one_second_is_news(world: server.World, home: Path) -> None:
    world.add(250, every_s=0)
    at = Instance("it", "jira", "shop", {"url": world.url, "projects": ["SHOP"]})
    source = Jira(at, Context(home, home))
    cursor = [one.cursor for one in source.pull("issues", cursor=None, window=None)][-1]
    assert not source.has_news("issues", cursor)
    world.touch(7, timedelta(seconds=1))
    assert source.has_news("issues", cursor)


def test_an_issue_that_changes_while_the_list_is_walked_hides_no_other(
    world: server.World, pull: Callable[..., list[dict]]
) -> None:
    world.add(230)
    real, number = world.found, []

    def changes(asked: object) -> object:
        number.append(asked)
        if len(number) == 2:
            for one in range(1, 60):
                world.touch(one, timedelta(days=1))
        return real(asked)

    world.found = changes
    assert {row["key"] for row in pull()} == {f"SHOP-{n}" for n in range(1, 231)}


def test_a_window_asks_for_what_changed_in_it(
    world: server.World, pull: Callable[..., list[dict]]
) -> None:
    world.add(10)
    start = server.T0 + timedelta(minutes=5)
    pull(Window(start, start + timedelta(minutes=2)))
    (jql,) = {path.partition("jql=")[2].partition("&")[0] for path in world.asked("jql=")}
    since, until = (int(start.timestamp() * 1000) + more for more in (0, 120_000))
    assert f"updated >= {since} AND updated < {until} ORDER BY" in jql


def test_an_answer_of_another_shape_is_told_and_stops_no_other_list(
    world: server.World, pull: Callable[..., list[dict]]
) -> None:
    world.found = lambda _: ok({"errorMessages": ["The index is being built"]})
    with pytest.raises(SourceDataError, match="index is being built"):
        pull()
    assert world.asked("/versions")


def test_own_jql_narrows_and_does_not_order(pull: Callable[..., list[dict]]) -> None:
    with pytest.raises(ValidationError, match="ORDER BY"):
        pull(jql="type = Bug order by key")


@pytest.mark.parametrize(
    ("document", "plain"),
    [
        ("h1. Wiki text", "h1. Wiki text"), (None, None), ("", None),
        ({"type": "doc", "content": [
            {"type": "heading", "content": [{"type": "text", "text": "Why"}]},
            {"type": "paragraph", "content": [
                {"type": "text", "text": "It "}, {"type": "text", "text": "fails"},
                {"type": "hardBreak"}, {"type": "mention", "attrs": {"text": "@Ann"}}]},
            {"type": "bulletList", "content": [
                {"type": "listItem", "content": [
                    {"type": "paragraph", "content": [{"type": "text", "text": "one"}]}]}]},
            {"type": "paragraph", "content": [
                {"type": "inlineCard", "attrs": {"url": "https://x.example"}}]}]},
         "Why\nIt fails\n@Ann\none\n\nhttps://x.example"),
    ],
)  # fmt: skip
def test_a_description_is_plain_text(document: object, plain: str | None) -> None:
    assert text(document) == plain


def at(**options: object) -> Instance:
    return Instance("it", "jira", "shop", {"url": "https://j.example", **options})


def test_a_sprint_of_an_own_server_is_text() -> None:
    java = ("com.atlassian.greenhopper.service.sprint.Sprint@1f[completeDate=<null>,id=7,"
            "name=Sprint 7,rapidViewId=8,state=ACTIVE,goal=]")  # fmt: skip
    other = [{"id": "3", "state": "x"}, "id=9", {"name": "no sprint"}]
    fields = {"customfield_1": [java], "customfield_2": other}
    found = rows("issues", {"issues": [{"id": "1", "key": "A-1", "fields": fields}]}, at())
    assert [row["sprint_id"] for row in found["core.sprint_issues"]] == ["it:7"]


def test_options_name_the_fields_and_kinds_of_a_site() -> None:
    fields = {"issuetype": {"name": "Wunsch"}, "customfield_1": "A-9", "customfield_2": 3,
              "customfield_3": "2026-03-04"}  # fmt: skip
    own = at(kinds={"Wunsch": "requirement"}, epic_field="customfield_1",
             story_points_field="customfield_2", due_field="customfield_3")  # fmt: skip
    body = {"issues": [{"id": "1", "key": "A-1", "fields": fields}]}
    (row,) = rows("issues", body, own)["core.issues"]
    assert (row["kind"], row["parent_key"], row["story_points"]) == ("requirement", "A-9", 3.0)
    assert row["due_at"] == datetime(2026, 3, 4, tzinfo=UTC)


def hooked(body: bytes, own: Instance) -> list[dict]:
    ((context, payload),) = jira.parse_webhook({}, body)
    return list(rows(context["kind"], json.loads(payload), own)["core.issues"])


def test_a_hook_gives_the_row_that_the_poll_gives(
    world: server.World, pull: Callable[..., list[dict]]
) -> None:
    world.add(1)
    polled = pull()
    issue = world.shown(world.issues[1])
    body = json.dumps({"webhookEvent": "jira:issue_updated", "issue": issue}).encode()
    assert hooked(body, Instance("it", "jira", "shop", {"url": world.url})) == polled


def test_a_hook_marks_an_issue_that_was_deleted() -> None:
    issue = {"id": "1", "key": "A-1", "fields": {"summary": "Gone"}}
    body = json.dumps({"webhookEvent": "jira:issue_deleted", "issue": issue}).encode()
    (row,) = hooked(body, at())
    assert (row["title"], row["is_deleted"]) == ("Gone", True)


@pytest.mark.parametrize("body", [b'{"webhookEvent": "sprint_started"}', b"[]", b"{}"])
def test_hooks_of_other_things_say_nothing(body: bytes) -> None:
    assert jira.parse_webhook({}, body) == []


def test_a_hook_is_believed_only_with_the_right_signature() -> None:
    body = b'{"webhookEvent": "jira:issue_created"}'
    right = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature": f"sha256={right}"}
    assert jira.verify(headers, body, "s3cret")
    assert not jira.verify(headers, body + b" ", "s3cret")
    assert not jira.verify(headers, body, "")
    assert not jira.verify({"X-Hub-Signature": f"md5={right}"}, body, "s3cret")
    assert not jira.verify({}, body, "s3cret")
