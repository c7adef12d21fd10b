"""What the contract does not ask of SonarQube: the 10,000 results, shares, words, webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from contract_stage import FILES, module
from loopback import serving

from golive_core.errors import SourceDataError
from ingest.parse.sonarqube import effort_s
from ingest.payload import Payload
from ingest.source import Context, Instance
from ingest.sources import sonarqube
from ingest.sources.sonarqube import Sonarqube

server = module(FILES["sonarqube"])
HOOK = {
    "serverUrl": "https://sonar.example.org", "taskId": "AX", "status": "SUCCESS",
    "analysedAt": "2026-03-01T12:00:00+0000", "revision": f"{0:040x}",
    "project": {"key": server.KEY, "name": "Shop"},
    "branch": {"name": "main", "type": "BRANCH", "isMain": True},
    "qualityGate": {"name": "Sonar way", "status": "ERROR", "conditions": [
        {"metric": "coverage", "operator": "LESS_THAN", "value": "75.0", "status": "ERROR",
         "errorThreshold": "80"}]},
}  # fmt: skip


@pytest.fixture
def world() -> Iterator[server.World]:
    with serving(server.World()) as world:
        yield world


@pytest.fixture
def rows(world: server.World, home: Path) -> Callable[..., list[dict]]:
    """Return a reader: the rows of a table that a first pull of a stream brings."""

    def read(stream: str, table: str, **options: object) -> list[dict]:
        source = made(world.url, home, **options)
        units = (
            unit
            for pulled in source.pull(stream, cursor=None, window=None)
            for unit in source.plan(pulled.payloads)
        )
        found = (parsed for unit in units for parsed in source.parse(unit))
        return [row for one in found if table in one.tables for row in one.tables[table].to_dicts()]

    return read


def made(url: str, home: Path, **options: object) -> Sonarqube:
    return Sonarqube(
        Instance("it", "sonarqube", "shop", {"url": url, **options}), Context(home, home)
    )


def test_issues_beyond_ten_thousand_are_all_read(
    world: server.World, rows: Callable[..., list[dict]]
) -> None:
    world.add(10_100)
    found = rows("findings", "core.code_findings")
    assert {row["finding_id"] for row in found} == {f"it:I{n}" for n in range(10_100)}
    assert not [path for path in world.asked("issues/search") if path.endswith("p=21")]


def test_more_than_ten_thousand_of_one_second_are_told(
    world: server.World, rows: Callable[..., list[dict]]
) -> None:
    world.add(10_001, every_s=0)
    with pytest.raises(SourceDataError, match="were created at"):
        rows("findings", "core.code_findings")


def test_a_change_during_the_walk_by_creation_is_met_the_next_time(
    world: server.World, home: Path
) -> None:
    world.add(10_100)
    source, real, number = made(world.url, home), world.answer, []

    def changes(asked: object) -> object:
        number.append(asked)
        if len(number) == 15:
            later = server.written(server.T0 + timedelta(days=1))
            world.issues["I1"] |= {"status": "CONFIRMED", "updateDate": later}
        return real(asked)

    world.answer = changes
    cursor = [one.cursor for one in source.pull("findings", cursor=None, window=None)][-1]
    assert source.has_news("findings", cursor)
    again = list(source.pull("findings", cursor=cursor, window=None))
    assert b'"CONFIRMED"' in b"".join(again[0].payloads["body"].to_list())


def test_projects_that_were_not_analysed_are_not_asked_for(world: server.World, home: Path) -> None:
    world.fill()
    source = made(world.url, home)
    cursor = [one.cursor for one in source.pull("analyses", cursor=None, window=None)][-1]
    world.seen.clear()
    assert list(source.pull("analyses", cursor=cursor, window=None)) == []
    assert len(world.seen) == 1
    world.change()
    assert source.has_news("analyses", cursor)


def test_percentages_are_shares_of_what_they_count(
    world: server.World, rows: Callable[..., list[dict]]
) -> None:
    world.fill()
    found = rows("analyses", "core.code_measures")
    (one,) = [row for row in found if row["metric"] == "line_coverage" and row["at"] == server.T0]
    assert (one["value"], one["total"]) == (0.75, 75.0)
    assert one["commit_sha"] == f"{0:040x}"
    assert {row["value"] for row in found if row["metric"] == "ncloc"} == {75.0}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5min", 300), ("1h5min", 3900), ("6h1min", 21660), ("1d 2h", 36000), ("1d", 28800),
     (None, None), ("soon", None)],
)  # fmt: skip
def test_efforts_are_working_time(text: str | None, seconds: float | None) -> None:
    assert effort_s(text) == seconds


def test_a_hook_gives_the_row_that_the_poll_gives(
    world: server.World, home: Path, rows: Callable[..., list[dict]]
) -> None:
    world.fill()
    polled = [row for row in rows("analyses", "core.quality_gates") if row["at"] == server.T0]
    body = json.dumps(HOOK).encode()
    (payload,) = sonarqube.parse_webhook({}, body)
    assert hooked(payload, world.url) == polled


def hooked(payload: tuple[dict, bytes], url: str) -> list[dict]:
    at = Instance("it", "sonarqube", "shop", {"url": url})
    context, body = payload
    found = Sonarqube.parsers[context["kind"]](Payload(at, "1", "u", body, context))
    return found["core.quality_gates"].to_dicts()


@pytest.mark.parametrize(
    "other", [{"branch": {"name": "x", "type": "BRANCH", "isMain": False}}, {"qualityGate": None}]
)
def test_hooks_of_other_branches_and_without_a_gate_say_nothing(other: dict) -> None:
    told = {name: value for name, value in {**HOOK, **other}.items() if value is not None}
    assert sonarqube.parse_webhook({}, json.dumps(told).encode()) == []


def test_a_hook_is_believed_only_with_the_right_signature() -> None:
    body = json.dumps(HOOK).encode()
    right = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    headers = {"X-Sonar-Webhook-HMAC-SHA256": right}
    assert sonarqube.verify(headers, body, "s3cret")
    assert not sonarqube.verify(headers, body + b" ", "s3cret")
    assert not sonarqube.verify(headers, body, "other")
    assert not sonarqube.verify(headers, body, "")
    assert not sonarqube.verify({}, body, "s3cret")
