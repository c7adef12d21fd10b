"""What the contract does not ask of Confluence: text of pages, labels, zones, a hidden trash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from contract_stage import FILES, module
from loopback import serving

from ingest.parse.confluence import text
from ingest.source import Context, Cursor, Instance
from ingest.sources.confluence import Confluence

server = module(FILES["confluence"])


@pytest.fixture
def world() -> Iterator[server.World]:
    with serving(server.World()) as world:
        world.fill()
        yield world


@pytest.fixture
def pull(world: server.World, home: Path) -> Callable[..., tuple[Cursor | None, list[dict]]]:
    """Return a reader: the cursor and the documents that a pull brings."""

    def read(cursor: Cursor | None = None, **options: object) -> tuple[Cursor | None, list[dict]]:
        at = Instance("it", "confluence", "shop", {"url": world.url, "spaces": ["SHOP"], **options})
        source, found = Confluence(at, Context(home, home)), []
        for pulled in source.pull("pages", cursor=cursor, window=None):
            cursor = pulled.cursor
            for unit in source.plan(pulled.payloads):
                for parsed in source.parse(unit):
                    found += parsed.tables["core.documents"].to_dicts()
        return cursor, found

    return read


@pytest.mark.parametrize(
    ("storage", "plain"),
    [
        ("<h1>Runbook</h1><p>First&nbsp;<strong>stop</strong> it.<br/>Then start.</p>",
         "Runbook\nFirst stop it.\nThen start."),
        ("<ul><li><p>one</p></li><li>two &amp; &uuml;</li></ul>", "one\ntwo & ü"),
        ("<table><tbody><tr><th>a</th><td>b</td></tr></tbody></table>", "a b"),
        ('<ac:structured-macro ac:name="code"><ac:parameter ac:name="language">sh</ac:parameter>'
         "<ac:plain-text-body><![CDATA[if (a > b && c < d) {\n  go()\n}]]></ac:plain-text-body>"
         "</ac:structured-macro>", "if (a > b && c < d) {\ngo()\n}"),
        ('<p>See <ac:link><ri:page ri:content-title="Other" /></ac:link>.</p>', "See Other."),
        ("<ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-status>incomplete"
         "</ac:task-status><ac:task-body>Do it</ac:task-body></ac:task></ac:task-list>", "Do it"),
        ('<ac:structured-macro ac:name="toc"><ac:parameter ac:name="max"/></ac:structured-macro>'
         "<p>after</p>", "after"),
        ("<p>never closed <ac:parameter>hidden", "never closed"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_page_is_what_a_reader_sees(storage: str, plain: str) -> None:
    assert text(storage) == plain


def test_a_document_says_whose_and_which_version_it_is(pull: Callable) -> None:
    _, found = pull()
    (one,) = [row for row in found if row["document_id"] == "it:7"]
    assert (one["space"], one["title"], one["body"]) == ("SHOP", "Page 7", "Restart it")
    assert (one["author"], one["version"], one["labels"]) == ("Ann", 1, ["runbook"])
    assert one["updated_at"] == server.T0 + timedelta(minutes=7)
    assert one["url"].endswith("/spaces/SHOP/pages/7")
    assert not one["is_deleted"]


@pytest.mark.parametrize("hours", [-12, 0, 14])
def test_a_change_is_found_in_every_zone_of_the_user(
    world: server.World, pull: Callable, hours: int
) -> None:
    world.zone = timedelta(hours=hours)
    cursor, _ = pull()
    world.change()
    _, found = pull(cursor)
    assert "Wait" in [row["body"] for row in found]


def test_pages_in_the_trash_count_only_with_a_wanted_label(
    world: server.World, pull: Callable
) -> None:
    world.delete()
    world.pages[10] |= {"status": "trashed", "metadata": {"labels": {"results": []}}}
    _, found = pull(labels=["runbook"])
    searches = world.asked("content/search")
    assert all(' and label in ("runbook") order by' in one for one in searches)
    assert [row["document_id"] for row in found if row["is_deleted"]] == ["it:9"]


def test_a_trash_that_may_not_be_seen_is_no_error(world: server.World, pull: Callable) -> None:
    real = world.answer
    told = b'{"statusCode":403,"message":"Not permitted"}'
    world.answer = lambda asked: (
        (403, told, {}) if "status" in asked.query else real(asked)
    )  # fmt: skip
    _, found = pull()
    assert len(found) == 120
